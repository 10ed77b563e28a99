"""The straight line from a catalogue to a run folder, with real parts."""

import html
import json
import re

import numpy as np
import pytest
import yaml
from builders import job, scored
from tracking.transaction_log import read_run

from product_length import pipeline
from product_length.composition import group_options
from product_length.errors import UserError
from product_length.evaluation import evaluate
from product_length.evaluation.report import load_report
from product_length.experiment import EmbeddingJob, Experiment
from product_length.memo import Memo
from product_length.pages.run import PAGE_FILE
from product_length.pipeline import read_and_embed, run

LSA = ["embeddings.encoders.lsa.dimensions=16", "embeddings.encoders.lsa.char_ngrams=null"]
TRAINER = [
    "trainer.max_epochs=3",
    "trainer.batch_size=64",
    "trainer.accelerator=cpu",
    "trainer.progress=false",
    "evaluation.resamples=100",
]
HIDDEN = "model.hidden=[32,16]"
QUICK = [*LSA, *TRAINER, "model=mlp", HIDDEN, "tracking=none"]


def experiment(cache, *overrides):
    return job("train", Experiment, f"cache_dir={cache}", *QUICK, *overrides)


@pytest.fixture(scope="module")
def finished(tmp_path_factory, catalogue):
    """A finished run with neighbours and measurements, and its val MAPE."""
    root = tmp_path_factory.mktemp("run")
    chosen = experiment(
        root / "cache",
        "data=amazon2023",
        f"data.path={catalogue / 'train.csv'}",
        "features=full",
        "features.neighbours.k=5",
        "features.use_log_target=true",
    )
    return root / "run", run(chosen, root / "run", ["features=full"])


@pytest.fixture
def written(finished):
    """Its configuration, as plain values."""
    return yaml.safe_load((finished[0] / "config.yaml").read_text())


def test_a_run_leaves_everything_in_its_folder(finished):
    folder, mape = finished
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*.*")}
    assert files >= {
        "config.yaml",
        "report.json",
        "predictions_val.parquet",
        "predictions_test.parquet",
        "checkpoints/best.ckpt",
        "checkpoints/last.ckpt",
        "examples.json",
        "report.html",
    }
    assert not [name for name in files if "partial" in name]
    report = json.loads((folder / "report.json").read_text())
    val = report["splits"]["val"]
    assert val["metrics"]["values"]["mape"]["value"] == pytest.approx(mape, rel=1e-6)
    assert set(val["baselines"]) == {"constant", "type_median", "neighbour_median", "tfidf_ridge"}
    assert sum(report["data"]["rows"].values()) == report["data"]["reading"]["rows_kept"]
    stages = {"start", "read", "embed", "features", "train", "evaluate", "write"}
    assert set(report["timings"]) == stages
    assert len(report["history"]) == report["epochs"] == 3
    found = scored(folder)
    y, p = (np.array(list(found[each].values())) for each in ("length", "prediction"))
    assert np.mean(np.abs(y - p) / y) == pytest.approx(mape, rel=1e-6)


def test_config_of_a_run_repeats_it_from_what_is_kept(
    finished, written, tmp_path, caplog, monkeypatch
):
    caplog.set_level("INFO")
    monkeypatch.setattr(pipeline, "_fitted", Memo("features"))  # as in another process
    assert run(Experiment.model_validate(written), tmp_path / "again", []) == finished[1]
    for said in ("found in", "16 dimensions, reused", "neighbours: reused", "measurements: reused"):
        assert said in caplog.text
    assert "of the run before" not in caplog.text


