import csv
import io
import re

import pytest
from browser import chromium, visit
from run_folders import write_run

from product_length.comparison.compare import compare
from product_length.comparison.formats import as_csv, as_markdown, as_text
from product_length.comparison.runs import load_runs
from product_length.comparison.sentences import headline
from product_length.comparison.tables import tables
from product_length.evaluation.metrics import MAPE
from product_length.pages import comparison_charts as charts
from product_length.pages.colours import series
from product_length.pages.comparison import as_html, write_comparison_page

NASTY = 'loss=<script>alert("1")</script>|&`*_'


@pytest.fixture(scope="module")
def comparison(tmp_path_factory):
    root = tmp_path_factory.mktemp("runs")
    for i in range(10):
        write_run(
            root / f"run{i}",
            noise=0.4 + 0.05 * i,
            rows=120,
            overrides=["data=demo", f"loss=l{i}" if i else NASTY, f"seed={i}"],
            seed=i,
        )
    write_run(root / "<b>bold", rows=120, noise=0.33, fingerprint="cd" * 32, max_length=5000)
    (root / "killed & gone").mkdir()
    runs, unfinished = load_runs(sorted(root.iterdir()))
    assert len(runs) == 11
    return compare(runs, unfinished=unfinished)


def test_page_needs_no_network_and_escapes_what_comes_from_outside(comparison):
    html = as_html(comparison)
    assert "default-src &#39;none&#39;" in html
    assert "alert(&#34;1&#34;)" in html
    assert 'alert("1")' not in html.replace('\\"', "")  # but in JSON, where it cannot act
    assert "<b>bold" not in html
    assert "killed &amp; gone" in html


def test_page_has_every_table_whole(comparison):
    html = as_html(comparison)
    expected = [table for group in comparison.groups for table in tables(group)]
    assert html.count("<table>") == len(expected) == 8
    assert html.count("<tr") == sum(1 + len(table.rows) for table in expected)


def test_charts_show_recipes_in_order_and_keep_their_colours(comparison):
    group = comparison.groups[0]
    chart = charts.ranking_chart(group)
    marks = [trace for trace in chart.figure.data if trace.mode == "markers"]
    assert [mark.x[0] for mark in marks] == sorted(mark.x[0] for mark in marks)
    colours = [mark.marker.color for mark in marks]
    assert len(set(colours[:8])) == 8
    assert set(colours[8:]) == {series(8).colour}
    names = [each.text for each in chart.figure.layout.annotations]
    assert names[1] == "2. loss=l1"
    assert any("best baseline: " in name for name in names)
    bands = charts.band_chart(group, MAPE).figure.data
    assert [trace.marker.color for trace in bands[:8]] == colours[:8]
    baselines = [name for name, _ in group.best.val.compared_with()]
    assert [trace.name for trace in bands[8:]] == baselines
    assert not {trace.marker.color for trace in bands[8:]} & set(colours[:8])
    curves = charts.learning_chart(group).figure.data
    assert [trace.line.color for trace in curves[:8]] == colours[:8]


def test_long_names_and_the_command_are_whole_in_the_page(tmp_path):
    words = [f"trainer.option_{i}={i}" for i in range(20)]
    write_run(tmp_path, rows=30, overrides=[*words, "seed=3"], seed=3)
    comparison = compare(load_runs([tmp_path])[0])
    html = as_html(comparison)
    assert f"python -m product_length.train {' '.join(words)} seed=3</code>" in html
    assert " ".join(words) in as_markdown(comparison).replace("\\", "")
    assert " ".join(words) in as_csv(comparison)


def test_the_page_opens_in_a_browser(comparison, tmp_path):
    path = write_comparison_page(comparison, tmp_path)
    with chromium() as browser, visit(browser, path, width=390, dark=True) as opened:
        assert opened.overflow() == 0
        assert opened.faults == []
        assert opened.page.locator(".chart .main-svg").count() >= 5
        head = opened.page.locator("table").first.locator("thead button").nth(2)
        head.click()
        head.click()
        first = opened.page.locator("table").first.locator("tbody tr").first
        assert first.locator("td").first.inner_text() == "10"


