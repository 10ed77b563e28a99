from pathlib import Path

import numpy as np
import pytest
from run_folders import catalogue, predict, write_run

from product_length.errors import UserError
from product_length.evaluation.bootstrap import paired_difference
from product_length.evaluation.compare import (
    align,
    compare,
    find_run_folders,
    load_runs,
    recipe_names,
    short_labels,
)
from product_length.evaluation.predictions import load_predictions


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


def runs_of(root, *names):
    return load_runs([root / name for name in names])[0]


def test_ranked_by_val_mape_and_paired_with_the_best(root):
    (group,) = compare(runs_of(root, "sweep/a", "sweep/b", "sweep/c")).groups
    assert [ranked.label for ranked in group.runs] == ["b", "c", "a"]
    assert [ranked.rank for ranked in group.runs] == [1, 2, 3]
    assert [ranked.recipe for ranked in group.runs] == ["loss=mape", "loss=log_mape", "loss=huber"]
    assert group.shared_overrides == ["data=demo"]
    assert group.best is group.reference
    assert group.best.difference is None
    assert [ranked.label for ranked in group.undistinguished] == ["c"]
    worst = group.runs[2].difference
    best, other = (load_predictions(root / "sweep" / name, "val") for name in "ba")
    expected = paired_difference(
        best.lengths,
        other.predictions,
        best.predictions,
        **group.best.run.report.resampling.model_dump(),
    )
    assert worst.value == pytest.approx(expected.value)
    assert worst.value > 0
    assert [worst.low, worst.high] == pytest.approx([expected.low, expected.high])
    assert worst.verdict == expected.verdict
    assert worst.verdict.startswith("worse by")


def test_reference_takes_the_best_ones_place(root):
    runs = runs_of(root, "sweep/a", "sweep/b", "sweep/c")
    (group,) = compare(runs, reference=root / "short" / ".." / "sweep" / "a").groups
    assert group.best.label == "b"
    assert group.reference.label == "a"
    assert group.reference.difference is None
    assert all(r.difference.verdict.startswith("better by") for r in group.runs[:2])


def test_groups_without_the_reference_use_their_best(root):
    comparison = compare(runs_of(root, "sweep/a", "sweep/b", "short"), reference=root / "sweep/a")
    assert [len(group.runs) for group in comparison.groups] == [2, 1]
    assert comparison.groups[1].reference.label == "short"


def test_unknown_reference(root):
    with pytest.raises(UserError, match="short: the reference is not among"):
        compare(runs_of(root, "sweep/a"), reference=root / "short")


def test_other_tracks_are_other_groups(root):
    comparison = compare(runs_of(root, "short", "sweep/b", "sweep/c"))
    assert [(g.track, len(g.runs)) for g in comparison.groups] == [
        ("all lengths", 2),
        ("lengths ≤ 5000", 1),
    ]


def test_rows_in_another_order_are_paired_and_other_rows_are_not(root):
    (group,) = compare(runs_of(root, "sweep/b", "shuffled", "other_rows")).groups
    by_label = {ranked.label: ranked for ranked in group.runs}
    assert group.best.label == "other_rows"
    assert [by_label[name].same_rows for name in ("b", "shuffled")] == [False, False]
    (group,) = compare(
        runs_of(root, "sweep/b", "shuffled", "other_rows"), reference=root / "sweep/b"
    ).groups
    by_label = {ranked.label: ranked for ranked in group.runs}
    assert not by_label["other_rows"].same_rows
    assert by_label["other_rows"].difference is None
    shuffled = by_label["shuffled"].difference
    gap = by_label["shuffled"].run.mape.value - by_label["b"].run.mape.value
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


@pytest.mark.parametrize(
    ("overrides", "shared", "names"),
    [
        ([[]], [], ["defaults"]),
        ([["loss=mape", "model=mlp"]], [], ["loss=mape model=mlp"]),
        ([["loss=mape"], []], [], ["loss=mape", "defaults"]),
        ([["a=1", "loss=mape"], ["loss=rmsle", "a=1"]], ["a=1"], ["loss=mape", "loss=rmsle"]),
        ([["a=1"], ["a=1", "b=2"]], ["a=1"], ["only the shared overrides", "b=2"]),
        ([["a=1", "seed=1"], ["a=1", "seed=2"]], [], ["a=1", "a=1"]),
        ([["a=1", "seed=1"], ["seed=2", "a=2"]], [], ["a=1", "a=2"]),
        ([["tracking=none", "hydra.sweep.dir=x", "cache_dir=/c", "++seed=3"]], [], ["defaults"]),
        ([["tracking.project=x", "hydra/sweeper=optuna", "+a=1"]], [], ["+a=1"]),
        ([["seedling=1"], ["a=1"]], [], ["seedling=1", "a=1"]),
        ([["a=1", "a=1"], ["b=1"]], [], ["a=1", "b=1"]),
    ],
)
def test_recipe_names(overrides, shared, names):
    assert recipe_names(overrides) == (shared, names)


def test_short_labels():
    assert short_labels([Path("/x/1/run"), Path("/x/2/run")]) == ["1/run", "2/run"]
    assert short_labels([Path("/x/a"), Path("/y/b")]) == ["a", "b"]
    assert short_labels([Path("/same"), Path("/same")]) == ["/same", "/same"]