def test_runs_share_features_and_baselines_while_nothing_else_changes(
    finished, written, tmp_path, monkeypatch
):
    made = []
    for module, whole in ((pipeline, pipeline.fit_features), (evaluate, evaluate.fit_baselines)):

        def counted(*arguments, whole=whole, **options):
            made.append(whole.__name__)
            return whole(*arguments, **options)

        monkeypatch.setattr(module, whole.__name__, counted)
    monkeypatch.setattr(pipeline, "_fitted", Memo("features"))

    def features(**changes):
        own = written["features"]
        return {"features": own | {name: own[name] | each for name, each in changes.items()}}

    of_the_network = features(
        types={"width": 5, "dropout": 0.3}, neighbours={"width": 7}, measurements={"width": 7}
    )
    reports = []
    for number, change in enumerate([
        {},
        {"loss": {"name": "rmsle"}, "seed": 7},
        of_the_network,
        features(neighbours={"k": 4}),
        {"data": written["data"] | {"max_length": 3000.0}},
    ]):  # fmt: skip
        run(Experiment.model_validate(written | change), tmp_path / str(number), [])
        reports.append(load_report(tmp_path / str(number)))
    # Those of the run before, baselines from the cache too, but for the last two changes.
    assert made == ["fit_features", *["fit_features", "fit_baselines"] * 2]
    assert reports[0].val.metrics.mape.value == pytest.approx(finished[1])
    assert reports[0].parameters != reports[2].parameters
    medians = [r.val.baselines["neighbour_median"].metrics.mape.value for r in reports]
    assert medians[0] == medians[1] == medians[2]
    assert len(set(medians)) == 3
    assert all(r.seconds_before_first_step > 0 for r in reports)


def test_demo_runs_know_the_best_possible_answer(tmp_path):
    chosen = experiment(tmp_path / "cache", "data.rows=400", "data.types=8")
    mape = run(chosen, tmp_path / "run", [])
    report = json.loads((tmp_path / "run" / "report.json").read_text())
    oracle = report["splits"]["val"]["oracle"]
    assert oracle["metrics"]["values"]["mape"]["value"] < mape
    assert oracle["difference"]["value"] > 0


def test_a_run_is_followed_in_wandb_to_its_end(tmp_path):
    """A real offline W&B run of a real training run, read back from its file."""
    chosen = experiment(
        tmp_path / "cache",
        "data.rows=300",
        "data.types=8",
        "tracking=wandb",
        "tracking.group=together",
        "loss=rmsle",
    )
    mape = run(chosen, tmp_path / "run", ["loss=rmsle"])
    logged = read_run(tmp_path / "run")
    assert logged.exit_code == 0
    assert logged.run.run_group == "together"
    assert logged.run.display_name == "loss=rmsle"
    assert logged.config["loss"] == {"name": "rmsle"}
    epochs = [row for row in logged.history if "val/mape" in row]
    assert [row["_step"] for row in epochs] == [1, 2, 3]
    assert {"train/loss", "val/loss", "val/rmsle", "val/score", "learning_rate"} <= set(epochs[0])
    shown = {key for row in logged.history for key in row}
    kinds = ("best", "worst", "error_by_band")
    assert {f"{split}/{kind}" for split in ("val", "test") for kind in kinds} <= shown
    assert logged.summary["val/mape"] == pytest.approx(mape, rel=1e-6)
    assert logged.summary["parameters"] > 0
    on_page = page_figures(tmp_path / "run")
    assert len(on_page) >= 6
    assert logged_figures(tmp_path / "run", logged) == on_page


def page_figures(folder):
    """What each chart of a run's page draws, by its title."""
    page = (folder / PAGE_FILE).read_text(encoding="utf-8")
    (data,) = re.findall(r'<script [^>]*id="figures">(.*?)</script>', page, flags=re.DOTALL)
    titles = re.findall(r"<h3>([^<]*)</h3>.*?</figcaption>\n<div class=\"chart\"", page)
    figures = json.loads(data)
    assert len(titles) == len(figures)
    return dict(zip(map(html.unescape, titles), map(drawn, figures), strict=True))


def logged_figures(folder, logged):
    """The same of the figures that W&B was given."""
    cells = {key: value for row in logged.history for key, value in row.items()}
    files = {
        name: folder.glob(f"wandb/*/files/{cell['path']}")
        for name, cell in cells.items()
        if isinstance(cell, dict) and cell["_type"] == "plotly-file"
    }
    return {
        name.removeprefix("page/"): drawn(json.loads(next(paths).read_text()))
        for name, paths in files.items()
    }


def drawn(figure):
    return [{key: trace.get(key) for key in ("type", "name", "x", "y")} for trace in figure["data"]]


