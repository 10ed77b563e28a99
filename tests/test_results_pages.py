"""The pages of results: their tables are those of benchmarks/results, their commands are read."""

import importlib
import re
import shlex
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = ("results.md", "what-did-not-work.md")


def benchmark(name):
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "benchmarks")
        return importlib.import_module(name)


docs_tables = benchmark("docs_tables")


def text_of(page):
    return (ROOT / "docs" / page).read_text(encoding="utf-8")


@pytest.mark.parametrize("page", docs_tables.PAGES, ids=lambda page: page.name)
def test_tables_are_those_of_the_results(page):
    text = page.read_text(encoding="utf-8")
    assert docs_tables.fill(text) == text


def test_each_table_is_on_a_page():
    texts = [page.read_text(encoding="utf-8") for page in docs_tables.PAGES]
    shown = {name for text in texts for _, name, _, _ in docs_tables.MARKED.findall(text)}
    assert shown == set(docs_tables.TABLES)


def test_a_page_that_differs_is_named(tmp_path, monkeypatch, capsys):
    page = tmp_path / "results.md"
    page.write_text(text_of("results.md").replace("46.2%", "45.2%"), encoding="utf-8")
    monkeypatch.setattr(docs_tables, "PAGES", [page])
    monkeypatch.setattr("sys.argv", ["docs_tables.py", "--check"])
    assert docs_tables.main() == 1
    assert "out of date: results.md" in capsys.readouterr().out
    monkeypatch.setattr("sys.argv", ["docs_tables.py"])
    assert docs_tables.main() == 0
    assert page.read_text(encoding="utf-8") == text_of("results.md")


def test_a_change_is_the_variant_minus_what_is_shipped():
    """Results hold best minus the other: turned round where best is what is shipped."""
    pair = {"value": -0.02, "low": -0.05, "high": 0.01}
    turned = docs_tables.variant_minus_shipped({"difference": pair}, {"difference": None})
    assert turned == {"value": 0.02, "low": -0.01, "high": 0.05}
    assert docs_tables.variant_minus_shipped({"difference": None}, {"difference": pair}) == pair
    few = {"value": 0.3, "low": None, "high": None}
    turned = docs_tables.variant_minus_shipped({"difference": few}, {"difference": None})
    assert turned == {"value": -0.3, "low": None, "high": None}


def commands():
    for page in PAGES:
        for block in re.findall(r"```bash\n(.*?)```", text_of(page), flags=re.DOTALL):
            yield from block.replace("\\\n", " ").splitlines()


@pytest.mark.parametrize("command", list(commands()))
def test_commands_are_read(command, monkeypatch):
    words = shlex.split(command)
    if words[0] == "make":
        done = subprocess.run(["make", "--dry-run", *words[1:]], cwd=ROOT, check=False)
        assert done.returncode == 0
        return
    assert words[0] == "python"
    script = Path(words[1])
    assert script.parent == Path("benchmarks")
    monkeypatch.setattr("sys.argv", words[1:])
    benchmark(script.stem).parser().parse_args(words[2:])
