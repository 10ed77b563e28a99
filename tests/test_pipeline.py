"""The whole line, from a catalogue to a run folder and a submission, with real parts."""

import csv
import json
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
import yaml
from hydra import compose, initialize_config_dir
from tracking.transaction_log import read_run

from product_length import pipeline
from product_length.artefacts import ArtefactStore
from product_length.catalogue.unlabelled import open_unlabelled
from product_length.comparison.compare import compare
from product_length.comparison.formats import as_text
from product_length.comparison.runs import load_runs
from product_length.composition import CONF, group_options
from product_length.demo.generator import DemoGenerator
from product_length.embeddings.lsa import LsaEncoder
from product_length.errors import ConfigError, UserError
from product_length.evaluation import judge
from product_length.evaluation.metrics import band_codes
from product_length.evaluation.report import load_report
from product_length.evaluation.summary import summary
from product_length.experiment import EmbeddingJob, Experiment, from_config
from product_length.latest import Latest
from product_length.pipeline import read_and_embed, run
from product_length.predict import predict
from product_length.prediction.checkpoint import load_predictors
from product_length.prediction.config import PredictionJob
from product_length.training.checkpoint_file import read_checkpoint, write_checkpoint

QUICK = [
    "embeddings.encoders.lsa.dimensions=16",
    "embeddings.encoders.lsa.char_ngrams=null",
    "model=mlp",
    "model.hidden=[32,16]",
    "trainer.max_epochs=3",
    "trainer.batch_size=64",
    "trainer.accelerator=cpu",
    "trainer.progress=false",
    "tracking=none",
    "evaluation.resamples=100",
]


def job(name, schema, *overrides):
    with initialize_config_dir(str(CONF)):
        return from_config(compose(name, overrides=list(overrides)), schema)


def experiment(cache, *overrides):
    return job("train", Experiment, f"cache_dir={cache}", *QUICK, *overrides)


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory):
    """A generated catalogue of 600 rows as a CSV file, and the same without lengths."""
    folder = tmp_path_factory.mktemp("catalogue")
    table = pa.Table.from_batches(DemoGenerator(rows=600, types=20, seed=3).batches())
    rows = table.to_pylist()
    names = table.column_names
    for path, columns in [("train.csv", names), ("test.csv", names[:-1])]:
        with (folder / path).open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, columns, extrasaction="ignore")
            writer.writeheader()
            writer.writerows(rows)
    return folder


@pytest.fixture(scope="module")
def finished(tmp_path_factory, catalogue):
    """A finished run with neighbours and dimensions on the CSV file, its folder and its cache."""
    root = tmp_path_factory.mktemp("run")
    chosen = experiment(
        root / "cache",
        "data=amazon2023",
        f"data.path={catalogue / 'train.csv'}",
        "features=full",
        "features.knn.k=5",
        "features.use_log_target=true",
    )
    mape = run(chosen, root / "run", ["features=knn"])
    return root, mape


def test_a_run_leaves_everything_in_its_folder(finished):
    root, mape = finished
    files = {path.relative_to(root / "run").as_posix() for path in (root / "run").rglob("*.*")}
    assert files >= {
        "config.yaml",
        "report.json",
        "predictions_val.parquet",
        "predictions_test.parquet",
        "checkpoints/best.ckpt",
        "checkpoints/last.ckpt",
    }
    assert len([name for name in files if name.endswith(".png")]) >= 4
    assert not [name for name in files if "partial" in name]
    report = json.loads((root / "run" / "report.json").read_text())
    assert report["splits"]["val"]["metrics"]["mape"]["value"] == pytest.approx(mape, rel=1e-6)
    assert set(report["splits"]["val"]["baselines"]) == {
        "constant",
        "type_median",
        "neighbour_median",
        "tfidf_ridge",
    }
    assert sum(report["data"]["rows"].values()) == report["data"]["reading"]["rows_kept"]
    assert set(report["timings"]) == {
        *("start", "read", "embed", "features", "train", "evaluate", "write")
    }
    assert len(report["history"]) == report["epochs"] == 3


