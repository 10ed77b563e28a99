"""The served page in a real browser: type, pick, see what it is and why."""

import pytest
from browser import chromium, visit
from builders import read_rows
from servers import served

EVIL = '<img src=x onerror="document.title=1">'
ODD = '<3 & "> {{ 7*7 }} rug 30 cm x 20 cm'


@pytest.fixture(scope="module")
def server(everything):
    with served(everything) as it:
        yield it


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (390, True)])
def test_a_person_types_a_title_picks_a_type_and_sees_why(server, catalogue, width, dark):
    row = read_rows(catalogue / "test.csv")[0]
    with (
        chromium() as browser,
        visit(browser, server.address, width=width, dark=dark) as opened,
    ):
        page = opened.page
        assert "What is its PRODUCT_LENGTH?" in page.inner_text("h1")
        kinds = page.locator("#known-types option").evaluate_all("all => all.map(x => x.value)")
        assert row["PRODUCT_TYPE_ID"] in kinds
        page.fill("[data-field=title]", f"{row['TITLE']} 30 cm x 20 cm")
        page.fill("[data-field=product_type]", row["PRODUCT_TYPE_ID"])
        page.press("[data-field=title]", "Enter")
        page.wait_for_selector("#answer .length")
        asked = {"title": f"{row['TITLE']} 30 cm x 20 cm", "product_type": row["PRODUCT_TYPE_ID"]}
        (found,) = server.predict(product=asked, reasons="words")["predictions"]
        shown = page.inner_text("#answer .length").replace(",", "").split()[0]
        assert float(shown) == pytest.approx(found["length"], rel=0.006)
        page.wait_for_selector("#answer .chart .main-svg")
        assert page.locator("#answer .chart .main-svg").count() >= 2
        assert page.locator("#answer mark").first.inner_text() == "30 cm x 20 cm"
        text = page.inner_text("#answer")
        kinds = {each["kind"]: each for each in found["reasons"]["features"]}
        for neighbour in kinds["neighbours"]["neighbours"]:
            assert neighbour["text"] in text
        for word in found["reasons"]["words"]:
            assert word["word"] in text
        assert "the network by itself" in text
        assert "holds 90% of true values" in text
        # Tables that came later can be sorted too.
        heads = page.locator("#answer thead button")
        heads.nth(1).click()
        assert page.locator("#answer th[aria-sort=ascending]").count() == 1
        assert opened.overflow() == 0
        assert opened.faults == []
        assert {each.split("/")[2] for each in opened.requests} == {server.address.split("/")[2]}


def test_what_is_typed_is_shown_as_it_stands_and_what_is_refused_is_said(server):
    with chromium() as browser, visit(browser, server.address) as opened:
        page = opened.page
        page.fill("[data-field=title]", ODD)
        page.fill("[data-field=product_type]", EVIL)
        page.click("button[type=submit]")
        page.wait_for_selector("#answer mark")
        assert page.inner_text("#answer .marked") == ODD
        assert f"product type “{EVIL}” is not among the training rows" in page.inner_text("#answer")
        assert page.locator("#answer img").count() == 0
        assert page.title() != "1"
        assert opened.faults == []
        page.fill("[data-field=title]", "x" * 20_001)
        page.click("button[type=submit]")
        page.wait_for_selector("#answer p.warning")
        said = page.inner_text("#answer")
        assert "product.title: String should have at most 20000 characters" in said
