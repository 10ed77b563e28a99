"""Every command in README.md and under docs/ runs; most of README's with the fast tests."""

import re
import shlex
import signal
import subprocess
import sys

import pytest
from documented import PAGES, README, ROOT, SMALL, Reader, documented_commands, module_of
from sweeping.postgresql_server import postgresql
from torchrun import free_port, on_two_machines

COMMANDS = documented_commands()
# Lines that are no command of this project, and where they are tested, if they can be.
OTHERS = (
    "source .venv/bin/activate",
    "pip uninstall ",
    "optuna-dashboard sqlite:",
    "ray start ",  # tests/prediction/test_ray_parts.py has a Ray of its own
    "sudo apt-get install postgresql",
    "sudo -u postgres ",  # as in tests/sweeping/postgresql_server.py
    "export STORAGE=",
    "torchrun ",  # below
)


def starting(*words):
    return [command for command in COMMANDS if command.line.startswith(words)]


OURS = [command for command in COMMANDS if module_of(command)]
SWEEPS = [command for command in OURS if re.search(r"\btrain -m ", command.line)]
SERVERS = [command for command in OURS if module_of(command) == "product_length.serve"]
SINGLE = [command for command in OURS if command not in [*SWEEPS, *SERVERS]]


def fast_in_readme(commands):
    """Each command, marked slow but for README's that need no second run."""
    fast = [each for each in commands if each.page == "README.md" and "OTHER_RUN" not in each.line]
    return [
        pytest.param(each, id=str(each), marks=[] if each in fast else pytest.mark.slow)
        for each in commands
    ]


def test_every_line_is_a_command_that_some_test_knows():
    known = [*OURS, *starting("make ", "python benchmarks/", "pip install ")]
    unknown = [c for c in COMMANDS if c not in known and not c.line.startswith(OTHERS)]
    assert not unknown, "\n".join(map(str, unknown))
    assert len(OURS) >= 20


def test_commands_stand_in_blocks_of_bash():
    for page in PAGES:
        stray = re.findall(r"^ {4}(?:python|make|product-length) .*", page.read_text("utf-8"), re.M)
        assert not stray, f"{page.name}: {stray}"


@pytest.fixture(scope="module")
def reader(tmp_path_factory, minilm):
    return Reader(tmp_path_factory.mktemp("reader"), minilm)


@pytest.mark.parametrize("command", fast_in_readme(SINGLE))
def test_commands_run(reader, command):
    said = reader.run(command)
    output = re.search(r"output=(\S+)", command.line)
    if " predict " in command.line and output:
        path = reader.folder / output[1]
        files = sorted(path.glob("*.parquet")) if path.is_dir() else [path]
        assert len(files) == (2 if path.is_dir() else 1)
        assert all(file.stat().st_size > 100 for file in files), said.stderr


def test_the_python_of_the_readme_runs(reader):
    [program] = re.findall(r"```python\n(.*?)```", README.read_text("utf-8"), flags=re.DOTALL)
    program = program.replace('"RUN"', f'"{reader.run_folder("SETS_RUN")}"') + "print(lengths)\n"
    said = reader.call([sys.executable, "-c", program]).stdout
    assert "width_cm" in said
    assert "LOWER" in said


@pytest.fixture(scope="module")
def database():
    with postgresql() as url:
        yield url


@pytest.mark.slow
@pytest.mark.parametrize("command", SWEEPS, ids=str)
def test_sweeps_run(reader, command, request, monkeypatch):
    if "STORAGE" in command.line:
        monkeypatch.setenv("STORAGE", request.getfixturevalue("database"))
    folder = f"multirun/of_{SWEEPS.index(command)}"
    few = ["hydra.sweeper.n_trials=2"] if " sweep=" in command.line else []
    if by_folds := "sweep=folds" in command.line:  # which must be complete
        few = ["data.split.folds=2"]
    reader.run(command, *few, f"hydra.sweep.dir={folder}")
    reports = list((reader.folder / folder).glob("*/report.json"))
    assert len(reports) == (4 if by_folds else 2 if few else 18)
    assert (reader.folder / folder / "comparison.html").exists()


@pytest.mark.slow
def test_a_training_of_two_machines_runs(reader):
    """Both are this one."""
    port, small = free_port(), [*SMALL, "data.rows=200", "data.types=5", "trainer.accelerator=cpu"]
    first, second = (
        [*line.replace("HEAD", "127.0.0.1").replace("29500", str(port)).split()[1:], *small]
        for line in (command.line for command in starting("torchrun "))
    )
    (code, said), (other_code, other_said) = on_two_machines(reader.folder, first, second)
    assert (code, other_code) == (0, 0), said + other_said
    assert (reader.folder / "outputs" / "nodes" / "report.json").exists()


@pytest.mark.slow
@pytest.mark.parametrize("command", SERVERS, ids=str)
def test_servers_start_and_stop(reader, command):
    words = [*reader.words_of(command), "port=0"]
    with subprocess.Popen(
        words, cwd=reader.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as server:
        said = ""
        for line in server.stdout:
            said += line
            if "http://" in line:
                server.send_signal(signal.SIGINT)
    assert "http://" in said, said
    assert server.returncode in (0, 130), said


@pytest.mark.parametrize("command", starting("make "), ids=str)
def test_make_targets_exist(command):
    words = shlex.split(command.line)
    done = subprocess.run(
        ["make", "--dry-run", *words[1:]], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    listed = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert f"make {words[1]} " in listed.stdout


@pytest.mark.parametrize("command", starting("python benchmarks/"), ids=str)
def test_options_of_benchmarks_exist(command):
    """tests/test_benchmark_tables.py runs the scripts themselves."""
    words = shlex.split(command.line)
    script = (ROOT / words[1]).read_text("utf-8")
    for option in [word for word in words if word.startswith("--")]:
        assert f'"{option}"' in script, option


def test_extras_that_are_installed_exist():
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    for extra in re.findall(r"\[(\w+)\]", "\n".join(c.line for c in starting("pip install "))):
        assert re.search(rf"^{extra} = \[", project, flags=re.MULTILINE), extra
