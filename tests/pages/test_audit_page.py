"""The page of an audit, in a real browser: on wide and narrow windows, light and dark."""

import numpy as np
import pytest
from browser import chromium, visit
from builders import demo_files, job, read_rows

from product_length.audit import audit
from product_length.auditing.config import AuditJob

WORDS = [
    "data=amazon2023",
    "data.text.strip_tags=false",
    "folds=2",
    "embeddings=lsa",
    "embeddings.encoders.lsa.dimensions=8",
    "embeddings.encoders.lsa.char_ngrams=null",
    "features=[types,measurements]",
    "model.hidden=[16]",
    "trainer=cpu",
    "trainer.max_epochs=2",
    "trainer.min_steps=4",
    "trainer.progress=false",
]
TITLE = '<script>alert("x")</script> & <b>shelf</b>'


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The page of a small audit, through the verb; a wrong label belongs to a hostile title."""
    folder = demo_files(tmp_path_factory.mktemp("audited"), rows=300, types=6, seed=3)
    text = (folder / "train.csv").read_text(encoding="utf-8").splitlines()
    cells = text[5].split(",")
    quoted = '"' + TITLE.replace('"', '""') + '"'
    text[5] = ",".join([cells[0], quoted, '""', '""', "1", "30000000"])
    (folder / "train.csv").write_text("\n".join(text) + "\n", encoding="utf-8")
    words = [f"data.path={folder / 'train.csv'}", f"output={folder / 'suspects.csv'}"]
    words += [f"cache_dir={folder / 'cache'}", *WORDS]
    audit(job("audit", AuditJob, *words), folder, words)
    return folder / "suspects.html"


@pytest.mark.slow
def test_the_page_opens_without_a_fault_and_shows_what_the_file_says(page):
    rows = read_rows(page.with_suffix(".csv"))
    first = next(row for row in rows if row["TEXT"].startswith(TITLE[:20]))
    assert int(first["RANK"]) <= 5
    with chromium() as browser:
        for width in (1280, 390):
            for dark in (False, True):
                with visit(browser, page, width=width, dark=dark) as opened:
                    assert opened.faults == []
                    assert opened.overflow() <= 0
                    shown = opened.page.locator("table").first
                    assert shown.locator("tbody tr").count() == 100
                    assert TITLE in shown.inner_text()  # as it stands, and not run
                    assert rows[0]["REASON"] in shown.inner_text()
                    assert opened.page.locator(".chart svg.main-svg").count() >= 3
        with visit(browser, page) as opened:  # a click on a column sorts by its numbers
            shown = opened.page.locator("table").first
            shown.locator("thead button").nth(2).click()
            labels = [
                float(cell.get_attribute("data-order"))
                for cell in shown.locator("tbody tr td:nth-child(3)").all()
            ]
            assert (np.diff(labels) >= 0).all() or (np.diff(labels) <= 0).all()
            assert "python -m product_length.audit data.path=" in opened.page.inner_text("body")
