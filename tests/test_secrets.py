"""A password that is given on a command line or in the environment is written nowhere."""

import os
import subprocess
import sys
from urllib.parse import quote

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf
from sweeping.sweep_runs import DEMO, SMALL

from product_length.secrets import hide, shown, shown_variables, without_secrets

PASSWORD = "Zq7kept4back"
RAW = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=3)


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch):
    for name in os.environ:
        if name.startswith("PRODUCT_LENGTH_SECRET_"):
            monkeypatch.delenv(name)
    yield
    for name in list(os.environ):
        if name.startswith("PRODUCT_LENGTH_SECRET_"):
            del os.environ[name]


def value_of(override):
    """What Hydra makes of an override."""
    (parsed,) = OverridesParser.create().parse_overrides([override])
    return OmegaConf.create({"value": parsed.value()}).value


@pytest.mark.parametrize(
    "override",
    [
        f"storage=postgresql://u:{PASSWORD}@h/db",
        f"++storage=postgresql+psycopg://:{PASSWORD}@h:5432/db",
        f"hydra.sweeper.storage=mysql://u:{PASSWORD}@h/db",
        f"storage=postgresql://h/db?user=u&password={PASSWORD}",
        f'storage="postgresql://h/db?user=u&PASSWORD={PASSWORD}&sslmode=require"',
        f'storage="postgresql://u:{PASSWORD}@h/db?sslpassword={PASSWORD}"',
        f'storage="mssql+pyodbc:///?odbc_connect=DRIVER%3Dx%3BPWD%3D{PASSWORD}"',
        f"storage=postgresql:/u:{PASSWORD}@h/db",
        f"storage=u:{PASSWORD}@h",
        f"storage=postgresql://u/{PASSWORD}@h",
        f"storage=postgresql://u:p@{PASSWORD}@h/db",
        f"embeddings.ray_address=ray://u:{PASSWORD}@h:10001",
        f"+tracking.api_key={PASSWORD}",
        f"+hydra.job.env_set.WANDB_API_KEY={PASSWORD}",
        f"+hydra.job.env_set={{WANDB_API_KEY:{PASSWORD},OMP_NUM_THREADS:1}}",
        f"+trainer.token={PASSWORD}",
    ],
)
def test_an_override_that_hydra_sees_has_no_secret(override):
    hidden = hide(override)
    assert PASSWORD not in hidden
    if "&" not in override or '"' in override:  # Hydra wants the others in quotes, hidden or not
        assert value_of(hidden) == value_of(override)
    assert hide(hidden) == hidden
    said = shown(f"cannot parse {override}: {PASSWORD}")
    assert PASSWORD not in said
    assert said.startswith("cannot parse ")


@pytest.mark.parametrize(
    "override",
    [
        "loss=mape,rmsle",
        "storage=sqlite:///multirun/studies.db",
        "storage=postgresql://u@h/db",
        "storage=${oc.env:STORAGE}",
        "storage=postgresql://u:${oc.env:PASSWORD}@h/db",
        "data.path=a@b:c.csv",
        "embeddings.encoders.minilm.batch_tokens=512",
        "~features.types",
        "storage=null",
    ],
)
def test_what_holds_no_secret_stays(override):
    assert hide(override) == override


@settings(deadline=None)
@given(RAW)
def test_any_password_of_a_url_is_hidden_and_arrives(password):
    url = f"postgresql://u:{quote(password, safe='')}@host/db"
    hidden = hide(f"storage={url}")
    assert quote(password, safe="") not in hidden.partition("u:")[2].replace("oc.env", "")
    assert value_of(hidden) == url


@settings(deadline=None)
@given(RAW)
def test_any_password_in_quotes_is_hidden_and_arrives(password):
    password = password.replace("\\", "/").replace("${", "$")
    escaped = password.replace('"', '\\"')
    hidden = hide(f'storage="postgresql://u:{escaped}@host/db"')
    place = hidden.removeprefix('storage="postgresql://u:').removesuffix('@host/db"')
    assert place.startswith("${oc.env:PRODUCT_LENGTH_SECRET_")
    assert value_of(hidden) == f"postgresql://u:{password}@host/db"