def test_reported_mape_is_that_of_the_predictions_on_disk(finished):
    root, mape = finished
    table = pq.read_table(root / "run" / "predictions_val.parquet").to_pydict()
    y, p = np.array(table["length"], float), np.array(table["prediction"], float)
    assert np.mean(np.abs(y - p) / y) == pytest.approx(mape, rel=1e-6)


def test_config_of_a_run_repeats_it(finished, tmp_path):
    root, mape = finished
    written = yaml.safe_load((root / "run" / "config.yaml").read_text())
    assert run(Experiment.model_validate(written), tmp_path / "again", []) == mape


def test_second_run_reuses_every_expensive_stage(finished, tmp_path, caplog, monkeypatch):
    root, _ = finished
    written = yaml.safe_load((root / "run" / "config.yaml").read_text())
    written["loss"] = {"name": "rmsle"}
    monkeypatch.setattr(pipeline, "_described", Latest("features"))  # as in another process
    with caplog.at_level("INFO"):
        run(Experiment.model_validate(written), tmp_path / "other", ["loss=rmsle"])
    assert "found in" in caplog.text
    assert "16 dimensions, reused" in caplog.text
    assert "neighbours: reused" in caplog.text
    assert "dimensions: reused" in caplog.text
    assert "of the run before" not in caplog.text


def test_runs_share_features_and_baselines_while_nothing_else_changes(
    finished, tmp_path, monkeypatch
):
    root, mape = finished
    written = yaml.safe_load((root / "run" / "config.yaml").read_text())
    made = []
    for module, whole in ((pipeline, pipeline.describe), (judge, judge.fit_baselines)):

        def counted(*arguments, whole=whole, **options):
            made.append(whole.__name__)
            return whole(*arguments, **options)

        monkeypatch.setattr(module, whole.__name__, counted)
    monkeypatch.setattr(pipeline, "_described", Latest("features"))
    parts = ("type", "knn", "dimensions")
    of_the_network = {part: {**written["features"][part]} for part in parts}
    of_the_network["type"] |= {"dimensions": 5, "dropout": 0.3}
    for part in ("knn", "dimensions"):
        of_the_network[part]["projection"] = 7
    changes = [
        {},
        {"loss": {"name": "rmsle"}},
        {"seed": 7},
        {"features": {**written["features"], **of_the_network}},
        {"features": {**written["features"], "knn": {**written["features"]["knn"], "k": 4}}},
        {"data": {**written["data"], "max_length": 3000.0}},
    ]
    reports = []
    for number, change in enumerate(changes):
        run(Experiment.model_validate({**written, **change}), tmp_path / str(number), [])
        reports.append(load_report(tmp_path / str(number)))
    # Those of the run before, baselines from the cache too, but for the last two changes.
    assert made == ["describe", *["describe", "fit_baselines"] * 2]
    assert reports[0].val.metrics.mape.value == pytest.approx(mape)
    medians = [r.val.baselines["neighbour_median"].metrics.mape.value for r in reports]
    assert medians[0] == medians[1] == medians[2]
    assert len(set(medians)) == 3
    assert all(r.seconds_before_first_step > 0 for r in reports)


def prediction(finished, catalogue, output, *overrides):
    root, _ = finished
    return job(
        "predict",
        PredictionJob,
        f"checkpoint={root / 'run' / 'checkpoints' / 'best.ckpt'}",
        f"data.path={catalogue / 'test.csv'}",
        f"output={output}",
        f"cache_dir={root / 'predicting'}",
        "device=cpu",
        *overrides,
    )


def read_submission(path):
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["PRODUCT_ID", "PRODUCT_LENGTH"]
    return [row[0] for row in rows[1:]], np.array([float(row[1]) for row in rows[1:]])


