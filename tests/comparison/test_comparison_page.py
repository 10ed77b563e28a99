import csv
import io
import re
from html.parser import HTMLParser

import pytest
from run_folders import write_run

from product_length.comparison import charts, svg
from product_length.comparison.compare import compare
from product_length.comparison.formats import as_csv, as_markdown, as_text
from product_length.comparison.page import as_html
from product_length.comparison.runs import load_runs
from product_length.comparison.sentences import headline
from product_length.comparison.tables import tables
from product_length.evaluation.metrics import MAPE

NASTY = 'loss=<script>alert("1")</script>|&`*_'
VOID = {"meta", "link"}


class Page(HTMLParser):
    """Tags balanced, cells per table row, text, attributes."""

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.open, self.rows, self.text, self.urls, self.tags = [], [], [], [], []
        self.ids, self.references = [], []
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag == "table":
            self.rows.append([])
        if tag == "tr":
            self.rows[-1].append(0)
        if tag in ("td", "th"):
            self.rows[-1][-1] += 1
        for name, value in attrs:
            if name in ("src", "href", "xlink:href", "action", "srcset", "data"):
                self.urls.append(value)
            if name == "id":
                self.ids.append(value)
            if name == "aria-labelledby":
                self.references.append(value)
            assert not name.startswith("on")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


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


def test_page_is_one_file_that_needs_no_network(comparison):
    html = as_html(comparison)
    page = Page(html)
    assert page.urls == ["data:,"]
    assert not re.search(r"https?:|//[a-z]|@import|url\(", html)
    assert "script" not in page.tags
    assert "default-src 'none'" in html
    assert "width=device-width" in html
    assert "prefers-color-scheme: dark" in html


def test_page_escapes_what_comes_from_outside(comparison):
    html = as_html(comparison)
    page = Page(html)
    assert "<script" not in html
    assert "<b>" not in html
    text = "".join(page.text)
    assert NASTY in text
    assert "<b>bold" in text
    assert "killed & gone" in text


def test_page_tables_are_whole(comparison):
    page = Page(as_html(comparison))
    expected = [
        [len(table.header)] * (1 + len(table.rows))
        for group in comparison.groups
        for table in tables(group)
    ]
    assert len(expected) == 8
    assert page.rows == expected
    assert len(page.ids) == len(set(page.ids)) == 8
    assert set(page.references) == set(page.ids)
    assert page.tags.count("h1") == 1
    assert page.tags.count("figure") == 6


def test_every_drawn_number_is_finite_and_inside(comparison):
    for group in comparison.groups:
        made = [
            charts.ranking_chart(group),
            charts.learning_chart(group),
            charts.band_chart(group, MAPE),
        ]
        for chart in made:
            points = [pair for one in (*chart.strokes, *chart.marks) for pair in one.points.split()]
            assert len(points) > 20
            for pair in points:
                x, y = map(float, pair.split(","))
                assert -8 <= x <= svg.WIDTH + 8
                assert -8 <= y <= chart.height + 8
            for text in chart.texts:
                assert 0 <= text.x <= svg.WIDTH
                assert 0 < text.y <= chart.height


def test_charts_show_runs_in_order_and_grey_out_the_many(comparison):
    group = comparison.groups[0]
    chart = charts.ranking_chart(group)
    assert [mark.series for mark in chart.marks] == [*range(8), -1, -1]
    assert [mark.x for mark in chart.marks] == sorted(mark.x for mark in chart.marks)
    assert chart.marks[3].tip.startswith("loss=l3: ")
    names = [text.whole for text in chart.texts if text.kind == "name"]
    assert names[:2] == [f"1. {NASTY}", "2. loss=l1"]
    assert any("best baseline: " in text.text for text in chart.texts)
    curves = charts.learning_chart(group)
    assert sum(stroke.kind.startswith("curve") for stroke in curves.strokes) == 10
    assert curves.legend[-1] == (-1, "2 more")
    bands = charts.band_chart(group, MAPE)
    filled = sum(
        band["mape"].value is not None
        for recipe in group.recipes[:8]
        for band in recipe.val.metrics.bands
    )
    assert len(bands.marks) == filled


def test_long_names_are_cut_in_charts_only(tmp_path):
    recipe = " ".join(f"trainer.option_{i}={i}" for i in range(20))
    write_run(tmp_path, rows=30, overrides=recipe.split())
    comparison = compare(load_runs([tmp_path])[0])
    assert as_html(comparison).count(recipe) >= 3
    assert recipe in as_markdown(comparison).replace("\\", "")
    assert recipe in as_csv(comparison)
    names = [t for t in charts.ranking_chart(comparison.groups[0]).texts if t.kind == "name"]
    assert len(names[0].text) == 36
    assert names[0].whole == f"1. {recipe}"


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
    assert Page(as_html(comparison)).tags.count("figure") == 2
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


@pytest.mark.parametrize(
    ("values", "logarithmic"), [([40.0, 60.0], False), ([20, 900], True), ([50, 50], False)]
)
def test_scale_holds_its_values_and_has_ticks_between(values, logarithmic):
    scale = svg.scale_of(values, 0, 100)
    assert scale.logarithmic is logarithmic
    assert all(0 <= scale(value) <= 100 for value in values)
    assert scale(scale.low) == 0
    assert scale(scale.high) == 100
    assert 3 <= len(scale.ticks()) <= 10
    assert all(scale.low <= tick <= scale.high for tick in scale.ticks())


def test_ticks_are_round():
    assert svg.Scale(38, 61, 0, 1, logarithmic=False).ticks() == [40, 45, 50, 55, 60]
    assert svg.Scale(20, 900, 0, 1, logarithmic=True).ticks() == [20, 50, 100, 200, 500]
    assert svg.Scale(1, 1e7, 0, 1, logarithmic=True).ticks() == [10.0**k for k in range(8)]
    assert svg.Scale(100, 1000, 0, 100, logarithmic=True)(316.2277) == pytest.approx(50)
