import csv
import io
import re
from pathlib import Path

import numpy as np
import pytest
from run_folders import BANDS, catalogue, predict, write_run

from product_length.catalogue.units import CatalogueUnit
from product_length.comparison.compare import compare
from product_length.comparison.formats import as_csv
from product_length.comparison.recipe_runs import one_seed_verdict
from product_length.comparison.runs import align, find_run_folders, load_runs, short_labels
from product_length.comparison.sentences import group_title, headline, notes
from product_length.comparison.tables import tables
from product_length.errors import UserError
from product_length.evaluation.bands import Bands
from product_length.evaluation.estimates import estimate_metrics
from product_length.evaluation.metrics import MAPE, absolute_percentage_errors
from product_length.evaluation.predictions import load_predictions
from product_length.evaluation.quantity import Quantity
from product_length.evaluation.resampling import mean_differences
from product_length.pages.comparison_charts import band_chart


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("runs")
    for name, noise, loss in (("a", 0.9, "huber"), ("b", 0.4, "mape"), ("c", 0.402, "log_mape")):
        write_run(root / "sweep" / name, noise=noise, overrides=["data=demo", f"loss={loss}"])
    write_run(root / "shuffled", noise=0.6, shuffle=True)
    write_run(root / "other_rows", noise=0.2, ids_from=1)
    write_run(root / "short", noise=0.1, fingerprint="cd" * 32, max_length=5000)
    (root / "sweep" / "killed").mkdir()
    (root / "sweep" / "killed" / "config.yaml").write_text("seed: 0")
    (root / "sweep" / "killed" / ".hydra").mkdir()
    (root / "sweep" / "killed" / ".hydra" / "config.yaml").write_text("seed: 0")
    (root / "empty").mkdir()
    return root


@pytest.fixture(scope="module")
def seeds(tmp_path_factory):
    root = tmp_path_factory.mktemp("seeds")
    for loss, noise, count in (("mape", 0.4, 3), ("huber", 0.8, 2)):
        for seed in range(1, count + 1):
            write_run(
                root / loss / str(seed),
                noise=noise,
                overrides=[f"loss={loss}", f"seed={seed}"],
                seed=seed,
                luck=0.005,
            )
    return root


def runs_of(root, *names):
    return load_runs([root / name for name in names])[0]


def test_one_seed_each_is_ranked_and_paired_over_rows(root):
    (group,) = compare(runs_of(root, "sweep/a", "sweep/b", "sweep/c")).groups
    assert [recipe.labels for recipe in group.recipes] == [["b"], ["c"], ["a"]]
    assert [recipe.rank for recipe in group.recipes] == [1, 2, 3]
    assert [recipe.name for recipe in group.recipes] == ["loss=mape", "loss=log_mape", "loss=huber"]
    assert group.shared_overrides == ["data=demo"]
    assert group.reference is None
    assert group.best.to_best is None
    assert group.best.val == group.best.runs[0].report.val
    assert [recipe.name for recipe in group.undistinguished] == ["loss=log_mape"]
    worst = group.recipes[2].to_best
    best, other = (load_predictions(root / "sweep" / name, "val") for name in "ba")
    errors = [absolute_percentage_errors(x.lengths, x.predictions) for x in (other, best)]
    (expected,) = mean_differences([(errors[0], errors[1])], **group.resampling.model_dump())
    assert worst.value == pytest.approx(expected.value)
    assert worst.value > 0
    assert [worst.low, worst.high] == pytest.approx([expected.low, expected.high])
    assert worst.verdict == f"one seed: {expected.verdict} on these rows"
    assert group.recipes[1].to_best.verdict == "one seed: no detectable difference"
    assert group.test == group.best.runs[0].report.splits["test"]


def test_one_seed_claims_no_more_than_its_rows():
    assert one_seed_verdict("worse by 1–2 points") == "one seed: worse by 1–2 points on these rows"
    assert one_seed_verdict("no detectable difference") == "one seed: no detectable difference"
    assert one_seed_verdict("too few rows to tell") == "too few rows to tell"