def test_submission_has_every_row_in_order_and_the_run_s_own_predictions(
    finished, catalogue, tmp_path
):
    predict(prediction(finished, catalogue, tmp_path / "s.csv", "batch_rows=100"), tmp_path, [])
    ids, lengths = read_submission(tmp_path / "s.csv")
    assert ids == [str(row) for row in wanted_ids(catalogue)]
    assert len(ids) == 600
    assert (tmp_path / "s.csv").read_bytes().startswith(b"PRODUCT_ID,PRODUCT_LENGTH\n1000000,")
    assert (lengths > 0).all()
    root, _ = finished
    for split in ("val", "test"):
        table = pq.read_table(root / "run" / f"predictions_{split}.parquet").to_pydict()
        of_id = dict(zip(table["PRODUCT_ID"], table["prediction"], strict=True))
        mine = {row: length for row, length in zip(ids, lengths, strict=True) if row in of_id}
        assert len(mine) == len(of_id) > 10
        for row, length in mine.items():
            assert length == pytest.approx(of_id[row], rel=2e-3)


def wanted_ids(catalogue):
    with (catalogue / "test.csv").open(newline="", encoding="utf-8") as file:
        return [row["PRODUCT_ID"] for row in csv.DictReader(file)]


def test_snapped_lengths_are_training_lengths(finished, catalogue, tmp_path):
    predict(prediction(finished, catalogue, tmp_path / "s.csv", "snap=true"), tmp_path, [])
    _, lengths = read_submission(tmp_path / "s.csv")
    with (catalogue / "train.csv").open(newline="", encoding="utf-8") as file:
        known = {np.float32(row["PRODUCT_LENGTH"]) for row in csv.DictReader(file)}
    assert {np.float32(length) for length in lengths} <= known


def test_unseen_types_and_missing_texts_are_predicted(finished, tmp_path):
    path = tmp_path / "odd.csv"
    path.write_text(
        "PRODUCT_TYPE_ID,PRODUCT_ID,TITLE,BULLET_POINTS,DESCRIPTION\n"
        'never seen,a1,Steel bottle 20 cm,,\n,a2,,,\n7,"a,3",,,"Cotton mat"\n7,a2,,,\n'
    )
    predict(prediction(finished, tmp_path, tmp_path / "s.csv", f"data.path={path}"), tmp_path, [])
    ids, lengths = read_submission(tmp_path / "s.csv")
    assert ids == ["a1", "a2", "a,3", "a2"]
    assert np.isfinite(lengths).all()
    assert (lengths > 0).all()


def test_encoded_texts_are_kept_for_the_next_prediction(finished, tmp_path, caplog, monkeypatch):
    """Each distinct text is encoded once; after a kill only what was not finished is."""
    caplog.set_level("INFO")
    path = tmp_path / "many.csv"
    lines = [f"{row},steel bottle {row // 2} cm,7\n" for row in range(5000)]
    path.write_text("PRODUCT_ID,TITLE,PRODUCT_TYPE_ID,BULLET_POINTS,DESCRIPTION\n" + "".join(
        line.replace("\n", ",,\n") for line in lines
    ))  # fmt: skip
    chosen = [f"data.path={path}", f"cache_dir={tmp_path / 'cache'}"]
    encode, calls = LsaEncoder.encode_marked, []

    def killed(encoder, texts):
        calls.append(len(texts))
        if len(calls) == 2:
            raise KeyboardInterrupt
        return encode(encoder, texts)

    monkeypatch.setattr(LsaEncoder, "encode_marked", killed)
    with pytest.raises(KeyboardInterrupt):
        predict(prediction(finished, tmp_path, tmp_path / "a.csv", *chosen), tmp_path, [])
    assert [each.name for each in tmp_path.iterdir() if each.suffix == ".csv"] == ["many.csv"]
    predict(prediction(finished, tmp_path, tmp_path / "a.csv", *chosen), tmp_path, [])
    assert calls[0] == 1024
    assert sum(calls[2:]) == 2500 - 1024
    assert "resumed, 2048 of 5000" in caplog.text
    calls.clear()
    caplog.clear()
    predict(
        prediction(finished, tmp_path, tmp_path / "b.csv", *chosen, "batch_rows=999"), tmp_path, []
    )
    assert calls == []
    assert "lsa: 5000 rows, 2500 unique texts, " in caplog.text
    assert "reused" in caplog.text
    ids, lengths = read_submission(tmp_path / "b.csv")
    assert ids == [str(row) for row in range(5000)]
    # Not equal bit by bit everywhere: the last rows of a batch may be multiplied another way.
    np.testing.assert_allclose(lengths[::2], lengths[1::2], rtol=1e-6)
    np.testing.assert_allclose(lengths, read_submission(tmp_path / "a.csv")[1], rtol=1e-5)


