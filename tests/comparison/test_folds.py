"""Runs of all folds as one: made-up run folders, and what must not pass for out-of-fold."""

import csv
import json
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from run_folders import catalogue, predict, write_run

from product_length.comparison.compare import compare
from product_length.comparison.files import write_comparison
from product_length.comparison.formats import as_text
from product_length.comparison.runs import find_run_folders, load_runs
from product_length.comparison.sentences import headline, lacks
from product_length.errors import UserError
from product_length.pages.comparison import write_comparison_page

SIZES = (60, 100, 140)  # of the folds
NOISE = {"mape": 0.4, "huber": 0.5}


def write_fold(folder, loss, fold, *, seed=0, **options):
    """A run of one of three folds; its report says how many rows there are in all."""
    words = [f"loss={loss}", "data.split.folds=3", f"data.split.fold={fold}", f"seed={seed}"]
    write_run(
        folder,
        overrides=words,
        rows=2 * SIZES[fold],
        noise=NOISE[loss] + 0.01 * fold,
        seed=seed,
        ids_from=1000 * fold,
        **options,
    )
    edit(folder, rows={"train": sum(SIZES) - SIZES[fold], "val": 0, "test": SIZES[fold]})


def edit(folder, *, rows=None, config=None):
    report = json.loads((folder / "report.json").read_text())
    report["data"]["rows"] = rows or report["data"]["rows"]
    (folder / "report.json").write_text(json.dumps(report))
    if config is not None:
        (folder / "config.yaml").write_text(yaml.safe_dump(config))


def write_sweep(folder, *, losses=("mape", "huber"), seeds=(0,)):
    for loss in losses:
        for seed in seeds:
            for fold in range(3):
                write_fold(folder / f"{loss}_{seed}_{fold}", loss, fold, seed=seed)
    return folder


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    return write_sweep(tmp_path_factory.mktemp("folds"))


@pytest.fixture
def copied(finished, tmp_path):
    """The folders of a finished sweep, to be spoilt."""
    return shutil.copytree(finished, tmp_path / "runs")


def compared(folder, **options):
    return compare(load_runs(find_run_folders([folder]))[0], **options)


def of_folds(folder, loss, seed=0):
    """The folds' own files as one table: what a person would work out by hand."""
    tables = [
        pq.read_table(folder / f"{loss}_{seed}_{k}/predictions_test.parquet") for k in (0, 1, 2)
    ]
    return pa.concat_tables(tables)


def mape(table):
    length, prediction = (table.column(n).to_numpy() for n in ("length", "prediction"))
    return float(np.mean(np.abs(prediction - length).astype(np.float64) / length))


def test_a_recipe_is_scored_on_all_rows_by_the_models_that_did_not_see_them(finished):
    (group,) = compared(finished).groups
    assert [recipe.name for recipe in group.recipes] == ["loss=mape", "loss=huber"]
    for recipe, loss in zip(group.recipes, ("mape", "huber"), strict=True):
        assert recipe.val.metrics.rows == sum(SIZES)
        assert recipe.mape.value == pytest.approx(mape(of_folds(finished, loss)), rel=1e-6)
        assert recipe.mape.low < recipe.mape.value < recipe.mape.high
    assert group.folds == 3
    assert len(group.runs) == 6


def test_recipes_are_paired_over_all_rows_whatever_their_order(finished, tmp_path):
    folder = shutil.copytree(finished, tmp_path / "runs")
    for fold in range(3):
        shutil.rmtree(folder / f"huber_0_{fold}")
        write_fold(folder / f"huber_0_{fold}", "huber", fold, shuffle=True)
    for runs in (finished, folder):
        worse = compared(runs).groups[0].recipes[1]
        expected = mape(of_folds(runs, "huber")) - mape(of_folds(runs, "mape"))
        assert worse.to_best.rows == sum(SIZES)
        assert worse.to_best.value == pytest.approx(expected, rel=1e-5)


def test_seeds_of_a_recipe_are_means_as_they_are_without_folds(tmp_path):
    write_sweep(tmp_path, losses=["mape"], seeds=(1, 2))
    (recipe,) = compared(tmp_path).groups[0].recipes
    assert recipe.seeds == [1, 2]
    by_seed = [mape(of_folds(tmp_path, "mape", seed)) for seed in (1, 2)]
    assert recipe.seed_mapes == pytest.approx(by_seed, rel=1e-6)
    assert recipe.mape.value == pytest.approx(np.mean(by_seed), rel=1e-6)