def test_runs_of_one_recipe_are_one_entry_over_its_seeds(seeds):
    comparison = compare(load_runs(find_run_folders([seeds / "mape", seeds / "huber"]))[0])
    (group,) = comparison.groups
    best, other = group.recipes
    assert (best.name, best.seeds, best.labels) == (
        "loss=mape",
        [1, 2, 3],
        ["mape/1", "mape/2", "mape/3"],
    )
    assert (other.name, other.seeds) == ("loss=huber", [1, 2])
    loaded = [
        [load_predictions(run.folder, "val") for run in recipe.runs] for recipe in (best, other)
    ]
    lengths = loaded[0][0].lengths
    predictions = [np.vstack([one.predictions for one in recipe]) for recipe in loaded]
    options = group.resampling.model_dump()
    expected, _ = estimate_metrics(lengths, predictions, BANDS, **options)
    assert best.val.metrics == expected
    assert best.mape.value == pytest.approx(np.mean(best.seed_mapes))
    errors = [
        np.vstack([absolute_percentage_errors(lengths, seed) for seed in recipe])
        for recipe in predictions
    ]
    assert other.to_best == mean_differences([(errors[1], errors[0])], **options)[0]
    assert other.to_best.verdict.startswith("worse by")
    assert best.seconds == pytest.approx(np.mean([run.seconds for run in best.runs]))
    assert best.best_epochs == [5, 5, 5]
    first, *_ = headline(group)
    assert first.startswith("Best of 2 recipes, 5 runs, on val: loss=mape, MAPE ")
    assert first.endswith(", 3 seeds.")
    assert "rows and seeds explains" in " ".join(headline(group))


def test_baselines_and_test_rows_beside_the_mean_over_seeds(seeds):
    (group,) = compare(load_runs(find_run_folders([seeds / "mape"]))[0]).groups
    reports = [run.report for run in group.best.runs]
    baseline = group.best.val.baselines["type_median"]
    single = [report.val.baselines["type_median"].difference for report in reports]
    assert baseline.difference.value == pytest.approx(np.mean([one.value for one in single]))
    assert baseline.difference.low < np.mean([one.low for one in single])
    assert baseline.difference.high > np.mean([one.high for one in single])
    values = np.array([one.value for one in single])
    half = 4.3027 * values.std(ddof=1) / np.sqrt(3)
    ends = np.mean([one.high for one in single]) - values.mean()
    assert baseline.difference.high - values.mean() == pytest.approx(np.hypot(half, ends), rel=1e-4)
    assert group.best.val.oracle.difference.value > 0
    test = [report.splits["test"].metrics.mape.value for report in reports]
    assert group.test.metrics.mape.value == pytest.approx(np.mean(test))
    assert headline(group)[0].startswith("One recipe, 3 runs, on val: ")


def test_the_newer_of_two_equal_runs_counts_and_the_other_is_named(seeds, tmp_path):
    config = seeds / "mape" / "2"
    write_run(tmp_path / "again", overrides=["loss=mape"], noise=0.7, seed=2)
    report = tmp_path / "again" / "report.json"
    for created, kept in (("2000-01-01", config), ("2100-01-01", tmp_path / "again")):
        text = report.read_text(encoding="utf-8")
        report.write_text(re.sub(r'"created": "....-..-..', f'"created": "{created}', text))
        runs, _ = load_runs(find_run_folders([seeds / "mape", tmp_path]))
        (group,) = compare(runs).groups
        (recipe,) = group.recipes
        assert recipe.seeds == [1, 2, 3]
        assert recipe.runs[1].folder == kept
        assert group.repeated == [({config, tmp_path / "again"} - {kept}).pop()]
        assert any("newer run has the same recipe and seed (1)" in s for s in headline(group))


def test_reference_by_folder_and_by_words(root, seeds):
    runs = runs_of(root, "sweep/a", "sweep/b", "sweep/c")
    by_folder = compare(runs, reference=root / "short" / ".." / "sweep" / "a")
    by_words = compare(runs, reference=["loss=huber", "features.use_log_target=false"])
    for comparison in (by_folder, by_words):
        (group,) = comparison.groups
        assert group.reference.labels == ["a"]
        assert group.reference.to_reference is None
        assert group.best.to_best is None
        assert group.best.to_reference.value == pytest.approx(-group.reference.to_best.value)
        assert all("better by" in r.to_reference.verdict for r in group.recipes[:2])
        assert "The reference is loss=huber, rank 3." in headline(group)
    (group,) = compare(runs, reference=["features.use_log_target=false"]).groups
    assert group.reference is group.best
    none = compare(runs, reference=["loss=smape"])
    assert none.groups[0].reference is None
    assert none.groups[0].best.to_reference is None
    assert "No recipe matches the reference loss=smape." in notes(none)
    everything = load_runs(find_run_folders([seeds / "mape", seeds / "huber"]))[0]
    (group,) = compare(everything, reference=seeds / "huber" / "2").groups
    assert group.reference.seeds == [1, 2]


def test_groups_without_the_reference_say_so(root):
    comparison = compare(runs_of(root, "sweep/a", "sweep/b", "short"), reference=root / "sweep/a")
    assert [len(group.recipes) for group in comparison.groups] == [2, 1]
    assert comparison.groups[1].reference is None
    assert any("in 1 of 2 groups" in note for note in notes(comparison))