def test_columns_may_have_other_names(finished, catalogue, tmp_path):
    renamed = (catalogue / "test.csv").read_text(encoding="utf-8").replace("TITLE", "NAME", 1)
    (tmp_path / "renamed.csv").write_text(renamed, encoding="utf-8")
    options = [f"data.path={tmp_path / 'renamed.csv'}", "data.columns.title=NAME"]
    predict(prediction(finished, catalogue, tmp_path / "a.csv", *options), tmp_path, [])
    predict(prediction(finished, catalogue, tmp_path / "b.csv"), tmp_path, [])
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("checkpoint=nowhere.ckpt", "nowhere.ckpt: there is no such checkpoint"),
        ("data.path=nowhere.csv", "nowhere.csv: no such file"),
        ("+encoders.minilm=/x", "encoders.minilm"),
        ("+encoders.lsa=/x", "held in the checkpoint"),
        ("data.columns.title=NAME", "no column 'NAME'"),
        ("device=warp", "device=warp"),
        ("output=/proc/nowhere/s.csv", "/proc/nowhere/s.csv: cannot be written"),
    ],
)
def test_what_is_wrong_with_a_prediction(finished, catalogue, tmp_path, change, said):
    with pytest.raises(UserError) as caught:
        predict(prediction(finished, catalogue, tmp_path / "s.csv", change), tmp_path, [])
    assert said in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("harm", ["cut", "foreign", "last"])
def test_a_checkpoint_that_cannot_predict_is_refused(finished, catalogue, tmp_path, harm):
    root, _ = finished
    best = root / "run" / "checkpoints" / "best.ckpt"
    path = tmp_path / "harmed.ckpt"
    if harm == "cut":
        path.write_bytes(best.read_bytes()[:-2000])
        said = "not a readable checkpoint"
    elif harm == "foreign":
        torch.save({"state_dict": {}}, path)
        said = "another program or an older version wrote it"
    else:
        shutil.copy(best.with_name("last.ckpt"), path)
        said = "holds weights only"
    with pytest.raises(UserError, match=said):
        predict(
            prediction(finished, catalogue, tmp_path / "s.csv", f"checkpoint={path}"), tmp_path, []
        )
    assert not (tmp_path / "s.csv").exists()


@pytest.fixture(scope="module")
def distributed(tmp_path_factory, catalogue, finished):
    """A finished run of predicted distributions, decided for RMSLE, and its val MAPE."""
    root = tmp_path_factory.mktemp("distributed")
    chosen = experiment(
        finished[0] / "cache",
        "data=amazon2023",
        f"data.path={catalogue / 'train.csv'}",
        "loss=histogram",
        "loss.bins=32",
        "decision=rmsle",
    )
    return root, run(chosen, root / "run", ["loss=histogram", "decision=rmsle"])


def test_a_distribution_is_scored_by_each_metric_under_its_own_decision(distributed):
    root, mape = distributed
    report = load_report(root / "run")
    val = report.val
    assert set(val.decisions) == {"mape", "rmsle", "median"}
    # The objective is MAPE under its decision, whatever the run's predictions are decided for.
    assert val.own("mape").value == pytest.approx(mape, rel=1e-5)
    assert report.history[report.best_epoch - 1]["val/mape"] == mape
    assert val.own("rmsle").value == pytest.approx(
        report.history[report.best_epoch - 1]["val/rmsle"], rel=1e-5
    )
    assert val.metrics == val.decisions["rmsle"]
    assert val.metrics.mape.value > mape
    assert val.own("rmsle").value < val.decisions["mape"].rmsle.value
    assert val.own("median_ape").low < val.own("median_ape").value
    table = pq.read_table(root / "run" / "predictions_val.parquet").to_pydict()
    y, p = np.array(table["length"], float), np.array(table["prediction"], float)
    assert np.mean(np.abs(y - p) / y) == pytest.approx(val.metrics.mape.value, rel=1e-6)
    told = summary(report)
    assert "under its own decision" in told
    page = as_text(compare(load_runs([root / "run"])[0]))
    assert "Distributions, each val metric under its own decision" in page