def test_baselines_are_pooled_too(finished):
    best = compared(finished).groups[0].best
    lengths = [catalogue(size, seed=4).astype(np.float64) for size in SIZES]
    theirs = [predict(each.astype(np.float32), 0.7, seed=6) for each in lengths]
    errors = np.concatenate(
        [np.abs(p - y) / y for p, y in zip(theirs, lengths, strict=True)], dtype=np.float64
    )
    ridge = best.val.baselines["tfidf_ridge"]
    assert ridge.metrics.mape.value == pytest.approx(errors.mean(), rel=1e-6)
    own = of_folds(finished, "mape").column("ape").to_numpy()
    assert ridge.difference.rows == sum(SIZES)
    assert ridge.difference.value == pytest.approx(own.mean() - errors.mean(), rel=1e-5)
    # All rows resampled at once are the reference of the interval that the folds' own ones make.
    generator = np.random.default_rng(0)
    rows = generator.integers(own.size, size=(4000, own.size))
    low, high = np.quantile((own - errors)[rows].mean(axis=1), [0.025, 0.975])
    assert ridge.difference.low == pytest.approx(low, abs=0.25 * (high - low))
    assert ridge.difference.high == pytest.approx(high, abs=0.25 * (high - low))
    assert best.val.oracle.difference.rows == sum(SIZES)


def test_the_comparison_says_what_its_figures_are(finished, tmp_path):
    comparison = compared(finished)
    text = as_text(comparison)
    assert "each of 300 rows was predicted once, by that one of 3 models" in text
    assert "300 rows by 3 folds" in text
    assert "the best was chosen by these same rows" in text
    assert "Test metrics" not in text
    assert " val " not in text
    write_comparison(comparison, tmp_path)
    write_comparison_page(comparison, tmp_path)
    for name in ("comparison.html", "comparison.md"):
        page = (tmp_path / name).read_text()
        assert "out-of-fold MAPE" in page
        assert "val MAPE" not in page
    with (tmp_path / "comparison.csv").open(newline="") as file:
        best, _ = csv.DictReader(file)
    assert best["folds"] == "3"
    assert float(best["out_of_fold_mape"]) == pytest.approx(mape(of_folds(finished, "mape")))
    assert not [name for name in best if name.startswith("val_")]
    assert best["runs"].split(";") == [str(finished / f"mape_0_{fold}") for fold in range(3)]


def test_one_recipe_is_no_choice(finished, tmp_path):
    for fold in range(3):
        shutil.copytree(finished / f"mape_0_{fold}", tmp_path / str(fold))
    says = headline(compared(tmp_path).groups[0])
    assert says[0].startswith("One recipe, 3 runs, out-of-fold: ")
    assert not any("was chosen" in sentence for sentence in says)


def test_the_predictions_of_all_rows_are_kept(finished, tmp_path):
    write_comparison(compared(finished), tmp_path)
    (tmp_path / "out_of_fold" / "of_before.parquet").touch()
    write_comparison(compared(finished), tmp_path)
    files = sorted((tmp_path / "out_of_fold").iterdir())
    assert [path.name for path in files] == ["loss=huber_seed0.parquet", "loss=mape_seed0.parquet"]
    kept, own = pq.read_table(files[1]), of_folds(finished, "mape")
    assert {"PRODUCT_ID", "PRODUCT_TYPE_ID", "length", "prediction", "ape", "fold"} <= set(
        kept.column_names
    )
    assert kept.column("fold").to_pylist() == [
        k for k, size in enumerate(SIZES) for _ in range(size)
    ]
    for name in ("PRODUCT_ID", "PRODUCT_TYPE_ID", "length", "prediction", "oracle"):
        assert kept.column(name).to_pylist() == own.column(name).to_pylist()
    assert kept.column("ape").to_numpy() == pytest.approx(own.column("ape").to_numpy(), rel=1e-6)


def test_a_recipe_that_lacks_folds_is_left_out_and_named(copied):
    shutil.rmtree(copied / "huber_0_1")
    comparison = compared(copied)
    (group,) = comparison.groups
    assert [recipe.rows for recipe in group.recipes] == [0]
    assert group.best.val.metrics.rows == sum(SIZES)
    assert lacks(comparison) == [
        "Left out, not all folds are there (1): loss=huber, seed 0, lacks fold 1 of 0–2."
    ]
    assert lacks(comparison)[0] in as_text(comparison)
    shutil.rmtree(copied / "mape_0_0")
    shutil.rmtree(copied / "mape_0_2")
    with pytest.raises(
        UserError, match=r"^no recipe has all of its folds: .* lacks fold 0, 2 of 0"
    ):
        compared(copied)


