"""README.md is short, tables are the measured ones, links lead somewhere, the site builds."""

import os
import re
import subprocess
import sys

import pytest
from documented import PAGES, README, ROOT

RESULTS = ROOT / "benchmarks" / "results"
TABLES = [
    pytest.param(page, name, text, id=f"{page.name}-{name}")
    for page in PAGES
    for name, text in re.findall(
        r"<!-- (\w+) -->\n(.*?)<!-- /\1 -->", page.read_text("utf-8"), flags=re.DOTALL
    )
]
# Of the second kind tests/test_results_pages.py asserts that benchmarks/docs_tables.py made them.
MADE = re.compile(
    r"<!-- (\w+) -->.*?<!-- /\1 -->|<!-- table [\w-]+ -->.*?<!-- /table -->", re.DOTALL
)
FIGURES = re.compile(r"\d+[.,]\d+%?\*{0,2} \|")


def test_the_readme_is_short():
    assert len(README.read_text("utf-8").splitlines()) <= 200


@pytest.mark.parametrize(("page", "name", "shown"), TABLES)
def test_tables_are_those_of_the_benchmarks(page, name, shown):
    written = (RESULTS / f"{name}.md").read_text("utf-8")
    assert shown.strip() == written.strip()


def test_no_table_of_figures_is_written_by_hand():
    for page in PAGES:
        text = MADE.sub("", page.read_text("utf-8"))
        rows = [line for line in text.splitlines() if len(FIGURES.findall(line)) > 1]
        assert not rows, f"{page.name}: {rows[0]}"


def anchors_of(page):
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page):
    text = re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(((?!https?:)[^)]+)\)", text):
        name, _, anchor = target.partition("#")
        found = (page.parent / name) if name else page
        assert found.exists(), target
        assert not anchor or anchor in anchors_of(found), target


def test_the_site_builds_and_asks_nothing_of_other_machines(tmp_path):
    """Strict: links and anchors between pages, names in the reference."""
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    pages = sorted(tmp_path.rglob("*.html"))
    assert len(pages) > 20
    fetched = re.compile(
        r"<(?:script|link|img|iframe)\b[^>]*(?:src|href)=[\"']?(?:https?:)?//[^>]*>"
    )
    for path in pages:
        assert not fetched.findall(path.read_text("utf-8")), path.name
    for path in tmp_path.rglob("*.css"):
        assert not re.search(r"url\([\"']?(?:https?:)?//", path.read_text("utf-8")), path.name