def test_unknown_reference(root):
    with pytest.raises(UserError, match="short: the reference is not among"):
        compare(runs_of(root, "sweep/a"), reference=root / "short")
    with pytest.raises(UserError, match='reference "mape": neither a run folder nor an override'):
        compare(runs_of(root, "sweep/a"), reference=["loss=smape", "mape"])


def test_other_length_ranges_are_other_groups(root):
    comparison = compare(runs_of(root, "short", "sweep/b", "sweep/c"))
    assert [(g.length_range, len(g.recipes)) for g in comparison.groups] == [
        ("all lengths", 2),
        ("lengths ≤ 5000 (1/100 inch)", 1),
    ]


def test_other_units_are_other_groups_and_it_is_said(root, tmp_path):
    cm = Quantity("width", CatalogueUnit.named("cm"))
    write_run(tmp_path / "cm", fingerprint="ef" * 32, quantity=cm, decision="median")
    comparison = compare([*runs_of(root, "sweep/b"), *runs_of(tmp_path, "cm")])
    assert [str(group.quantity.unit) for group in comparison.groups] == ["1/100 inch", "cm"]
    said = "They are in different units (1/100 inch, cm): never in one table."
    assert said in notes(comparison)
    assert said not in notes(compare(runs_of(root, "sweep/b", "short")))
    first, second = map(headline, comparison.groups)
    assert not any("ecision" in sentence for sentence in first)
    assert second[1].startswith("Decision: median, the typical value; MAPE prefers")
    assert group_title(comparison.groups[1]).startswith("demo, width, in cm, all lengths, 400 ")
    one, other = csv.DictReader(io.StringIO(as_csv(comparison)))
    assert [one["unit"], other["unit"]] == ["1/100 inch", "cm"]
    assert [one["target"], other["target"]] == ["PRODUCT_LENGTH", "width"]
    assert [one["decision"], other["decision"]] == ["", "median"]


def test_recipes_of_other_bands_are_compared_but_not_by_band(root, tmp_path):
    write_run(tmp_path / "other", noise=0.9, overrides=["data.bands=[300]"], bands=Bands((300,)))
    comparison = compare([*runs_of(root, "sweep/b"), *runs_of(tmp_path, "other")])
    (group,) = comparison.groups
    best, other = group.recipes
    assert other.to_best.value > 0
    ranking, by_band, *_ = tables(group)
    assert by_band.header[2:] == [
        f"{band.band} ({band.rows} rows)" for band in best.val.metrics.bands
    ]
    assert by_band.rows[1][2:] == ["–"] * 6
    column = ranking.header.index("MAPE ≥ 100 (1/100 inch)")
    assert ranking.rows[0][column].endswith("%")
    assert ranking.rows[1][column] == "–"
    assert any("1 of 2 recipes have other bands of length" in each for each in headline(group))
    drawn = band_chart(group, MAPE).figure.data
    assert sum(value is not None for value in drawn[0].y) == 6
    assert sum(value is not None for value in drawn[1].y) == 0
    one, another = csv.DictReader(io.StringIO(as_csv(comparison)))
    assert (one["val_rows ≤300"], another["val_rows 100–500"]) == ("", "")
    expected = other.val.metrics.bands[0]["mape"].value
    assert float(another["val_mape ≤300"]) == expected


def test_seeds_of_other_bands_are_estimated_by_their_own(tmp_path):
    for name, bands in (("a", BANDS), ("b", Bands((300, 600)))):
        for seed in (1, 2):
            words = [f"data.bands={name}", f"seed={seed}"]
            folder = tmp_path / f"{name}{seed}"
            write_run(folder, overrides=words, seed=seed, bands=bands, noise=0.4 + (name == "b"))
    (group,) = compare(load_runs(sorted(tmp_path.iterdir()))[0]).groups
    assert [len(recipe.val.metrics.bands) for recipe in group.recipes] == [6, 3]
    assert [recipe.bands.short_below for recipe in group.recipes] == [100, 600]


def test_rows_in_another_order_are_paired_and_other_rows_are_not(root):
    runs = runs_of(root, "sweep/b", "shuffled", "other_rows")
    (group,) = compare(runs).groups
    by_label = {recipe.labels[0]: recipe for recipe in group.recipes}
    assert group.best.labels == ["other_rows"]
    assert [by_label[name].to_best for name in ("b", "shuffled")] == [None, None]
    assert any("2 of 3 recipes were scored on other val rows" in s for s in headline(group))
    assert {by_label[name].name for name in ("shuffled", "other_rows")} == {
        "defaults (shuffled)",
        "defaults (other_rows)",
    }
    (group,) = compare(runs, reference=root / "sweep/b").groups
    by_label = {recipe.labels[0]: recipe for recipe in group.recipes}
    assert by_label["other_rows"].to_reference is None
    shuffled = by_label["shuffled"].to_reference
    gap = by_label["shuffled"].mape.value - by_label["b"].mape.value
    assert shuffled.value == pytest.approx(gap)
    assert shuffled.high - shuffled.low < 0.2


