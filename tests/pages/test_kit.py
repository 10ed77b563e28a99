"""The kit of pages: nothing from data acts, nothing from outside is needed, it reads anywhere."""

import base64
import hashlib
import re

import numpy as np
import pytest
from browser import chromium, visit

from product_length.pages.charts import by_category, curves, ranked
from product_length.pages.colours import DARK, LIGHT, of_baseline, series
from product_length.pages.histograms import histogram
from product_length.pages.page import (
    Bullets,
    Cell,
    Chart,
    Column,
    Command,
    Details,
    Facts,
    Mark,
    MarkedText,
    Paragraph,
    Section,
    SideBySide,
    Table,
    page_html,
    write_page,
)
from product_length.pages.prediction_charts import calibration, predicted_against_true
from product_length.pages.series import Line, Series

EVIL = '"><img src=x onerror="alert(1)"></script><b>bold</b> {{ 7*7 }} %{x} “ü” ' + "long" * 60


@pytest.fixture(scope="module")
def sections():
    lengths = np.random.default_rng(0).lognormal(6, 1, 500)
    look = series(0)
    figures = [
        histogram(lengths, EVIL, lines=[Line(500, EVIL)]),
        ranked([EVIL, "b"], Series("x", [3, 4], look, [1, 2], [5, 6]), "MAPE"),
        by_category([EVIL, "b"], [Series(EVIL, [3, 4], look, [1, 2], [5, 6])], "band", "MAPE"),
        curves([Series(EVIL, [3, 2], look, x=[1, 2])], "epoch", "MAPE", lines=[Line(4, EVIL)]),
        predicted_against_true(lengths, lengths[::-1], "true", "predicted", texts=[EVIL] * 500),
        calibration([Series(EVIL, [45, 90], look, x=[50, 90])], rows=500),
    ]
    charts = [Chart(each, f"Chart {i} {EVIL}", EVIL) for i, each in enumerate(figures)]
    columns = [Column(EVIL, names_row=True), Column("length (cm)", numeric=True), Column("c")]
    rows = [[EVIL, Cell("1,000", 1000), "x"], ["b", "30.5", "y"], ["a", Cell("–"), MarkedText("z")]]
    rows[2][2] = Cell(MarkedText(f"30 cm {EVIL}", [Mark(0, 5, EVIL)]), under=EVIL)
    return [
        Section(EVIL, [Paragraph(EVIL, "warning"), Bullets([EVIL]), Facts([(EVIL, EVIL)])]),
        Section("Charts", [SideBySide(charts[:2]), *charts[2:5]], lead=EVIL),
        Section("Tables", [Table(columns, rows, EVIL, EVIL, frozenset({0}))]),
        Section("More", [Command(EVIL, EVIL), Details(EVIL, [charts[5]]), MarkedText(EVIL)]),
    ]


@pytest.fixture(scope="module")
def path(sections, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "page.html"
    return write_page(path, EVIL, [EVIL, EVIL], sections, kicker=EVIL)


def test_texts_are_escaped(path):
    html = path.read_text(encoding="utf-8")
    assert "<img" not in html
    assert "<b>bold" not in html
    assert "{{ 7*7 }}" in html  # as it stands: neither run nor lost
    assert re.findall(r"</script>", html) == ["</script>"] * html.count("<script")


def test_only_the_scripts_that_are_named_run_and_nothing_is_loaded(path):
    html = path.read_text(encoding="utf-8")
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]+)"', html)
    policy = policy.replace("&#39;", "'")
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "connect-src" not in policy
    assert "unsafe-eval" not in policy
    assert "'unsafe-inline'" not in policy.partition("script-src")[2].partition(";")[0]
    for script in re.findall(r"<script>(.*?)</script>", html, re.S):
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", html)


def test_a_page_without_charts_is_small_and_carries_no_library():
    html = page_html("Title", "Verdict.", [Section("One", [Paragraph("Text")])])
    assert len(html) < 25_000
    assert 'id="library"' not in html


@pytest.mark.parametrize("width", [390, 1280])
def test_a_page_opens_offline_in_a_browser(path, width):
    with chromium() as browser, visit(browser, path, width=width, dark=width == 390) as opened:
        page = opened.page
        assert page.evaluate("document.documentElement.dataset.failed") is None
        assert page.locator(".chart .main-svg").count() >= 5
        assert opened.overflow() == 0
        # Colours are those of the theme, in charts too.
        ink = (DARK if width == 390 else LIGHT)["ink"]
        rgb = "rgb({}, {}, {})".format(*(int(ink[i : i + 2], 16) for i in (1, 3, 5)))
        text = page.locator(".chart .legendtext").first
        assert text.evaluate("each => getComputedStyle(each).fill") == rgb
        page.locator("thead button").nth(1).click()
        assert page.locator("tbody tr td:nth-child(2)").all_inner_texts() == ["30.5", "1,000", "–"]
        page.locator("summary").click()
        page.wait_for_selector("details .main-svg")
        assert opened.overflow() == 0
        assert opened.faults == []
        assert opened.requests == [path.resolve().as_uri()]
        assert page.locator("img").count() == 0


def test_a_name_keeps_its_look():
    assert series(0) != series(1)
    assert of_baseline("constant") == of_baseline("constant") != of_baseline("type median")
