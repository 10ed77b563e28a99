"""trainer.resume=RUN takes that run's own settings, and says what contradicts them."""

import json
import os
import subprocess
import sys
import zipfile

import pytest
import yaml
from hydra import compose, initialize_config_dir

from product_length.composition import CONF
from product_length.errors import ConfigError, UserError
from product_length.experiment import Experiment, from_config
from product_length.resumed_run import resumed
from product_length.training.seal import seal

OWN = [
    "loss=huber",
    "features=knn",
    "features.neighbours.k=7",
    "embeddings=[lsa,ngrams]",
    "embeddings.encoders.lsa.dimensions=8",
    "trainer.max_epochs=3",
    "trainer.batch_size=64",
    "tracking=none",
    "seed=5",
]


@pytest.fixture(params=[True, False], ids=["started by a command", "settings alone"])
def run(request, tmp_path):
    """A folder as a run leaves it, but for what is in its checkpoint."""
    folder = tmp_path / "a run"
    (folder / "checkpoints").mkdir(parents=True)
    with zipfile.ZipFile(folder / "checkpoints/last.ckpt", "w") as archive:
        archive.writestr("weights", "")
    seal(folder / "checkpoints/last.ckpt")
    with initialize_config_dir(str(CONF)):
        config = from_config(compose("train", overrides=OWN), Experiment)
    text = yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False)
    (folder / "config.yaml").write_text(text, encoding="utf-8")
    if request.param:
        (folder / ".hydra").mkdir()
        (folder / ".hydra/overrides.yaml").write_text(yaml.safe_dump(OWN), encoding="utf-8")
    return folder


def quoted(path):
    return f"trainer.resume='{path}'"


def test_its_own_settings_are_taken(run):
    last = run / "checkpoints/last.ckpt"
    for place in (run, last):
        config = resumed("train", [quoted(place)]).config
        assert config.trainer.resume == last
        kept = yaml.safe_load((run / "config.yaml").read_text(encoding="utf-8"))
        kept["trainer"]["resume"] = str(last)
        assert config.model_dump(mode="json") == kept
        assert list(config.embeddings.encoders) == ["lsa", "ngrams"]


def test_what_may_change_is_taken(run):
    given = ["trainer=gpu", "trainer.max_epochs=9", "tracking=wandb", "tracking.project=mine"]
    given += ["cache_dir=/elsewhere", "trainer.progress=false", "hydra.run.dir=here"]
    config = resumed("train", [quoted(run), *given]).config
    assert (config.trainer.accelerator, config.trainer.max_epochs) == ("gpu", 9)
    assert (config.trainer.batch_size, config.trainer.progress) == (64, False)
    assert (config.tracking.name, config.tracking.project) == ("wandb", "mine")
    assert str(config.cache_dir) == "/elsewhere"
    assert (config.seed, config.features.neighbours.k) == (5, 7)


