"""A command line: what is wrong with it is reported at once, all of it, in one message."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.errors import HydraException
from hypothesis import given, settings
from hypothesis import strategies as st

from product_length.composition import CONF, check_overrides, group_options
from product_length.errors import ConfigError, UserError
from product_length.experiment import EmbeddingJob, Experiment, from_config
from product_length.prediction.config import PredictionJob
from product_length.sweeping.prepare import prepare
from product_length.train import train

FAULTS = {
    "unknown option": (
        ["loss=mapee"],
        ["loss=mapee: no such option (did you mean mape?)", "huber"],
    ),
    "unknown option in a list": (["embeddings=[lsa,bert]"], ["embeddings=bert", "all_four"]),
    "unknown option in a sweep": (["loss=mape,rmse"], ["loss=rmse", "rmsle"]),
    "unknown experiment": (["experiment=bset"], ["experiment=bset", "baseline"]),
    "misspelt group": (["los=mape"], ["los: no such key (did you mean loss?)"]),
    "misspelt key": (
        ["trainer.max_epoch=3"],
        [
            "trainer.max_epoch: no such key (did you mean trainer.max_epochs?)",
            "trainer has",
            "patience",
        ],
    ),
    "key of another option": (["loss=mape", "loss.gamma=2"], ["loss.gamma: no such key", "name"]),
    "key below a value": (["seed.x=1"], ["seed.x: no such key", "seed is a single value"]),
    "added key": (["+trainer.momentum=0.9"], ["trainer.momentum", "no such key"]),
    "wrong type": (["trainer.max_epochs=many"], ["trainer.max_epochs=many", "integer"]),
    "fraction for a count": (["trainer.batch_size=1.5"], ["trainer.batch_size=1.5", "integer"]),
    "out of range": (["trainer.learning_rate=-1"], ["trainer.learning_rate=-1", "greater than 0"]),
    "dropout above one": (["model.dropout=1.5"], ["model.dropout=1.5", "less than 1"]),
    "not among the choices": (
        ["trainer.precision=fp8"],
        ["trainer.precision=fp8", "'bf16-mixed'", "'auto'"],
    ),
    "empty list": (["model.hidden=[]"], ["model.hidden=[]", "at least 1"]),
    "shares that do not add up": (["data.split.train=0.5"], ["data.split", "must be 1"]),
    "track without rows": (["data.min_length=9", "data.max_length=5"], ["min_length is above"]),
    "field twice": (["data.text.fields=[title,title]"], ["data.text", "once"]),
    "no such field": (["data.text.fields=[name]"], ["data.text.fields.0=name", "'title'"]),
    "key of an absent encoder": (
        ["embeddings.encoders.minilm.model=/x"],
        ["embeddings.encoders.minilm.model: no such key", "embeddings.encoders has lsa"],
    ),
    "missing file": (["data=amazon2023"], ["data.path is required: give data.path=…"]),
    "heads that do not divide": (["model=attention", "model.heads=3"], ["heads must divide width"]),
    "neighbours of an absent encoder": (
        ["features=knn", "features.neighbours.embedding=minilm"],
        ["features.neighbours.embedding=minilm", "choose one of lsa"],
    ),
    "address of a cluster without Ray": (
        ["embeddings.ray_address=head:6379"],
        ["ray_address=head:6379 needs embeddings.engine=ray"],
    ),
    "no worker": (["embeddings.workers=0"], ["embeddings.workers", "greater than or equal to 1"]),
    "no such engine": (["embeddings.engine=spark"], ["embeddings.engine=spark", "'ray'"]),
    "recall above one": (
        ["features=knn", "features.neighbours.recall=95"],
        ["features.neighbours.recall=95", "less than or equal to 1"],
    ),
    "no such index": (
        ["features=knn", "features.neighbours.index=ivf"],
        ["'approximate'", "'auto'"],
    ),
    "several processes on one device": (
        ["trainer=ddp", "trainer.devices=1"],
        ["trainer.strategy=ddp", "2 or more"],
    ),
    "several machines without processes": (
        ["trainer.nodes=2"],
        ["trainer.nodes=2 needs trainer.strategy=ddp"],
    ),
    "unknown sweeper": (["hydra/sweeper=nope"], ["hydra/sweeper/nope"]),
    "bad syntax": (["loss=[mape"], ["loss=[mape"]),
    "too few demo rows": (["data.rows=5"], ["data.rows=5", "100"]),
    "too small type table": (["features.types.min_rows=0"], ["features.types.min_rows=0"]),
    "unknown sweep": (["sweep=loses"], ["sweep=loses: no such option (did you mean losses?)"]),
    "sweep that is no name": (
        ["sweep=losses", "sweep.name=.."],
        ["sweep.name=..: must be a name of letters"],
    ),
    "broken seed": (["seed=-1"], ["seed=-1", "greater than or equal to 0"]),
}


@pytest.mark.parametrize(("overrides", "said"), FAULTS.values(), ids=FAULTS.keys())
def test_each_fault_is_named(overrides, said):
    with pytest.raises(ConfigError) as caught:
        check_overrides("train", Experiment, overrides)
    for words in said:
        assert words in str(caught.value)
    assert "Traceback" not in str(caught.value)


def test_all_faults_are_reported_together():
    with pytest.raises(ConfigError) as caught:
        check_overrides(
            "train",
            Experiment,
            ["trainer.max_epochs=0", "seed=-1", "model.dropout=2", "data.rows=1"],
        )
    message = str(caught.value)
    assert message.startswith("4 faults:\n")
    assert message.count("\n  - ") == 4


def test_unknown_keys_and_options_are_reported_together():
    with pytest.raises(ConfigError, match=r"^2 faults") as caught:
        check_overrides("train", Experiment, ["loss=nope", "model=nope", "trainer.nope=1"])
    assert "loss=nope" in str(caught.value)
    assert "model=nope" in str(caught.value)


@pytest.mark.parametrize(
    "overrides",
    [
        [],
        ["loss=mape", "features.use_log_target=true"],
        ["loss=mape,log_mape,rmsle", "features.use_log_target=true,false", "seed=1,2,3"],
        ["seed=range(1,5)", "loss=glob(*)", "trainer.learning_rate=interval(1e-4,1e-2)"],
        ["embeddings=[minilm,lsa]", "features=knn", "features.neighbours.embedding=minilm"],
        ["embeddings=all_four", "embeddings.encoders.minilm.model=/models/minilm"],
        ["data=amazon2023", "data.path=train.csv", "data.max_length=5000"],
        ["features.types=null", "hydra.run.dir=/tmp/x"],
        ["hydra/launcher=basic", "hydra/sweeper=basic"],
    ],
)
def test_sound_command_lines_pass(overrides):
    check_overrides("train", Experiment, overrides)


def test_the_other_commands_check_too():
    check_overrides("embed", EmbeddingJob, ["embeddings=minilm", "data.rows=500"])
    with pytest.raises(ConfigError, match="3 faults"):
        check_overrides("predict", PredictionJob, [])
    with pytest.raises(ConfigError, match="loss: no such key; there are data, embeddings"):
        check_overrides("embed", EmbeddingJob, ["loss=mape"])


def test_hidden_files_are_no_options():
    assert group_options("data") == ["amazon2023", "demo", "file"]


@pytest.mark.parametrize(
    ("module", "arguments", "said"),
    [
        ("train", ["trainer.max_epoch=3"], "did you mean trainer.max_epochs?"),
        ("train", ["data=amazon2023", "data.path=nowhere.csv"], "nowhere.csv: no such file"),
        ("train", ["hydra.run.dir=/proc/nowhere/run"], "/proc/nowhere: cannot be written"),
        ("predict", ["checkpoint=no.ckpt", "data.path=a", "output=b"], "no.ckpt"),
        ("embed", ["embeddings=bert"], "embeddings=bert: no such option"),
        ("train", ["--loss", "mape"], "options are written as key=value: loss=mape"),
        ("embed", ["data=amazon2023", "data.path=a,[b] c.csv"], "a,[b] c.csv: no such file"),
    ],
)
def test_a_fault_ends_the_process_with_one_message(tmp_path, module, arguments, said):
    done = subprocess.run(
        [sys.executable, "-m", f"product_length.{module}", *arguments],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert done.returncode in (1, 2)
    assert said in done.stderr
    assert done.stderr.startswith("error: ")
    assert len(done.stderr.strip().splitlines()) == 1
    assert done.stdout == ""


HEAVY = {"torch", "lightning", "faiss", "wandb", "sklearn", "scipy", "sentence_transformers"}


@pytest.mark.parametrize(
    ("module", "arguments", "code"),
    [
        ("train", ["loss=nope"], 2),
        ("train", ["trainer.accelerator=mps"], 2),
        ("train", ["data=amazon2023", "data.path=nowhere.csv"], 1),
        ("train", ["-m", "sweep=losses", "data=amazon2023", "data.path=nowhere.csv"], 1),
        ("embed", ["embeddings=minilm", "embeddings.encoders.minilm.device=gpu0"], 1),
        ("predict", ["checkpoint=no.ckpt", "data.path=a.csv", "output=b.csv"], 1),
    ],
)
def test_what_is_wrong_at_first_sight_is_said_without_a_heavy_import(
    tmp_path, module, arguments, code
):
    program = (
        f"import runpy, sys; sys.argv = ['{module}', *{arguments}]\n"
        f"try:\n    runpy.run_module('product_length.{module}', run_name='__main__')\n"
        "except SystemExit as end:\n"
        f"    print(end.code, sorted({HEAVY} & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path, check=True
    )
    assert done.stdout.strip() == f"{code} []"
    assert [path.name for path in tmp_path.iterdir()] in ([], ["outputs"])


def prepared(*overrides):
    return prepare("train", Experiment, list(overrides))


def test_a_sweep_is_named_after_what_it_does():
    sweep = prepared("sweep=losses")
    (study,) = [text for text in sweep.overrides if text.startswith("study=losses-")]
    name = study.removeprefix("study=")
    assert sweep.config.study == name
    assert str(sweep.folder) == f"multirun/{name}"
    same = ["sweep=losses", "tracking=none", "cache_dir=/elsewhere", "trainer.progress=false"]
    same += ["hydra.sweeper.n_jobs=2", "storage=sqlite:///elsewhere.db"]
    same += ["embeddings.engine=ray", "embeddings.workers=4", "embeddings.ray_address=head:6379"]
    assert prepared(*same).config.study == name
    others = [["data.rows=1000"], ["seed=1,2"], ["seed=4"], ["model=attention"]]
    names = {prepared("sweep=losses", *other).config.study for other in others}
    names |= {prepared("sweep=reference").config.study, name}
    assert len(names) == 6


def test_a_sweeps_study_and_folder_can_be_chosen():
    sweep = prepared("sweep=losses", "study=mine", "hydra.sweep.dir=here")
    assert sweep.overrides == []
    assert str(sweep.folder) == "here"


@pytest.mark.parametrize(
    "name",
    [
        "..",
        ".",
        "../x",
        "a/b",
        "/tmp/x",
        "",
        "'a\n'",
        "'\x07'",
        "a" * 81,
        "-x",
        ".x",
        "a+b",
        "'a b'",
    ],
)
def test_a_study_has_a_name_and_no_path(name):
    with pytest.raises(ConfigError, match=r"(?s)^study=.*: must be a name of letters"):
        prepared("sweep=losses", f"study={name}")


@settings(max_examples=25, deadline=None)
@given(st.text(st.sampled_from("a7._-/\\~ \n\0é+"), max_size=5))
def test_a_folder_of_a_study_lies_in_multirun(name):
    try:
        sweep = prepared("sweep=losses", f"study={name}")
    except (ConfigError, HydraException):  # the latter for what is no override at all
        return
    assert sweep.folder.parent == Path("multirun")
    assert re.fullmatch(r"multirun/[A-Za-z0-9_][A-Za-z0-9._-]*", str(sweep.folder))


def test_a_number_is_a_name_too():
    assert prepared("sweep=losses", "study=2026").config.study == "2026"


@pytest.mark.parametrize("word", ["study=a,b", "sweep=losses,tune", "storage=sqlite:///a,b"])
def test_a_sweep_has_one_study(word):
    with pytest.raises(ConfigError, match=f"{word}: one sweep has one; give one value"):
        prepared("sweep=losses", word)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["data.split.fold=2", "data.split.folds=3"],
            "data.split.fold=2: sweep=folds trains every",
        ),
        (["data.split.fold=0"], "data.split.fold=0: sweep=folds trains every fold"),
        (["data.split.fold=0,1"], "data.split.fold=0,1: sweep=folds trains every fold"),
        (["+data.split={fold:1}"], "data.split.fold=1: sweep=folds trains every fold"),
        (["data.split.folds=5,10"], "data.split.folds=5,10: one sweep has one; give one value"),
        (["data.split.folds=null"], "data.split.folds=null: sweep=folds needs a number"),
        (["data.split.folds=1"], "data.split.folds=1: must be greater"),
    ],
)
def test_a_sweep_over_all_folds_is_given_none_of_them(words, said):
    with pytest.raises(ConfigError, match=re.escape(said)) as caught:
        prepared("sweep=folds", *words)
    assert "\n" not in str(caught.value)


def test_a_sweep_over_ten_folds_is_another_study():
    five, ten = (prepared("sweep=folds", f"data.split.folds={n}").config for n in (5, 10))
    assert five.study == prepared("sweep=folds").config.study
    assert five.study != ten.study
    assert (five.data.split.folds, ten.data.split.folds) == (5, 10)


def test_a_plain_grid_has_a_folder_and_no_study():
    sweep = prepared("loss=mape,huber")
    assert sweep.config.study is None
    assert sweep.overrides == [f"hydra.sweep.dir={sweep.folder}"]
    assert str(sweep.folder).startswith("multirun/20")


def test_a_sweep_without_multirun_is_reported():
    done = subprocess.run(
        [sys.executable, "-m", "product_length.train", "sweep=losses"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr == "error: sweep=losses: a sweep is many runs; add -m (--multirun)\n"


@pytest.mark.parametrize("split", ["val", "test"])
def test_a_run_does_not_replace_the_catalogue_that_it_reads(tmp_path, split):
    catalogue = tmp_path / f"predictions_{split}.parquet"
    catalogue.write_bytes(b"PAR1")
    (tmp_path / "link.parquet").symlink_to(catalogue)
    with initialize_config_dir(str(CONF)):
        chosen = ["data=amazon2023", f"data.path={tmp_path / 'link.parquet'}"]
        experiment = from_config(compose("train", overrides=chosen), Experiment)
    with pytest.raises(UserError, match=r"of this run: is the same file as data\.path="):
        train(experiment, tmp_path, [])
    assert catalogue.read_bytes() == b"PAR1"


FAILING = """
import sys
from product_length.command import run_command
from product_length.errors import InterruptedFitError, UserError
from product_length.experiment import Experiment
def task(config, folder, overrides):
    raise {raised}
