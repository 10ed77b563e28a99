"""The page of a run: what it says is what the run's files hold, and it opens in a browser."""

import shlex

import numpy as np
import pyarrow as pa
import pytest
from browser import chromium, visit
from run_folders import LENGTH, write_run

from product_length import report as report_verb
from product_length.catalogue.config import TextRecipe
from product_length.catalogue.products import one_product
from product_length.catalogue.units import CatalogueUnit
from product_length.errors import UserError
from product_length.evaluation.examples import Example, best_and_worst, write_examples
from product_length.evaluation.groups import by_statement, by_type, by_type_rows
from product_length.evaluation.predictions import (
    ProductFacts,
    load_predictions,
    write_predictions,
)
from product_length.evaluation.report import load_report
from product_length.evaluation.stated import KINDS, what_texts_state
from product_length.pages.run import (
    PAGE_FILE,
    command_of,
    run_figures,
    verdict,
    write_run_page,
)
from product_length.pages.run_charts import curves_chart

TITLE = 'Shelf <b onclick="alert(1)">30 cm</b></script>'


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A run whose predictions have facts and examples."""
    folder = tmp_path_factory.mktemp("run")
    write_run(folder, overrides=["loss=mape", "data.path=my table.csv"], rows=300)
    found = load_predictions(folder, "val")
    predictions = found.predictions
    type_rows = np.arange(300) % 250
    ends = np.stack([predictions / 2, predictions * 2], axis=1)
    stated = [None if i == 0 else KINDS[i % 3] for i in range(300)]
    write_predictions(
        folder,
        "val",
        product_ids=found.product_ids,
        types=found.types,
        lengths=found.lengths,
        predictions=predictions,
        quantity=LENGTH,
        facts=ProductFacts(type_rows, ends, stated),
    )
    examples = [
        Example(
            split="val",
            row=i,
            product_id=f"{i}",
            product_type="t",
            text=TITLE,
            length=10.0,
            prediction=12.5,
            ape=0.25,
            low=9.0,
            high=20.0,
            stated=KINDS[0],
            reasons="30% neighbours",
        )
        for i in range(4)
    ]
    write_examples(folder, examples)
    return folder


def test_the_verdict_is_that_of_the_report(folder):
    report = load_report(folder)
    first, *others = verdict(report)
    val = report.val
    assert f"{100 * val.metrics.mape.value:.1f}% (" in first
    best = min(val.baselines, key=lambda name: val.baselines[name].metrics.mape.value)
    assert f"the best baseline, {best.replace('_', ' ')} with" in first
    assert f"{100 * val.oracle.metrics.mape.value:.1f}%" in others[0]
    assert others[1].startswith("On test rows")
    assert len(verdict(report.without_test())) == 2


def test_errors_of_groups(folder):
    report, found = load_report(folder), load_predictions(folder, "val")
    errors = np.abs(found.predictions - found.lengths) / found.lengths
    few, *_, many = by_type_rows(found, report.resampling)
    assert few.name == "0–2 rows"
    few_rows = found.facts.type_rows <= 2
    assert (few.rows, few.mape) == (few_rows.sum(), pytest.approx(errors[few_rows].mean()))
    assert (few.low, few.high) == (None, None)  # six rows
    assert many.low < many.mape < many.high
    stated = by_statement(found, report.resampling)
    assert [each.name for each in stated] == list(KINDS)
    assert sum(each.rows for each in stated) == 299  # one was not looked at
    types = by_type(found, report.resampling, 3)
    shares = [errors[i::7].sum() / errors.sum() for i in range(7)]
    assert [each.share for each in types] == pytest.approx(sorted(shares)[::-1][:3])


def test_what_texts_state_is_held_against_the_truth():
    def of(text, length, unit="cm"):
        product = one_product(text, TextRecipe(fields=["title"]), CatalogueUnit.named(unit))
        kinds = what_texts_state(product, np.array([length], np.float32))
        return kinds and kinds[0]

    assert of("Shelf 30 cm", 30) == "the true length"
    assert of("Shelf 30.9 cm", 30) == "other lengths only"
    assert of("Shelf 12 inches", 30.48) == "the true length"
    assert of("Shelf", 30) == "no length"
    assert of("Shelf 30 cm", 30, "kg") is None


def test_best_and_worst_share_no_row():
    assert best_and_worst(np.array([3.0, 1.0, 2.0]), 5).tolist() == [1, 0]
    assert best_and_worst(np.arange(10.0), 2).tolist() == [0, 1, 9, 8]


def test_the_command_repeats_the_run(folder):
    report = load_report(folder)
    words = shlex.split(command_of(report))
    assert words == ["python", "-m", "product_length.train", "loss=mape", "data.path=my table.csv"]
    study = report.model_copy(update={"overrides": ["study=x", "storage=sqlite:///x", "seed=1"]})
    assert command_of(study).endswith("train seed=1")


def test_a_learning_curve_has_baselines_and_oracle_on_its_axis(folder):
    report = load_report(folder)
    figure = curves_chart(report).figure
    names = [trace.name for trace in figure.data]
    assert names[:1] == ["val"] or names[:2] == ["train", "val"]
    assert sum(name.startswith("oracle") for name in names) == 1
    level = next(trace for trace in figure.data if trace.name.startswith("type median"))
    assert level.y[0] == pytest.approx(100 * report.val.baselines["type_median"].metrics.mape.value)


def test_a_studys_run_shows_no_test_rows(folder, tmp_path):
    write_run(tmp_path, overrides=["study=x"], rows=60)
    page = write_run_page(tmp_path).read_text(encoding="utf-8")
    assert "val, 60 rows" in page
    assert "test, 30 rows" not in page
    assert "On test rows" not in page
    assert "test, 150 rows" in write_run_page(folder).read_text(encoding="utf-8")


def test_figures_for_a_tracker(folder):
    figures = run_figures(folder, load_report(folder))
    page = write_run_page(folder).read_text(encoding="utf-8")
    assert {"Signed error", "Learning curve", "Loss"} <= figures.keys()
    assert page.count('<div class="chart"') == len(figures)
    assert all(f"<h3>{title}</h3>" in page for title in figures)


def test_damage_is_a_plain_message(folder, tmp_path):
    write_run(tmp_path, rows=60)
    (tmp_path / "examples.json").write_text("[{}]")
    with pytest.raises(UserError, match=r"examples\.json: damaged"):
        write_run_page(tmp_path)


def test_report_makes_the_page_again(folder, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (folder / PAGE_FILE).unlink(missing_ok=True)
    assert report_verb.main([str(folder)]) == 0
    assert str(folder / PAGE_FILE) in capsys.readouterr().out
    assert (folder / PAGE_FILE).is_file()


def test_the_page_opens_in_a_browser(folder):
    path = write_run_page(folder)
    assert "<b onclick" not in path.read_text(encoding="utf-8")
    with chromium() as browser, visit(browser, path, width=390) as opened:
        page = opened.page
        assert page.locator(".chart .main-svg").count() >= 6
        assert TITLE in page.locator("td.prose").first.inner_text()
        assert page.locator("td.prose").last.inner_text() == "30% neighbours"
        assert "best baseline" in page.locator(".verdict").inner_text()
        assert opened.overflow() == 0
        assert opened.faults == []


def test_facts_are_read_back(folder):
    facts = load_predictions(folder, "val").facts
    assert facts.ends.shape == (300, 2)
    assert facts.stated[:2] == [None, KINDS[1]]
    assert load_predictions(folder, "test").facts is None
    assert pa.array(facts.type_rows).type == pa.int64()