def test_one_checkpoint_predicts_under_every_decision(distributed, catalogue, tmp_path):
    root, mape = distributed
    table = pq.read_table(root / "run" / "predictions_val.parquet").to_pydict()
    truth = dict(zip(table["PRODUCT_ID"], table["length"], strict=True))
    found = {}
    for decision in ("auto", "mape", "rmsle", "median", "mean", "smape"):
        output = tmp_path / f"{decision}.csv"
        predict(prediction(distributed, catalogue, output, f"decision={decision}"), tmp_path, [])
        ids, lengths = read_submission(output)
        assert len(ids) == 600
        found[decision] = {i: p for i, p in zip(ids, lengths, strict=True) if i in truth}
    assert found["auto"] == found["rmsle"]  # as in training
    for row, length in zip(table["PRODUCT_ID"], table["prediction"], strict=True):
        assert found["auto"][row] == pytest.approx(length, rel=2e-3)
    y = np.array(list(truth.values()), float)
    p = np.array([found["mape"][row] for row in truth])
    assert np.mean(np.abs(y - p) / y) == pytest.approx(mape, rel=2e-3)
    assert len({tuple(lengths.values()) for lengths in found.values()}) == 5


def read_intervals(path):
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["PRODUCT_ID", "PRODUCT_LENGTH", "LOWER", "UPPER"]
    names = ("PRODUCT_LENGTH", "LOWER", "UPPER")
    return [row["PRODUCT_ID"] for row in rows], *(
        np.array([float(row[name]) for row in rows]) for name in names
    )


def test_intervals_are_those_that_the_report_judged_on_test_rows(distributed, catalogue, tmp_path):
    root, _ = distributed
    report = load_report(root / "run")
    assert report.val.intervals is None  # they calibrated them
    judged = report.splits["test"].intervals
    assert judged.calibration_rows == report.data.rows["val"]
    assert (root / "run" / "plots" / "reliability_test.png").exists()
    assert not (root / "run" / "plots" / "reliability_val.png").exists()
    assert "90% intervals, calibrated on" in summary(report)
    assert "90% intervals" not in summary(report.without_test())
    options = ["interval=0.9", "batch_rows=100"]
    predict(prediction(distributed, catalogue, tmp_path / "s.csv", *options), tmp_path, [])
    ids, lengths, lower, upper = read_intervals(tmp_path / "s.csv")
    assert len(ids) == 600
    assert ((lower > 0) & (lower < upper)).all()
    held = {}
    for split in ("val", "test"):
        table = pq.read_table(root / "run" / f"predictions_{split}.parquet").to_pydict()
        at = {row: place for place, row in enumerate(ids)}
        places = [at[row] for row in table["PRODUCT_ID"]]
        np.testing.assert_allclose(lengths[places], table["prediction"], rtol=2e-3)
        y = np.array(table["length"], float)
        held[split] = (lower[places] <= y) & (y <= upper[places])
    assert held["test"].mean() == pytest.approx(judged.overall.coverage, abs=2 / len(held["test"]))
    assert sum(group.rows for group in judged.bands) == judged.overall.rows
    assert sum(group.rows for group in judged.types) == judged.overall.rows
    (same,) = [each for each in judged.reliability if each.level == 0.9]
    assert same.coverage == pytest.approx(judged.overall.coverage, abs=1e-9)