def test_a_seed_that_lacks_folds_does_not_stand_for_its_recipe(tmp_path):
    write_sweep(tmp_path, losses=["mape"], seeds=(1, 2))
    shutil.rmtree(tmp_path / "mape_2_0")
    comparison = compared(tmp_path)
    assert comparison.groups[0].best.seeds == [1]
    assert "seed 2, lacks fold 0 of 0–2" in lacks(comparison)[0]


def test_a_fold_that_stands_for_another_is_caught(copied):
    """The model of fold 0 was trained on fold 1, and says that it was not."""
    config = yaml.safe_load((copied / "mape_0_1/config.yaml").read_text())
    shutil.rmtree(copied / "mape_0_1")
    shutil.copytree(copied / "mape_0_0", copied / "mape_0_1")
    edit(copied / "mape_0_1", config=config)
    with pytest.raises(
        UserError, match=r"60 products \(.*\) in several folds and 100 of 300 .*none"
    ):
        compared(copied)


def test_a_row_that_another_model_predicted_is_caught(copied):
    """One row of fold 0 is moved to fold 1, whose model was trained on it."""
    paths = [copied / f"mape_0_{fold}/predictions_test.parquet" for fold in (0, 1)]
    first, second = map(pq.read_table, paths)
    pq.write_table(pa.concat_tables([second, first.slice(0, 1)]), paths[1])
    with pytest.raises(UserError, match=r"does not belong to report\.json beside it"):
        compared(copied)
    # A report that was made of that file does not hide it.
    path = copied / "mape_0_1/report.json"
    report = json.loads(path.read_text())
    table = pq.read_table(paths[1])
    report["splits"]["test"]["metrics"]["values"]["mape"]["value"] = mape(table)
    path.write_text(json.dumps(report))
    with pytest.raises(UserError, match="its fold holds 100 products, but 101 were predicted"):
        compared(copied)
    edit(copied / "mape_0_1", rows={"train": 199, "val": 0, "test": 101})
    with pytest.raises(UserError, match=r"1 product \(000000t\) in several folds"):
        compared(copied)


def test_a_row_that_chose_the_epoch_is_not_out_of_fold(copied):
    path = copied / "huber_0_2/predictions_val.parquet"
    table = pq.read_table(path)
    ids = table.column("PRODUCT_ID").to_pylist()
    ids[5] = pq.read_table(copied / "huber_0_2/predictions_test.parquet")["PRODUCT_ID"][7].as_py()
    at = table.column_names.index("PRODUCT_ID")
    pq.write_table(table.set_column(at, "PRODUCT_ID", pa.array(ids)), path)
    with pytest.raises(UserError, match=r"huber_0_2: 1 product \(.*\) of its fold chose its epoch"):
        compared(copied)


def test_folds_of_changed_data_are_not_one_recipe(copied):
    shutil.rmtree(copied / "mape_0_1")
    write_fold(copied / "mape_0_1", "mape", 1, fingerprint="cd" * 32)
    comparison = compared(copied)
    assert [recipe.name for group in comparison.groups for recipe in group.recipes] != []
    assert [each.missing for each in comparison.incomplete] == [(1,), (0, 2)]


def test_the_newest_run_of_a_fold_counts(copied):
    older = copied / "huber_0_2"
    report = json.loads((older / "report.json").read_text())
    report["created"] = "2001-01-01T00:00:00+00:00"
    (older / "report.json").write_text(json.dumps(report))
    write_fold(copied / "again", "huber", 2)
    (group,) = compared(copied).groups
    assert group.repeated == [older]
    assert [run.folder.name for run in group.recipes[1].runs[0].trainings][2] == "again"


def test_any_fold_stands_for_its_recipe_as_the_reference(finished):
    group = compared(finished, reference=finished / "huber_0_2").groups[0]
    assert group.reference.name == "loss=huber"


def test_runs_without_folds_are_a_group_of_their_own(copied, tmp_path):
    write_run(copied / "plain", overrides=["loss=mape"], rows=sum(SIZES))
    comparison = compared(copied)
    assert [group.folds for group in comparison.groups] == [3, None]
    write_comparison(comparison, tmp_path / "output")
    with (tmp_path / "output" / "comparison.csv").open(newline="") as file:
        *_, plain = csv.DictReader(file)
    assert plain["val_mape"]
    assert plain["out_of_fold_mape"] == ""
