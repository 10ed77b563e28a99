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
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in FILES
}
NAMES = [path.relative_to(PACKAGE).as_posix() for path in FILES]
# The stages in the order in which data flows: each may import the ones before it.
FLOW = [
    "demo",
    "tables",
    "measurements",
    "catalogue",
    "embeddings",
    "search",
    "loss",
    "decision",
    "features",
]
FLOW += ["model", "training", "evaluation", "profiling", "comparison", "prediction", "pages"]
FLOW += ["tracking", "serving"]
# What every room may import. The commands, `composition` and `sweeping` stand above all rooms.
COMMON = {"prefetch", "artefacts", "errors", "options", "weighted_median", "writing", "devices"}
COMMON |= {"hidden_packages", "lightning_import", "log_file", "ray_cluster", "shortage"}
COMMON |= {"mapped_memory", "stage_progress", "unseen", "version"}


# What those who build, train and use a model know of features: no single one.
OF_ALL_FEATURES = {"feature", "columns", "encoder", "expert", "features", "config", "scaler"}
OF_ALL_FEATURES |= {"zero_linear", "reason"}
KNOW_NO_FEATURE = ["model", "training", "prediction", "pipeline.py", "results.py"]


def tree(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(path, *, running=False):
    """Every module that a file imports, at any depth of it.

    `running`: but those that are imported for type checkers alone.
    """
    nodes = [tree(path)]
    while nodes:
        node = nodes.pop()
        if running and isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        nodes += ast.iter_child_nodes(node)
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            of_module = {f"{node.module}.{alias.name}" for alias in node.names} & MODULES.keys()
            yield from of_module or {node.module}


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
        ("datasketch", {"profiling"}),
        ("py3langid", {"profiling"}),
        ("tokenizers", {"profiling"}),
        ("plotly", {"pages"}),
        ("fastapi", {"serving"}),
        ("starlette", {"serving"}),
        ("uvicorn", {"serving"}),
        ("sentence_transformers", {"embeddings"}),
        ("narwhals", {"api"}),
        ("ray", {"ray_cluster.py"}),
        ("xlsxwriter", {"prediction"}),
        ("charset_normalizer", {"tables"}),
        ("python_calamine", {"tables"}),
    ],
)
def test_a_library_is_known_in_one_place(library, rooms):
    assert importers(library) == rooms


@pytest.mark.parametrize("room", FLOW)
def test_data_flows_one_way(room):
    allowed = set(FLOW[: FLOW.index(room) + 1]) | COMMON
    if room == "pages":  # `auditing` trains, so it stands above the rooms, but has a page here
        allowed |= {"auditing"}
    # Config classes are plain values.
    for path in sorted((PACKAGE / room).rglob("*.py")):
        for name in imports(path):
            parts = name.split(".")
            if parts[0] == "product_length" and len(parts) > 1 and parts[-1] != "config":
                assert parts[1] in allowed, f"{path.relative_to(ROOT)} imports {name}"


@pytest.mark.parametrize("room", KNOW_NO_FEATURE)
def test_no_single_feature_is_known_outside_of_its_folder(room):
    place = PACKAGE / room
    for path in [place] if place.is_file() else sorted(place.rglob("*.py")):
        for name in imports(path):
            if name.startswith("product_length.features."):
                assert name.split(".")[2] in OF_ALL_FEATURES, f"{path.name} imports {name}"


def test_features_know_no_other_feature():
    for folder in (each for each in (PACKAGE / "features").iterdir() if each.is_dir()):
        known = OF_ALL_FEATURES - {"features", "config"} | {
            folder.name,
            "left_out",
            "tilt",
            "values_expert",
            "group_lengths",
        }
        for path in folder.rglob("*.py"):
            for name in imports(path):
                if name.startswith("product_length.features."):
                    assert name.split(".")[2] in known, f"{path} imports {name}"


def test_no_module_imports_itself_by_way_of_others():
    """Imports inside functions count, but a feature's options may import their own feature."""

    def is_own(name, other):
        folder, _, module = name.rpartition(".")
        return module == "config" and ".features." in name and other.startswith(f"{folder}.")

    waiting = {
        name: {
            other
            for other in imports(path, running=True)
            if other in MODULES and not is_own(name, other)
        }
        for name, path in MODULES.items()
    }
    while ready := [name for name, others in waiting.items() if not others & waiting.keys()]:
        for name in ready:
            del waiting[name]
    # What is left is in a circle, or imports one; without the latter it is easier to read.
    while unasked := waiting.keys() - set().union(*waiting.values()):
        for name in unasked:
            del waiting[name]
    assert not waiting, f"in a circle, or between two: {', '.join(sorted(waiting))}"


def test_an_experiment_knows_only_the_options_of_sweeps():
    of_sweeps = {name for name in imports(PACKAGE / "experiment.py") if ".sweeping" in name}
    assert of_sweeps == {"product_length.sweeping.config"}


@pytest.mark.parametrize("name", NAMES)
def test_functions_are_short(name):
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(tree(PACKAGE / name)):
        if isinstance(node, functions):
            lines = node.end_lineno - node.lineno + 1
            assert lines <= 60, f"{node.name} has {lines} lines"


@pytest.mark.parametrize("name", NAMES)
def test_files_are_short_and_well_named(name):
    path = PACKAGE / name
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 300
    assert not {"utils", "helpers", "common", "misc"} & set(re.split(r"[/_.]", name))
    if path.name == "__init__.py":
        body = tree(path).body
        assert all(isinstance(node, ast.Expr) for node in body[:1])


def test_heavy_libraries_are_not_imported_with_the_configuration():
    program = (
        "import sys, product_length.experiment, product_length.command\n"
        "heavy = {'torch', 'faiss', 'wandb', 'sklearn', 'sentence_transformers', 'optuna'}\n"
        "heavy |= {'matplotlib', 'joblib', 'ray', 'plotly'}\n"
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