def test_wandb_is_told_of_a_run_that_fails(tmp_path):
    chosen = experiment(
        tmp_path / "cache",
        "data.rows=300",
        "data.types=8",
        "tracking=wandb",
        "trainer.learning_rate=1e30",
        "trainer.gradient_clip=0",
    )
    with pytest.raises(UserError, match="diverged"):
        run(chosen, tmp_path / "run", [])
    assert read_run(tmp_path / "run").exit_code == 1
    assert not (tmp_path / "run" / "report.json").exists()


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A tiny demo without baselines, in a cache that its users share."""
    cache = tmp_path_factory.mktemp("small") / "cache"
    return [f"cache_dir={cache}", "data.rows=300", "data.types=8", "evaluation.baselines=false"]


# The others are those of experiments.
@pytest.mark.parametrize("loss", ["weighted_mape", "log_mape", "focal_mape", "combined"])
def test_every_other_loss_trains(tmp_path, small, loss):
    chosen = job("train", Experiment, *QUICK, *small, f"loss={loss}")
    assert 0 < run(chosen, tmp_path / "run", []) < 50


@pytest.mark.parametrize("model", group_options("model"))
def test_a_distribution_trains_with_every_model(tmp_path, small, model):
    size = HIDDEN if model == "mlp" else "model.width=16"
    words = [*LSA, *TRAINER, "tracking=none", *small, "loss=histogram", f"model={model}", size]
    chosen = job("train", Experiment, *words)
    assert 0 < run(chosen, tmp_path / "run", []) < 50


@pytest.mark.parametrize("name", group_options("experiment"))
def test_every_experiment_trains(tmp_path, small, name):
    encoder = "words" if name == "best" else "lsa"
    quick = [override.replace("encoders.lsa.", f"encoders.{encoder}.") for override in QUICK]
    chosen = job("train", Experiment, *quick, *small, f"experiment={name}")
    assert 0 < run(chosen, tmp_path / "run", []) < 50


@pytest.mark.parametrize("model", ["residual_mlp", "gated_fusion", "attention"])
def test_every_other_model_trains_on_several_encoders(tmp_path, minilm, model):
    chosen = job(
        "train",
        Experiment,
        f"cache_dir={tmp_path / 'cache'}",
        *LSA,
        *TRAINER,
        "tracking=none",
        "embeddings=[minilm,lsa]",
        f"embeddings.encoders.minilm.model={minilm}",
        "embeddings.encoders.minilm.max_seq_length=16",
        "data.rows=120",
        "data.types=4",
        f"model={model}",
        "model.width=16",
    )
    assert 0 < run(chosen, tmp_path / "run", []) < 50


def test_embedding_ahead_is_found_by_training(tmp_path):
    common = ["data.rows=300", "data.types=8", f"cache_dir={tmp_path / 'cache'}", *QUICK[:2]]
    _, ahead = read_and_embed(job("embed", EmbeddingJob, *common))
    _, later = read_and_embed(job("embed", EmbeddingJob, *common))
    assert [each.reused for each in [*ahead, *later]] == [False, True]


def test_another_length_range_encodes_nothing_again(catalogue, minilm, tmp_path, caplog):
    common = [
        "data=amazon2023",
        f"data.path={catalogue / 'train.csv'}",
        f"cache_dir={tmp_path / 'cache'}",
        "embeddings=minilm",
        f"embeddings.encoders.minilm.model={minilm}",
        "embeddings.encoders.minilm.max_seq_length=8",
    ]
    every, [whole] = read_and_embed(job("embed", EmbeddingJob, *common))
    caplog.set_level("INFO")
    some, [part] = read_and_embed(job("embed", EmbeddingJob, *common, "data.max_length=800"))
    assert "384 dimensions, reused" in caplog.text
    kept = np.flatnonzero(every.lengths <= 800)
    assert 100 < len(some) == len(kept) < len(every)
    np.testing.assert_array_equal(part.vectors, whole.vectors[kept])


def test_run_on_real_rows(sample, tmp_path):
    """A small run on the real catalogue: read, embed, train, evaluate."""
    chosen = experiment(
        tmp_path / "cache",
        "data=amazon2023",
        f"data.path={sample}",
        "data.max_length=5000",
        "features.use_log_target=true",
    )
    mape = run(chosen, tmp_path / "run", [])
    report = json.loads((tmp_path / "run" / "report.json").read_text())
    assert report["data"]["reading"]["rows_read"] == 7392
    assert (
        mape
        < report["splits"]["val"]["baselines"]["constant"]["metrics"]["values"]["mape"]["value"]
    )