def test_intervals_hold_as_many_validation_rows_as_they_were_calibrated_to(
    distributed, catalogue, tmp_path
):
    table = pq.read_table(distributed[0] / "run" / "predictions_val.parquet").to_pydict()
    y, rows = np.array(table["length"], float), len(table["length"])
    widths = []
    for level in (0.3, 0.6, 0.9):
        wanted = prediction(distributed, catalogue, tmp_path / "s.csv", f"interval={level}")
        predict(wanted, tmp_path, [])
        ids, _, lower, upper = read_intervals(tmp_path / "s.csv")
        widths.append(upper - lower)
        at = {row: place for place, row in enumerate(ids)}
        places = [at[row] for row in table["PRODUCT_ID"]]
        held = (lower[places] <= y) & (y <= upper[places])
        # By construction, but for what vectors that were encoded again differ by.
        assert held.sum() == pytest.approx(np.ceil((rows + 1) * level), abs=1)
    assert (np.diff(widths, axis=0) > 0).all()


def test_each_validation_row_is_calibrated_by_its_own_length(distributed, catalogue, tmp_path):
    """Scores again, from the file to the distribution, by the ids of the validation rows."""
    best = distributed[0] / "run" / "checkpoints" / "best.ckpt"
    recipe = load_predictors([best], {}, "cpu")[best]
    store = ArtefactStore(tmp_path)
    products = open_unlabelled(catalogue / "test.csv", recipe.columns, recipe.recipe, store)
    vectors = {each.name: each.encode(products.texts(0, 600)) for each in recipe.encoders}
    raw = recipe.raw(vectors, products.fields(0, 600), products.types, torch.device("cpu"))
    at = {row: place for place, row in enumerate(products.product_ids.to_pylist())}
    table = pq.read_table(distributed[0] / "run" / "predictions_val.parquet").to_pydict()
    places = [at[row] for row in table["PRODUCT_ID"]]
    ranks = recipe.objective.distribution(raw[places]).cdf(torch.tensor(table["length"])).numpy()
    kept = recipe.calibration
    np.testing.assert_allclose(kept.places.ranks, ranks, atol=2e-4)
    np.testing.assert_array_equal(kept.places.bands, band_codes(table["length"]))
    assert kept.edges == (40, 100, 500, 1000, 5000)
    for edge, at_edge in zip(kept.edges, kept.places.at_edges.T, strict=True):
        found = recipe.objective.distribution(raw[places]).cdf(torch.full((len(ranks),), edge))
        np.testing.assert_allclose(at_edge, found.numpy(), atol=2e-4)
    with (catalogue / "train.csv").open(newline="", encoding="utf-8") as file:
        lengths = {row["PRODUCT_ID"]: float(row["PRODUCT_LENGTH"]) for row in csv.DictReader(file)}
    for split in ("val", "test"):
        judged = pq.read_table(distributed[0] / "run" / f"predictions_{split}.parquet")
        for row in judged["PRODUCT_ID"].to_pylist():
            del lengths[row]
    shares = np.bincount(band_codes(list(lengths.values())), minlength=6) / len(lengths)
    assert kept.common == tuple(band for band, share in enumerate(shares) if share >= 1 / 40)
    assert 2 <= len(kept.common) < 6


def test_too_few_validation_rows_give_the_whole_range(distributed, catalogue, tmp_path, caplog):
    options = ["interval=0.999"]
    predict(prediction(distributed, catalogue, tmp_path / "s.csv", *options), tmp_path, [])
    assert "999 are needed for less" in caplog.text
    _, _, lower, upper = read_intervals(tmp_path / "s.csv")
    for ends in (lower, upper):  # of the lengths that the bins reach, whatever the product
        np.testing.assert_allclose(ends, ends[0], rtol=1e-4)


def test_a_point_checkpoint_has_no_intervals(finished, catalogue, tmp_path):
    wanted = prediction(finished, catalogue, tmp_path / "s.csv", "interval=0.9")
    with pytest.raises(ConfigError, match=r"interval=0\.9 needs a predicted distribution"):
        predict(wanted, tmp_path, [])
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def another(tmp_path_factory, catalogue, finished):
    """Distributions with other bins, all priors, neighbours by two encoders, and another text."""
    root = tmp_path_factory.mktemp("another")
    chosen = experiment(
        finished[0] / "cache",
        "data=amazon2023",
        f"data.path={catalogue / 'train.csv'}",
        "data.text.fields=[title]",
        "embeddings=[lsa,words]",
        "features=full",
        "features.knn.embedding=[lsa,words]",
        "features.knn.type_weight=1",
        "features.terms={min_rows: 3}",
        "model.priors=[neighbours,types,dimensions,ratios,terms]",
        "model.input_dropout=0.1",
        "model.dropout_rows=100",
        "loss=histogram",
        "loss.bins=20",
        "seed=1",
    )
    run(chosen, root / "run", [])
    return root


