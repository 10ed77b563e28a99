"""README.md is short, tables are the measured ones, links lead somewhere, the site builds."""

import html
import os
import re
import subprocess
import sys

import pytest
import yaml
from documented import PAGES, README, ROOT

from product_length.version import __version__

sys.path.insert(0, str(ROOT / "docs"))
from error_messages import messages

FIGURES = re.compile(r"\d+[.,]\d+%?\*{0,2} \|")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The built site. Strict: links and anchors between pages, names in the reference."""
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", str(folder)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_the_readme_is_short():
    assert len(README.read_text("utf-8").splitlines()) <= 200


def test_no_table_of_figures_is_written_by_hand():
    """tests/test_results_pages.py asserts that benchmarks/docs_tables.py made the others."""
    for page in PAGES:
        text = re.sub(
            r"<!-- table [\w-]+ -->.*?<!-- /table -->", "", page.read_text("utf-8"), flags=re.S
        )
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


def test_the_symptoms_of_troubleshooting_are_messages_of_the_product():
    page = (ROOT / "docs" / "troubleshooting.md").read_text("utf-8")
    symptoms = re.findall(r"^### `(.+)`$", page, flags=re.MULTILINE)
    assert len(symptoms) >= 30
    texts = [message.text for message in messages()]
    assert not [each for each in symptoms if not any(each in text for text in texts)]


def test_messages_are_found_wherever_they_are_put_together(tmp_path):
    (tmp_path / "a.py").write_text(
        "def f(n, ok):\n"
        "    said = f'one {n}, ' 'all of it'\n"
        "    if n:\n"
        "        raise ConfigError(said)\n"
        "    raise errors.UserError(f'two of {n:.1f}: ' + ('this one' if ok else f'that {n}'))\n"
        "    raise ValueError('this way round' if ok else f'that way {n} round')\n"
        "    log.warning('three %s: mind that', n)\n",
        encoding="utf-8",
    )
    assert {each.text for each in messages(tmp_path)} == {
        "one …, all of it",
        "two of …: …",
        "this way round",
        "that way … round",
        "three …: mind that",
    }


def test_every_message_is_on_the_page_of_the_site(site):
    page = html.unescape((site / "troubleshooting" / "index.html").read_text("utf-8"))
    missing = [each.text for each in messages() if each.text not in page]
    assert len(messages()) > 200
    assert not missing


def test_versions_agree():
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))["version"] == __version__
    assert re.search(rf"^## {__version__}\b", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.M)


def test_pre_commit_runs_what_lint_runs():
    makefile = (ROOT / "Makefile").read_text("utf-8")
    recipe = re.search(r"^lint:.*\n((?:\t.*\n)+)", makefile, re.M)[1]
    linted = [line.strip().removeprefix("$(BIN)/") for line in recipe.splitlines()]
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text("utf-8"))
    assert {repo["repo"] for repo in config["repos"]} == {"local"}  # nothing is downloaded
    hooks = [hook["entry"] for repo in config["repos"] for hook in repo["hooks"]]
    assert [re.search(r"exec (.*)'", entry)[1] for entry in hooks] == linted


def test_the_site_asks_nothing_of_other_machines(site):
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 20
    fetched = re.compile(
        r"<(?:script|link|img|iframe)\b[^>]*(?:src|href)=[\"']?(?:https?:)?//[^>]*>"
    )
    for path in pages:
        assert not fetched.findall(path.read_text("utf-8")), path.name
    for path in site.rglob("*.css"):
        assert not re.search(r"url\([\"']?(?:https?:)?//", path.read_text("utf-8")), path.name