sys.argv = ["train", "hydra.run.dir=run", "hydra.sweep.dir=runs", *{words}]
run_command("train", Experiment, task)
"""


@pytest.mark.parametrize(
    ("raised", "words", "said"),
    [
        ("UserError('the disk is full')", [], "error: the disk is full\n"),
        ("InterruptedFitError('interrupted after 2')", [], "interrupted after 2\n"),
        ("ZeroDivisionError('by 0')", [], "error: ZeroDivisionError: by 0\nTraceback (most recent"),
        ("UserError('the disk is full')", ["-m", "seed=1,2"], "error: the disk is full\n"),
    ],
    ids=["a person's mistake", "interrupted", "a fault", "in a sweep"],
)
def test_a_run_that_fails_leaves_why_in_its_log(tmp_path, raised, words, said):
    program = FAILING.format(raised=raised, words=words)
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert done.returncode != 0
    logs = list(tmp_path.glob("run*/**/train.log"))
    assert logs
    for log in logs:
        text = log.read_text(encoding="utf-8")
        assert f" {said}" in text
        if not words:  # of a sweep's run Hydra logs a traceback itself
            assert ("Traceback" in text) == ("Zero" in raised)
    if not words:  # reported once on the console
        assert (done.stdout + done.stderr).count(raised.split("'")[1]) == 1