def test_priors_and_neighbours_by_two_encoders_and_types_are_in_the_checkpoint(
    distributed, another, catalogue, tmp_path
):
    chosen = prediction(distributed, catalogue, tmp_path / "s.csv", several(another))
    predict(chosen, tmp_path, [])
    found = dict(zip(*read_submission(tmp_path / "s.csv"), strict=True))
    for split in ("val", "test"):
        table = pq.read_table(another / "run" / f"predictions_{split}.parquet").to_pydict()
        assert len(table["PRODUCT_ID"]) > 10
        for row, length in zip(table["PRODUCT_ID"], table["prediction"], strict=True):
            assert found[row] == pytest.approx(length, rel=2e-3)


def test_dropout_is_that_of_as_many_training_rows(another):
    rows = load_report(another / "run").data.rows["train"]
    assert rows > 300
    best = another / "run" / "checkpoints" / "best.ckpt"
    network = load_predictors([best], {}, "cpu")[best].network
    assert network.input_dropout.p == pytest.approx(0.1 * (100 / rows) ** (1 / 3))


def several(*roots):
    paths = [str(root / "run" / "checkpoints" / "best.ckpt") for root in roots]
    return f"checkpoint=[{','.join(paths)}]"


def test_an_ensemble_averages_distributions_and_then_decides(
    distributed, another, catalogue, tmp_path, caplog
):
    caplog.set_level("INFO")

    def lengths(name, *options):
        chosen = prediction(distributed, catalogue, tmp_path / name, *options)
        predict(chosen, tmp_path, [])
        ids, found = read_submission(tmp_path / name)
        assert ids == wanted_ids(catalogue)
        return found

    root = distributed[0]
    twin = tmp_path / "twin" / "run" / "checkpoints"
    twin.mkdir(parents=True)
    shutil.copy(root / "run" / "checkpoints" / "best.ckpt", twin)
    alone = lengths("alone.csv", "decision=mean")
    assert (lengths("one.csv", several(root), "decision=mean") == alone).all()
    caplog.clear()
    twins = lengths("twins.csv", several(root, tmp_path / "twin"), "decision=mean")
    np.testing.assert_allclose(twins, alone, rtol=1e-4)
    other = lengths("other.csv", several(another), "decision=mean")
    both = lengths("both.csv", several(root, another), "decision=mean", "batch_rows=70")
    np.testing.assert_allclose(both, (alone + other) / 2, rtol=1e-4)
    assert (np.abs(alone / other - 1) > 0.01).mean() > 0.5
    medians = [
        lengths(f"{i}.csv", several(*roots), "decision=median")
        for i, roots in enumerate([(root,), (another,), (another, root)])
    ]
    # A mixture's median lies between those of its members.
    low, high = np.minimum(*medians[:2]), np.maximum(*medians[:2])
    assert ((low * 0.999 <= medians[2]) & (medians[2] <= high * 1.001)).all()


def test_what_is_wrong_with_an_ensemble(finished, distributed, another, catalogue, tmp_path):
    def refused(*options):
        with pytest.raises(ConfigError) as caught:
            predict(prediction(finished, catalogue, tmp_path / "s.csv", *options), tmp_path, [])
        assert list(tmp_path.iterdir()) == []
        return str(caught.value)

    point, first = finished[0], distributed[0]
    assert "emits one length" in refused(several(first, point), "decision=mape")
    assert str(point) in refused(several(first, point))
    told = refused(several(first, another))
    assert "best.ckpt for rmsle" in told
    assert "best.ckpt for mape" in told
    both = [several(first, another), "decision=mape"]
    assert "says nothing about the average of several" in refused(*both, "interval=0.9")
    assert "is named twice" in refused(several(first, first))
    assert "name a checkpoint" in refused("checkpoint=[]")
    assert "interval=1.0: must be less than 1" in refused("interval=1.0")


