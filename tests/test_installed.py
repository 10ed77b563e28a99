"""The built wheel in an environment of its own, used from a folder far from the clone."""

import csv
import os
import subprocess
import sys
import sysconfig
import venv

import pytest
from wheels import built_wheel

import product_length

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

QUICK = ["data.rows=1000", "trainer.max_epochs=1", "tracking=none"]


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A virtual environment with the wheel; what it needs comes from that of these tests."""
    folder = tmp_path_factory.mktemp("installed")
    home = folder / "environment"
    venv.create(home, with_pip=False)
    site = home / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}"
    site = site / "site-packages"
    # A folder in a .pth is on sys.path, but its own .pth files, those of the clone, are not read.
    (site / "dependencies.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    (folder / "wheel").mkdir()
    wheel = built_wheel(folder / "wheel")
    pip = [sys.executable, "-m", "pip", "--python", str(home / "bin" / "python"), "install"]
    subprocess.run(
        [*pip, "--no-index", "--no-deps", "--force-reinstall", "--quiet", str(wheel)], check=True
    )
    return home / "bin", site / "product_length"


@pytest.fixture(scope="module")
def run(installed, tmp_path_factory):
    """Run a command in one folder far from the clone: its output."""
    programs, _ = installed
    folder = tmp_path_factory.mktemp("far away")

    def run(program, *words, code=0):
        done = subprocess.run(
            [program, *words] if program == "bash" else [str(programs / program), *words],
            cwd=folder,
            env={
                **{name: each for name, each in os.environ.items() if name != "PYTHONPATH"},
                "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
                "OMP_NUM_THREADS": "1",
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    run.folder = folder
    return run


def files(folder):
    return {path for path in folder.rglob("*") if "__pycache__" not in path.parts}


@pytest.fixture(scope="module")
def trained(run, installed):
    before = files(installed[1])
    run("product-length", "train", *QUICK, "hydra.run.dir=outputs/first")
    assert files(installed[1]) == before
    return run.folder / "outputs" / "first"


def test_it_is_the_wheel_that_runs(run, installed):
    place = "import product_length; print(product_length.__file__)"
    assert run("python", "-c", place).strip() == str(installed[1] / "__init__.py")
    assert run("product-length", "--version") == f"product_length {product_length.__version__}\n"
    assert "  train  " in run("product-length")
    assert run("python", "-m", "product_length") == run("product-length")
    assert "  loss=mape " in run("product-length", "train", "--help")
    assert "did you mean train?" in run("product-length", "trian", code=2)


COMPLETE = """
eval "$(product-length -sc install=bash)"
export COMP_LINE="$1"
COMP_POINT=${#COMP_LINE}
words=($COMP_LINE)
COMP_CWORD=$(( ${#words[@]} - 1 ))
[[ "$COMP_LINE" == *" " ]] && COMP_CWORD=${#words[@]}
hydra_bash_completion
echo "${COMPREPLY[@]}"
"""


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("product-length tr", "train"),
        ("product-length train loss=h", "loss=histogram loss=huber"),
        ("product-length train loss=mape trainer.max", "trainer.max_epochs="),
        ("product-length predict inter", "interval="),
    ],
)
def test_bash_completes_verbs_groups_and_keys(run, typed, completed):
    assert run("bash", "-c", COMPLETE, "bash", typed).split() == completed.split()


def test_a_run_and_its_cache_are_in_the_current_folder(run, trained):
    assert (trained / "report.json").is_file()
    assert (trained / "checkpoints" / "best.ckpt").is_file()
    assert {path.name for path in run.folder.iterdir()} >= {".cache", "outputs"}


def test_it_predicts_and_compares(run, trained):
    table = run.folder / "products.csv"
    table.write_text(
        "PRODUCT_ID,TITLE,BULLET_POINTS,DESCRIPTION,PRODUCT_TYPE_ID\n"
        "7,Oak shelf 80 cm,,,12\n8,Steel mug,,,3\n"
    )
    where = ["checkpoint=outputs/first", "data.path=products.csv", "output=lengths.csv"]
    run("product-length", "predict", *where)
    with (run.folder / "lengths.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["PRODUCT_ID"] for row in rows] == ["7", "8"]
    assert all(float(row["PRODUCT_LENGTH"]) > 0 for row in rows)
    assert "on val" in run("product-length", "report", "outputs")
    assert (run.folder / "outputs" / "comparison" / "comparison.html").is_file()


def test_its_processes_find_the_verb(run, trained):
    """Lightning starts the second process of a training by name, joblib each worker."""
    small = [*QUICK, "model.hidden=[16]", "evaluation.resamples=100"]
    ddp = ["trainer=ddp", "trainer.accelerator=cpu", "hydra.run.dir=outputs/two"]
    run("product-length", "train", *small, *ddp)
    assert (run.folder / "outputs" / "two" / "report.json").is_file()
    joblib = ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2", "hydra.sweep.dir=multirun/two"]
    run("product-length", "train", "-m", *small, "seed=1,2", *joblib)
    sweep = run.folder / "multirun" / "two"
    assert {path.parent.name for path in sweep.glob("*/report.json")} == {"0", "1"}
    assert (sweep / "comparison.html").is_file()
