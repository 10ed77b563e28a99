"""What a comparison looks like when recipes have several seeds."""

import csv
import io
import re
from dataclasses import replace

import numpy as np
import pytest
from run_folders import write_run

from product_length.comparison.compare import compare
from product_length.comparison.files import write_comparison
from product_length.comparison.formats import as_csv, as_markdown, as_text
from product_length.comparison.pictures import Picture, file_names
from product_length.comparison.published import published_figure
from product_length.comparison.runs import load_runs
from product_length.comparison.sentences import headline, notes, title
from product_length.comparison.tables import decision_table, ranking_table, tables
from product_length.evaluation.estimates import Estimate
from product_length.pages import comparison_charts as charts
from product_length.pages.charts import ranked
from product_length.pages.colours import series
from product_length.pages.comparison import as_html
from product_length.pages.series import Series

PNG = b"\x89PNG\r\n\x1a\n-not-much-of-one"


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    root = tmp_path_factory.mktemp("runs")
    for loss, noise, count in (("mape", 0.4, 3), ("huber", 0.7, 2), ("rmsle", 0.9, 1)):
        for seed in range(count):
            write_run(
                root / f"{loss}{seed}",
                noise=noise,
                rows=150,
                overrides=["features=knn", "features.use_log_target=true", f"loss={loss}"],
                seed=seed,
                luck=0.01,
                epochs=5 + seed,
                max_length=5000,
            )
    return load_runs(sorted(root.iterdir()))[0]


@pytest.fixture(scope="module")
def comparison(runs):
    return compare(runs, reference=["loss=huber"])


def test_the_ranking_has_a_line_per_recipe(comparison):
    (group,) = comparison.groups
    table = ranking_table(group)
    cells = [dict(zip(table.header, row, strict=True)) for row in table.rows]
    assert [line["recipe"] for line in cells] == ["loss=mape", "loss=huber", "loss=rmsle"]
    assert [line["seeds"] for line in cells] == ["3", "2", "1"]
    assert [line["best epoch"] for line in cells] == ["4–6", "4–5", "4/5"]
    assert [line["against the reference"] for line in cells][1] == "reference"
    assert cells[0]["verdict"] == "best"
    assert cells[2]["verdict"].startswith("one seed: worse by ")
    assert cells[2]["against the reference"].startswith("one seed: ")
    assert {"seed", "run"}.isdisjoint(table.header)
    assert table.header[min(table.prose)] == "verdict"
    assert title(comparison) == "Comparison of 3 recipes, 6 runs"
    assert any("another seed may say otherwise" in sentence for sentence in headline(group))
    said = " ".join(notes(comparison))
    assert "that of the training seed; from two or three seeds they are wide" in said
    assert "Where a recipe has one seed, its intervals are over rows only" in said


def test_a_reference_that_is_the_best_has_no_column_of_its_own(runs):
    (group,) = compare(runs, reference=["loss=mape"]).groups
    assert "against the reference" not in ranking_table(group).header
    assert "The reference is loss=mape, the best one." in headline(group)


def test_one_seed_beside_a_baseline_claims_no_more_than_its_rows(runs):
    (group,) = compare([run for run in runs if run.folder.name == "rmsle0"]).groups
    (baselines,) = [table for table in tables(group) if "Baselines" in table.caption]
    assert any(row[3].startswith("one seed: ") for row in baselines.rows)
    assert "seed" in ranking_table(group).header


def test_csv_lists_what_there_is_by_seed(comparison):
    best, other, last = csv.DictReader(io.StringIO(as_csv(comparison)))
    recipe = comparison.groups[0].recipes[0]
    assert [line["seeds"] for line in (best, other, last)] == ["0;1;2", "0;1", "0"]
    assert best["runs"] == ";".join(str(run.folder) for run in recipe.runs)
    assert [float(value) for value in best["val_mape_by_seed"].split(";")] == recipe.seed_mapes
    assert best["best_epochs"] == "4;5;6"
    assert float(best["minus_reference_high"]) == recipe.to_reference.high
    assert best["reference"] == "loss=huber"
    assert other["minus_reference_verdict"] == "reference"
    assert best["test_mape"]
    assert not other["test_mape"]


def test_charts_show_single_seeds(comparison):
    (group,) = comparison.groups
    ranking = charts.ranking_chart(group)
    marks = [trace for trace in ranking.figure.data if trace.mode == "markers"]
    dots = [trace for trace in marks if trace.marker.size == 5]
    assert [len(trace.x) for trace in dots] == [3, 2]
    assert dots[0].text[1].startswith("seed 1: ")
    assert marks[0].x[0] == pytest.approx(np.mean(dots[0].x))
    assert "single seeds" in ranking.note
    curves = charts.learning_chart(group).figure.data
    first = [trace for trace in curves if trace.line.color == series(0).colour]
    assert [trace.opacity for trace in first] == [0.35, 0.35, 0.35, 1]
    assert [len(trace.x) for trace in first] == [5, 6, 7, 5]
    assert "val MAPE by seed" in as_html(comparison).replace("Val", "val")