def test_runs_without_history_or_intervals_or_baselines(tmp_path):
    report = write_run(tmp_path, rows=5, test=False)
    assert report.val.metrics.mape.low is None
    bare = report.model_copy(
        update={
            "history": [],
            "splits": {"val": report.val.model_copy(update={"baselines": {}, "oracle": None})},
        }
    )
    (tmp_path / "report.json").write_text(bare.model_dump_json(), encoding="utf-8")
    comparison = compare(load_runs([tmp_path])[0])
    (group,) = comparison.groups
    assert charts.learning_chart(group) is None
    assert [table.caption.split()[0] for table in tables(group)] == ["Recipes,", "Val"]
    assert as_html(comparison).count('data-figure="') == 2
    assert "test rows" not in as_text(comparison).lower()


def markdown_cells(line):
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def test_markdown_tables_have_equal_columns(comparison):
    text = as_markdown(comparison)
    blocks = re.findall(r"(?:^\|.*\n)+", text, flags=re.MULTILINE)
    expected = [table for group in comparison.groups for table in tables(group)]
    assert len(blocks) == len(expected)
    for block, table in zip(blocks, expected, strict=True):
        lines = [markdown_cells(line) for line in block.splitlines()]
        assert {len(line) for line in lines} == {len(table.header)}
        assert len(lines) == 2 + len(table.rows)
        assert all(re.fullmatch("---:?", cell) for cell in lines[1])
    assert "<script" not in text.replace("\\<script", "")
    assert "loss=\\<script\\>alert" in text


def test_csv_round_trip(comparison):
    records = list(csv.DictReader(io.StringIO(as_csv(comparison), newline="")))
    assert len(records) == 11
    ranked = [r for group in comparison.groups for r in group.recipes]
    for record, one in zip(records, ranked, strict=True):
        own = one.val.metrics
        assert None not in record
        assert None not in record.values()
        assert float(record["val_mape"]) == own.mape.value
        assert float(record["val_mape_low"]) == own.mape.low
        assert float(record["val_rmsle"]) == own["rmsle"].value
        assert record["recipe"] == one.name
        assert record["runs"] == str(one.runs[0].folder)
        assert record["seeds"] == str(one.runs[0].report.seed)
        band = own.bands[2]
        assert float(record["val_mape 100–500"]) == band["mape"].value
        assert int(record["val_rows 100–500"]) == band.rows
    assert float(records[4]["minus_best"]) == ranked[4].to_best.value
    assert records[0]["minus_best"] == ""
    assert records[0]["minus_best_verdict"] == "best"
    assert records[0]["reference"] == records[0]["minus_reference_verdict"] == ""


def test_test_metrics_are_shown_for_the_best_run_only(comparison):
    records = list(csv.DictReader(io.StringIO(as_csv(comparison))))
    assert [bool(record["test_mape"]) for record in records] == [True, *[False] * 9, True]
    best, *others = comparison.groups[0].recipes
    shown = f"{100 * best.runs[0].report.splits['test'].metrics.mape.value:.1f}% ("
    for text in (as_text(comparison), as_markdown(comparison), as_html(comparison)):
        assert shown in text.replace("\\", "")
        for other in others:
            hidden = other.runs[0].report.splits["test"].metrics
            own = f"({100 * hidden.mape.low:.1f}–{100 * hidden.mape.high:.1f}%)"
            assert own not in text.replace("\\", "")


def test_text_says_what_is_and_is_not_comparable(comparison):
    text = as_text(comparison)
    assert (
        "2 groups on different data or length ranges; figures of different groups are not" in text
    )
    assert "Skipped, not finished (1): " in text
    assert "killed & gone" in text
    assert "All recipes share: data=demo." in text
    assert "not that of the training seed" in text
    assert "One seed cannot show that a recipe is better" in text
    assert f"Best of 10 recipes, 10 runs, on val: {NASTY}, MAPE " in text


def test_headline_passes_remarks_on(tmp_path):
    write_run(tmp_path, noise=2.5)
    (group,) = compare(load_runs([tmp_path])[0]).groups
    assert any("does not beat" in sentence for sentence in headline(group))