def test_what_is_said_keeps_its_other_words():
    assert shown("tracking.api_key: no such key; u has seen a@b.c") == (
        "tracking.api_key: no such key; u has seen a@b.c"
    )
    assert shown("storage=postgresql://u:secret@h/db: refused") == (
        "storage=postgresql://u:***@h/db: refused"
    )


def test_secrets_of_the_environment_are_not_shown(monkeypatch):
    monkeypatch.setenv("DATABASE_PASSWORD", PASSWORD)
    assert shown(f"{PASSWORD} was refused") == "*** was refused"
    assert shown_variables({"DATABASE_PASSWORD": "short", "A": "b"}) == {
        "DATABASE_PASSWORD": "***",
        "A": "b",
    }


def test_a_configuration_is_written_without_passwords():
    config = {"embeddings": {"ray_address": "ray://u:pw@h:1", "n": 3}, "list": ["http://a:b@c", 1]}
    assert without_secrets(config) == {
        "embeddings": {"ray_address": "ray://u:***@h:1", "n": 3},
        "list": ["http://a:***@c", 1],
    }


def run(folder, *overrides, code=0, **variables):
    """Run the train command; what it said. Nothing in the folder or on the screen has a secret."""
    done = subprocess.run(
        [sys.executable, "-m", "product_length.train", *overrides],
        cwd=folder,
        env={
            **os.environ,
            "OMP_NUM_THREADS": "1",
            "WANDB_MODE": "offline",
            "PRODUCT_LENGTH_CACHE": str(folder / "cache"),
            **variables,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    said = done.stdout + done.stderr
    assert done.returncode == code, said
    assert PASSWORD not in said
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert [path for path in files if PASSWORD.encode() in path.read_bytes()] == []
    return said


RUN = [*DEMO, *SMALL, "study=null", "trainer.max_epochs=1"]
URL = f"postgresql://u:{PASSWORD}@127.0.0.1:1/db"


@pytest.mark.slow
def test_no_file_of_a_run_has_a_secret(tmp_path):
    secrets = [f"storage={URL}", f"+hydra.job.env_set.SOME_TOKEN={PASSWORD}"]
    run(tmp_path, *RUN, "tracking=wandb", *secrets)
    assert len(list(tmp_path.rglob("report.json"))) == 1
    assert len(list(tmp_path.rglob("*.wandb"))) == 1


@pytest.mark.slow
def test_no_file_of_a_run_has_a_secret_of_the_environment(tmp_path):
    variables = {"STORAGE": URL, "WANDB_BASE_URL": f"http://u:{PASSWORD}@127.0.0.1:1"}
    run(tmp_path, *RUN, "tracking=wandb", "storage=${oc.env:STORAGE}", **variables)
    assert len(list(tmp_path.rglob("report.json"))) == 1


@pytest.mark.slow
def test_no_file_of_a_run_that_fails_has_a_secret(tmp_path):
    grid = ["-m", *RUN, "tracking=none", f"storage={URL}", "loss=mape,huber"]
    said = run(tmp_path, *grid, "trainer.learning_rate=1e30", code=1)
    assert "diverged" in said


@pytest.mark.parametrize(
    ("storage", "variables", "code"),
    [
        (URL, {}, 1),
        ("${oc.env:STORAGE}", {"STORAGE": f"postgresql:/u:{PASSWORD}@h"}, 2),
        (f"postgresql://127.0.0.1:1/db?user=u&password={PASSWORD}", {}, 1),
    ],
)
def test_no_error_of_a_sweep_shows_a_secret(tmp_path, storage, variables, code):
    said = run(tmp_path, "-m", "sweep=losses", f"storage={storage}", code=code, **variables)
    assert "error: " in said
    assert "Traceback" not in said


@pytest.mark.slow
def test_no_file_of_a_sweep_has_a_secret(tmp_path):
    url = f"sqlite:///{tmp_path}/studies.db?timeout=9&password={PASSWORD}"
    words = ["-m", *RUN, "tracking=wandb", "sweep=losses", "loss=mape,huber", "seed=1"]
    words += ["features.use_log_target=true", "study=mine", "trainer.learning_rate=1e-3,1e30"]
    said = run(tmp_path, *words, "storage=${oc.env:STORAGE}", STORAGE=url, code=1)
    assert "no finished run" in said
    assert (tmp_path / "multirun" / "mine" / "comparison.html").exists()