def test_settings_given_again_are_no_contradiction(run):
    assert resumed("train", [*OWN, quoted(run)]).config.seed == 5
    assert resumed("train", ["seed=5", "loss=huber", quoted(run)]).config.loss.name == "huber"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("seed=6", "seed was 5, is 6"),
        ("loss=mape", "loss.name was huber, is mape"),
        ("features.neighbours.k=8", "features.neighbours.k"),
        ("features=text", "features.neighbours"),
        ("features.neighbours=null", "features.neighbours.k was 7, is null"),
        ("trainer.max_epochs=2", "trainer.max_epochs was 3, is 2"),
        ("trainer.learning_rate=0.1", "trainer.learning_rate was 0.001, is 0.1"),
        ("trainer.patience=50", "trainer.patience was 5, is 50"),
        ("data.rows=1700", "data.rows was 20000, is 1700"),
        ("embeddings=lsa", "embeddings.encoders.ngrams"),
        ("experiment=rmsle", "a run goes on as it began: "),
        ("experiment=best", "trainer.resume="),
        ("trainer.max_epoch=2", "did you mean trainer.max_epochs?"),
    ],
)
def test_a_contradiction_names_both_values(run, given, said):
    with pytest.raises(ConfigError) as caught:
        resumed("train", [quoted(run), given])
    assert said in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_what_is_no_run_is_refused(run):
    def refused(place):
        with pytest.raises(UserError) as caught:
            resumed("train", [quoted(place)])
        assert len(str(caught.value).splitlines()) == 1
        return str(caught.value)

    assert "there is no such checkpoint as " in refused(run / "nowhere")
    (run / ".hydra").mkdir(exist_ok=True)
    (run / ".hydra/overrides.yaml").write_text("]", encoding="utf-8")
    assert "overrides.yaml: damaged" in refused(run)
    settings = (run / "config.yaml").read_text(encoding="utf-8")
    for text, said in [
        (settings.replace("seed: 5", "seed: five"), "seed=five"),
        ("", "is required"),
        ("a: [", "damaged"),
    ]:
        (run / "config.yaml").write_text(text, encoding="utf-8")
        assert said in refused(run)
    last = run / "checkpoints/last.ckpt"
    whole = last.read_bytes()
    last.write_bytes(b"a" + whole[1:])
    assert "last.ckpt: damaged" in refused(run)
    last.write_bytes(b"")
    assert "the file is empty" in refused(last)
    (run / "config.yaml").unlink()
    assert "which has the run's settings" in refused(run)
    (run / "config.yaml").touch()
    (run / "checkpoints/last.ckpt").unlink()
    assert "no epoch of it was completed" in refused(run)


def test_nothing_is_resumed_unless_asked_for():
    assert resumed("train", ["seed=3"]) is None
    assert resumed("train", ["trainer.resume=null"]) is None


def test_a_command_hands_them_on_without_importing_torch(run, tmp_path):
    program = (
        "import json, sys\n"
        "from product_length.command import run_command\n"
        "from product_length.experiment import Experiment\n"
        "def task(config, folder, overrides):\n"
        "    assert 'torch' not in sys.modules\n"
        "    print(json.dumps([config.model_dump(mode='json'), str(folder), overrides]))\n"
        f"sys.argv = ['train', {quoted(run)!r}, 'trainer.max_epochs=4', 'hydra.run.dir=new']\n"
        "run_command('train', Experiment, task)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path, check=True
    )
    config, folder, overrides = json.loads(done.stdout)
    assert (config["seed"], config["trainer"]["max_epochs"]) == (5, 4)
    assert folder == str(tmp_path / "new")
    if (run / ".hydra").exists():
        assert overrides[:2] == OWN[:2]
        assert overrides.count("trainer.max_epochs=4") == 1
        assert "trainer.max_epochs=3" not in overrides


@pytest.mark.slow
def test_a_run_is_continued_and_extended_from_the_command_line(tmp_path):
    """Cut, continued and extended by naming its folder, it comes to what is never cut."""

    def train(*words):
        command = [sys.executable, "-m", "product_length.train", *words]
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            cwd=tmp_path,
            check=False,
            env={**os.environ, "PRODUCT_LENGTH_CACHE": str(tmp_path / "cache")},
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    small = [
        "data.rows=400",
        "data.types=8",
        "embeddings.encoders.lsa.dimensions=8",
        "tracking=none",
    ]
    small += ["loss=histogram", "model.hidden=[16]", "trainer.accelerator=cpu"]
    train(*small, "trainer.max_epochs=2", "hydra.run.dir=short")
    assert "2 of 2 epochs are done, it is finished" in train("trainer.resume=short")
    caught = train("trainer.resume=short", "trainer.max_epochs=4", "hydra.run.dir=more")
    assert "2 of 4 epochs are done; the run goes on in " in caught
    assert "one cycle over 4 epochs" in caught
    report = json.loads((tmp_path / "more/report.json").read_text(encoding="utf-8"))
    assert [entry["epoch"] for entry in report["history"]] == [1, 2, 3, 4]
    assert report["overrides"][: len(small)] == small
    log = (tmp_path / "more/train.log").read_text(encoding="utf-8")
    assert "epoch 3/4: val/loss " in log
    config = yaml.safe_load((tmp_path / "more/config.yaml").read_text(encoding="utf-8"))
    assert (config["data"]["rows"], config["loss"]["name"]) == (400, "histogram")