def test_chart_names_show_what_differs(tmp_path):
    for value in ("true", "false"):
        write_run(
            tmp_path / value,
            rows=30,
            overrides=["loss=weighted_mape", f"features.use_log_target={value}"],
        )
    runs = load_runs(sorted(tmp_path.iterdir()))[0]
    group = compare(runs).groups[0]
    names = [each.text for each in charts.ranking_chart(group).figure.layout.annotations][:2]
    assert sorted(name[3:] for name in names) == ["use_log_target=false", "use_log_target=true"]


def test_an_interval_that_ends_at_zero_is_drawn():
    one = Series("a", [20.0, 900.0], series(0), [0.0, 800.0], [30.0, 950.0])
    figure = ranked(["a", "b"], one, "MAPE")
    assert figure.layout.xaxis.type == "log"
    assert 0 < figure.data[0].x[0] < 10 ** figure.layout.xaxis.range[0]


def test_published_figures_stand_beside_recipes_and_say_when_not_to(comparison, runs, tmp_path):
    (group,) = comparison.groups
    (table,) = [table for table in tables(group) if "published" in table.caption]
    # huber with a log target has no published figure
    assert [row[0] for row in table.rows] == ["loss=mape", "loss=rmsle"]
    assert [row[2] for row in table.rows] == ["51.8%", "about 55%"]
    assert table.note.startswith("Comparable in length range (lengths ≤ 5000).")
    assert "2.25 million products" in table.note
    for loss in ("mape", "log_mape"):
        write_run(
            tmp_path / loss,
            rows=30,
            overrides=["features=knn", "features.use_log_target=true", f"loss={loss}"],
        )
    (group,) = compare(load_runs(sorted(tmp_path.iterdir()))[0]).groups
    table = tables(group)[-1]
    assert table.note.startswith("Not comparable (other lengths: all lengths, published is")
    (group,) = compare([run for run in runs if "mape" in run.folder.name]).groups
    assert not [table for table in tables(group) if "published" in table.caption]


@pytest.mark.parametrize(
    ("loss", "log_target", "mape"),
    [
        ("huber", False, 0.94),
        ("huber", True, None),
        ("mape", False, 0.59),
        ("mape", True, 0.518),
        ("rmsle", True, 0.55),
        ("combined", True, 0.53),
        ("log_mape", True, 0.53),
        ("weighted_mape", True, 0.54),
        ("focal_mape", True, 0.54),
        ("smape", False, 2.66),
        ("smape", True, None),
    ],
)
def test_published_figures(loss, log_target, mape):
    config = {
        "model": {"name": "mlp"},
        "features": {"use_log_target": log_target, "neighbours": {"k": 20}},
        "loss": {"name": loss},
    }
    figure = published_figure(config)
    assert (None if figure is None else figure.mape) == mape
    assert published_figure(config | {"model": {"name": "attention"}}) is None
    without = {"use_log_target": log_target, "neighbours": None}
    assert published_figure(config | {"features": without}) is None
    assert published_figure({}) is None


def test_pictures_are_embedded_and_lie_beside(comparison, tmp_path):
    pictures = [Picture("What <matters>", "Of *all* <trials>.", PNG), Picture("–", "", PNG + b"2")]
    files = write_comparison(comparison, tmp_path / "new", pictures)
    assert [path.name for path in files] == [
        "comparison.md",
        "comparison.csv",
        "comparison_what_matters.png",
        "comparison__2.png",
    ]
    assert files[2].read_bytes() == PNG
    html = as_html(comparison, pictures)
    assert html.count('<img src="data:image/png;base64,') == 2
    assert "What &lt;matters&gt;" in html
    assert "<matters>" not in html
    markdown = files[0].read_text(encoding="utf-8")
    assert "![What \\<matters\\>](comparison_what_matters.png)" in markdown
    assert "Of \\*all\\*" in markdown
    assert "<img" not in as_html(comparison)
    assert "![" not in as_markdown(comparison)
    assert len(set(file_names([pictures[0]] * 3))) == 3


def test_text_of_the_whole(comparison):
    text = as_text(comparison)
    assert re.search(r"Best of 3 recipes, 6 runs, on val: loss=mape, MAPE .*, 3 seeds\.", text)
    assert "minus reference, points" in text
    assert "Test metrics of the best recipe" in text


def test_distributions_stand_under_their_own_decisions_as_means_over_seeds(comparison, runs):
    assert decision_table(comparison.groups[0]) is None
    changed = {}
    for run in runs:
        val = run.report.val
        if "loss=mape" in run.report.overrides:
            seed = run.report.seed
            rmsle = Estimate(0.1 * (seed + 1), 0.05, 0.5)
            better = replace(val.metrics, values={**val.metrics.values, "rmsle": rmsle})
            val = val.model_copy(update={"decisions": {"rmsle": better}})
        splits = {**run.report.splits, "val": val}
        changed[run.folder] = replace(run, report=run.report.model_copy(update={"splits": splits}))
    table = decision_table(compare(list(changed.values())).groups[0])
    (row,) = table.rows
    assert row[1] == "loss=mape"
    own = compare(runs).groups[0].best.val.metrics
    cells = dict(zip(table.header, row, strict=True))
    assert cells["MAPE (decision=mape)"] == f"{own.mape.value:.1%}"
    assert cells["median APE (decision=median)"] == f"{own['median_ape'].value:.1%}"
    assert cells["RMSLE (decision=rmsle)"] == "0.200"
