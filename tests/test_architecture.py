"""The rules that keep the repository easy to work in."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "product_length"
FILES = sorted(PACKAGE.rglob("*.py"))
NAMES = [path.relative_to(PACKAGE).as_posix() for path in FILES]
# The stages in the order in which data flows: each may import the ones before it.
FLOW = ["demo", "catalogue", "embeddings", "measurements", "search", "features", "loss", "decision"]
FLOW += ["model", "training", "evaluation", "comparison", "tracking", "prediction"]
# What every room may import. The commands, `composition` and `sweeping` stand above all rooms.
COMMON = {"ahead", "artefacts", "errors", "options", "weighted_median", "writing", "devices"}
COMMON |= {"hidden_packages", "lightning_import", "log_file", "shortage", "unseen"}


def imports(path):
    """Every module that a file imports, at any depth of it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def importers(library):
    return {
        path.relative_to(PACKAGE).parts[0]
        for path in FILES
        if any(name.split(".")[0] == library for name in imports(path))
    }


@pytest.mark.parametrize(
    ("library", "rooms"),
    [
        (
            "hydra",
            {"command.py", "command_line", "composition.py", "resumed_run.py", "sweeping"},
        ),
        ("lightning", {"lightning_import.py"}),
        ("optuna", {"sweeping"}),
        ("wandb", {"tracking"}),
        ("faiss", {"search"}),
        ("sentence_transformers", {"embeddings"}),
        ("ray", {"embeddings"}),
    ],
)
def test_a_library_is_known_in_one_place(library, rooms):
    assert importers(library) == rooms


@pytest.mark.parametrize("room", FLOW)
def test_data_flows_one_way(room):
    allowed = set(FLOW[: FLOW.index(room) + 1]) | COMMON
    # Trackers show predictions with the metrics' own words; config classes are plain values.
    for path in sorted((PACKAGE / room).rglob("*.py")):
        for name in imports(path):
            parts = name.split(".")
            if parts[0] == "product_length" and len(parts) > 1 and parts[-1] != "config":
                assert parts[1] in allowed, f"{path.relative_to(ROOT)} imports {name}"


@pytest.mark.parametrize("name", NAMES)
def test_files_are_short_and_well_named(name):
    path = PACKAGE / name
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 305
    assert not {"utils", "helpers", "common", "misc"} & set(re.split(r"[/_.]", name))
    if path.name == "__init__.py":
        body = ast.parse(path.read_text(encoding="utf-8")).body
        assert all(isinstance(node, ast.Expr) for node in body[:1])


def test_heavy_libraries_are_not_imported_with_the_configuration():
    program = (
        "import sys, product_length.experiment, product_length.command\n"
        "heavy = {'torch', 'faiss', 'wandb', 'sklearn', 'sentence_transformers', 'optuna'}\n"
        "heavy |= {'matplotlib', 'joblib', 'ray'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_nothing_of_this_machine_or_of_the_competition_is_committed():
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.split("\0")
    if listed == [""]:
        pytest.skip("not a git checkout")
    assert not [name for name in listed if name.endswith((".csv", ".ckpt", ".safetensors", ".bin"))]
    texts = [(ROOT / name) for name in listed if name.endswith((".md", ".json", ".toml", ".yaml"))]
    for path in texts:
        assert "/work/" not in path.read_text(encoding="utf-8"), path