def test_checkpoints_of_catalogues_with_other_ids_say_which_is_meant(
    distributed, another, catalogue, tmp_path
):
    (tmp_path / "other" / "run" / "checkpoints").mkdir(parents=True)
    path = tmp_path / "other" / "run" / "checkpoints" / "best.ckpt"
    content = read_checkpoint(another / "run" / "checkpoints" / "best.ckpt")
    content["recipe"]["fitted"]["columns"]["product_id"] = "ASIN"
    write_checkpoint(content, path)
    chosen = [several(distributed[0], tmp_path / "other"), "decision=mape"]
    with pytest.raises(ConfigError, match=r"different columns, ASIN, PRODUCT_ID.*product_id="):
        predict(prediction(distributed, catalogue, tmp_path / "s.csv", *chosen), tmp_path, [])
    chosen.append("data.columns.product_id=PRODUCT_ID")
    predict(prediction(distributed, catalogue, tmp_path / "s.csv", *chosen), tmp_path, [])
    assert read_submission(tmp_path / "s.csv")[0] == wanted_ids(catalogue)


def test_equal_encoders_are_loaded_once(distributed, finished):
    paths = [root / "run" / "checkpoints" / "best.ckpt" for root in (distributed[0], finished[0])]
    first, second = load_predictors(paths, {}, "cpu").values()
    assert first.encoders[0] is second.encoders[0]


def test_a_point_checkpoint_has_decided(finished, catalogue, tmp_path):
    with pytest.raises(ConfigError, match="decision=rmsle needs a predicted distribution"):
        predict(prediction(finished, catalogue, tmp_path / "s.csv", "decision=rmsle"), tmp_path, [])
    assert list(tmp_path.iterdir()) == []


def test_demo_runs_know_the_best_possible_answer(tmp_path):
    chosen = experiment(tmp_path / "cache", "data.rows=400", "data.types=8")
    mape = run(chosen, tmp_path / "run", [])
    report = json.loads((tmp_path / "run" / "report.json").read_text())
    oracle = report["splits"]["val"]["oracle"]
    assert oracle["metrics"]["mape"]["value"] < mape
    assert oracle["difference"]["value"] > 0


def test_a_run_is_followed_in_wandb_to_its_end(tmp_path):
    """A real offline W&B run of a real training run, read back from its file."""
    quick = [override for override in QUICK if override != "tracking=none"]
    chosen = job(
        "train",
        Experiment,
        *quick,
        f"cache_dir={tmp_path / 'cache'}",
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
    kinds = ("scatter", "best", "worst", "error_by_band")
    assert {f"{split}/{kind}" for split in ("val", "test") for kind in kinds} <= shown
    assert logged.summary["val/mape"] == pytest.approx(mape, rel=1e-6)
    assert logged.summary["parameters"] > 0


def test_wandb_is_told_of_a_run_that_fails(tmp_path):
    quick = [override for override in QUICK if override != "tracking=none"]
    chosen = job(
        "train",
        Experiment,
        *quick,
        f"cache_dir={tmp_path / 'cache'}",
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
    chosen = job(
        "train",
        Experiment,
        *[override for override in QUICK if "model" not in override],
        *small,
        "loss=histogram",
        f"model={model}",
        "model.hidden=[32]" if model == "mlp" else "model.width=16",
    )
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
        *[override for override in QUICK if "model" not in override],
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


def test_another_track_encodes_nothing_again(catalogue, minilm, tmp_path, caplog):
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
    track, [part] = read_and_embed(job("embed", EmbeddingJob, *common, "data.max_length=800"))
    assert "384 dimensions, reused" in caplog.text
    kept = np.flatnonzero(every.lengths <= 800)
    assert 100 < len(track) == len(kept) < len(every)
    np.testing.assert_array_equal(part.vectors, whole.vectors[kept])


def test_run_on_real_rows(sample, tmp_path):
    """A small run on the real catalogue: read, embed, train, judge."""
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
    assert mape < report["splits"]["val"]["baselines"]["constant"]["metrics"]["mape"]["value"]