def test_align(root):
    base = load_predictions(root / "sweep/b", "val")
    other = load_predictions(root / "shuffled", "val")
    lengths = catalogue(400, seed=3)
    expected = predict(lengths, 0.6, seed=603)
    assert not base.product_ids.equals(other.product_ids)
    assert np.array_equal(align(base, other), expected)
    assert np.array_equal(align(other, base), base.predictions[::-1])
    order = np.random.default_rng(0).permutation(400)
    mixed = type(base)(
        base.product_ids.take(order), base.types, base.lengths[order], base.predictions[order]
    )
    assert np.array_equal(align(mixed, other), expected[order])
    changed = base.lengths.copy()
    changed[7] += 1
    same_ids = type(base)(base.product_ids, base.types, changed, base.predictions)
    assert align(base, same_ids) is None
    fewer = type(base)(
        base.product_ids.slice(1), base.types, base.lengths[1:], base.predictions[1:]
    )
    assert align(base, fewer) is None


def test_predictions_must_belong_to_the_report(root, tmp_path):
    write_run(tmp_path / "x", noise=0.5)
    source = root / "sweep" / "b" / "predictions_val.parquet"
    (tmp_path / "x" / "predictions_val.parquet").write_bytes(source.read_bytes())
    with pytest.raises(UserError, match=r"predictions_val\.parquet: does not belong to report"):
        compare(runs_of(tmp_path, "x"))
    (tmp_path / "x" / "predictions_val.parquet").unlink()
    with pytest.raises(UserError, match=r"predictions_val\.parquet: not there"):
        compare(runs_of(tmp_path, "x"))


def test_folders_of_runs_are_opened_and_each_run_counts_once(root):
    found = find_run_folders(
        [root / "sweep", root / "short" / ".." / "sweep" / "a", root / "short"]
    )
    assert [path.relative_to(root).as_posix() for path in found] == [
        "sweep/a",
        "sweep/b",
        "sweep/c",
        "sweep/killed",
        "short",
    ]
    with pytest.raises(UserError, match="nowhere: no such run folder"):
        find_run_folders([root / "nowhere"])


def test_unfinished_runs_are_named_and_none_left_is_an_error(root):
    runs, unfinished = load_runs(find_run_folders([root / "sweep", root / "empty"]))
    assert len(runs) == 3
    assert [path.name for path in unfinished] == ["killed", "empty"]
    assert compare(runs, unfinished=unfinished).unfinished == unfinished
    with pytest.raises(UserError, match=r"no finished run .*empty"):
        load_runs([root / "empty"])
    with pytest.raises(UserError, match="none given"):
        load_runs([])


def test_short_labels():
    assert short_labels([Path("/x/1/run"), Path("/x/2/run")]) == ["1/run", "2/run"]
    assert short_labels([Path("/x/a"), Path("/y/b")]) == ["a", "b"]
    assert short_labels([Path("/same"), Path("/same")]) == ["/same", "/same"]


def test_files_of_others_make_no_run(tmp_path):
    write_run(tmp_path / "0")
    for others in ("wandb/run-1/files", ".submitit/1", ".hydra"):
        (tmp_path / "0" / others).mkdir(parents=True)
        (tmp_path / "0" / others / "config.yaml").write_text("seed: 0")
        (tmp_path / others).mkdir(parents=True)
        (tmp_path / others / "config.yaml").write_text("seed: 0")
    assert find_run_folders([tmp_path]) == [tmp_path / "0"]


def test_why_a_run_failed_is_said(tmp_path):
    for number in (0, 1, 2):
        write_run(tmp_path / str(number), seed=number)
    for number, reason in ((1, "training diverged\n"), (2, None)):
        (tmp_path / str(number) / "report.json").unlink()
        if reason:
            (tmp_path / str(number) / "failure.txt").write_text(reason)
    runs, unfinished = load_runs(find_run_folders([tmp_path]))
    said = notes(compare(runs, unfinished=unfinished))
    assert said[0] == (
        f"Skipped, not finished (2): {tmp_path / '1'} (training diverged); {tmp_path / '2'}."
    )


def test_what_later_runs_did_not_wait_for_is_said(tmp_path):
    for number, waited in enumerate((420.0, 0.25, 0.3, 90.0)):
        write_run(tmp_path / str(number), seed=number, waited=waited)
    runs, _ = load_runs(find_run_folders([tmp_path]))
    sentence = (
        "Before its first step the run that ended first took 7 min 00 s, the others 0.3 s (median)."
    )
    assert sentence in notes(compare(runs))
    assert not [text for text in notes(compare(runs[:1])) if "first step" in text]
