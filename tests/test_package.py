"""The package: its verbs, what it costs to import, and that a wheel carries all of it."""

import ast
import runpy
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from wheels import built_wheel, package_files

import product_length
from product_length.__main__ import main
from product_length.composition import CONF
from product_length.verbs import VERBS

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "product_length"


def python(*words, folder=ROOT):
    return subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def is_run_by_itself(path):
    """Whether a module does something under `if __name__ == "__main__"`."""
    tests = [node.test for node in ast.parse(path.read_text()).body if isinstance(node, ast.If)]
    return any("__main__" in ast.unparse(test) for test in tests)


def test_every_verb_is_listed():
    modules = {path.stem for path in PACKAGE.glob("*.py") if is_run_by_itself(path)}
    assert set(VERBS) == modules - {"__main__"}
    assert {path.stem for path in CONF.glob("*.yaml")} <= set(VERBS)


@pytest.mark.parametrize("asked", [[], ["--help"], ["help"]])
def test_the_verbs_are_shown(asked, capsys):
    assert main(asked) == 0
    shown = capsys.readouterr().out
    for verb, line in VERBS.items():
        assert f"{verb}  " in shown
        assert line in shown
    assert max(map(len, shown.splitlines())) <= 100


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("trian", "trian: no such verb (did you mean train?); the verbs are profile, train, "),
        ("xyzzy", "xyzzy: no such verb; the verbs are profile, train, embed"),
        ("loss=mape", "the verb comes first, as in product-length train loss=mape"),
        ("-m", "the verb comes first, as in product-length train -m"),
    ],
)
def test_what_is_no_verb_gets_one_plain_line(given, said, capsys):
    assert main([given, "seed=1"]) == 2
    shown = capsys.readouterr()
    assert said in shown.err
    assert shown.err.startswith("error: ")
    assert shown.err.count("\n") == 1
    assert not shown.out


@pytest.mark.parametrize("verb", [None, *VERBS])
def test_the_version_is_ours(verb, capsys, monkeypatch):
    ours = f"product_length {product_length.__version__}\n"
    monkeypatch.setattr(sys, "argv", ["product-length", "--version"])
    if verb is None:
        assert main() == 0
    else:
        monkeypatch.delitem(sys.modules, f"product_length.{verb}", raising=False)
        with pytest.raises(SystemExit) as ended:
            main([verb, "--version"])
        assert not ended.value.code
    assert capsys.readouterr().out == ours


def test_a_verb_is_run_as_its_module_is(monkeypatch):
    """The same words, and `__main__` is the verb: processes that a verb starts find it."""
    ran = []
    monkeypatch.setattr(runpy, "run_module", lambda *a, **k: ran.append((a, k, sys.argv)))
    monkeypatch.setattr(sys, "argv", ["product-length", "train", "loss=mape"])
    assert main() == 0
    name = {"run_name": "__main__", "alter_sys": True}
    assert ran == [(("product_length.train",), name, ["product-length", "loss=mape"])]


def test_both_ways_to_call_a_verb_say_the_same():
    words = ["--cfg", "job", "loss=histogram", "seed=3"]
    one, other = (
        python("-m", "product_length", "train", *words),
        python("-m", "product_length.train", *words),
    )
    assert one.returncode == other.returncode == 0
    assert "seed: 3" in one.stdout
    assert one.stdout == other.stdout
    wrong = python("-m", "product_length", "train", "sed=3")
    assert wrong.returncode == 2
    assert "did you mean seed" in wrong.stderr


def test_the_package_and_its_list_of_verbs_cost_little():
    program = (
        "import sys, product_length, product_length.__main__ as program\n"
        "assert program.main([]) == 0\n"
        "heavy = {'torch', 'numpy', 'pyarrow', 'pydantic', 'hydra', 'omegaconf', 'yaml'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    assert python("-c", program).stdout.splitlines()[-1] == "[]"


def test_a_wheel_has_all_that_git_has_of_the_package(tmp_path):
    wheel = built_wheel(tmp_path)
    assert wheel.name.startswith(f"product_length-{product_length.__version__}-py3-none-any")
    with zipfile.ZipFile(wheel) as packed:
        names = set(packed.namelist())
        (entry,) = [name for name in names if name.endswith("entry_points.txt")]
        assert "product-length = product_length.__main__:main" in packed.read(entry).decode()
    assert {name for name in names if ".dist-info/" not in name} == set(package_files())


@pytest.mark.parametrize("name", ["Dockerfile", "Dockerfile.cuda"])
def test_dockerfiles_pass_the_linter(name):
    program = shutil.which("hadolint", path=Path(sys.executable).parent)
    assert program is not None
    done = subprocess.run([program, ROOT / name], capture_output=True, text=True, check=False)
    assert done.stdout == ""
    assert done.returncode == 0


@pytest.mark.parametrize(
    ("line", "completed"),
    [
        ("product-length ", [*VERBS]),
        ("product-length tr", ["train"]),
        ("product-length train loss=h", ["loss=histogram", "loss=huber"]),
        ("product-length report out", []),
    ],
)
def test_a_line_is_completed(line, completed, monkeypatch, capsys):
    monkeypatch.setenv("COMP_LINE", line)
    monkeypatch.setattr(sys, "argv", ["product-length"])
    monkeypatch.delitem(sys.modules, "product_length.train", raising=False)
    assert main(["-sc", "query=bash"]) == 0
    assert capsys.readouterr().out.split() == completed


def test_completion_that_there_is_not_is_said_in_one_line(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["product-length"])
    assert main(["-sc", "install=tcsh"]) == 2
    assert "bash, zsh or fish" in capsys.readouterr().err
    assert main(["-sc", "install=bash"]) == 0
    assert "complete -o nospace -o default -F hydra_bash_completion product-length" in (
        capsys.readouterr().out
    )
