"""Starts real sweeps, small ones, as a person would."""

import os
import re
import subprocess
import sys
import time

import optuna
import yaml

DEMO = ["data.rows=400", "data.types=8"]
SMALL = [
    "embeddings.encoders.lsa.dimensions=16",
    "embeddings.encoders.lsa.char_ngrams=null",
    "model.hidden=[16]",
    "trainer.max_epochs=2",
    "trainer.accelerator=cpu",
    "trainer.progress=false",
    "evaluation.resamples=100",
    "evaluation.baselines=false",
    "study=mine",
]


def command(*overrides, tracking="none", demo=True):
    module = [sys.executable, "-m", "product_length.train", "-m"]
    return [*module, *DEMO * demo, *SMALL, f"tracking={tracking}", *overrides]


def environment(**extra):
    return {**os.environ, "OMP_NUM_THREADS": "1", "WANDB_MODE": "offline", **extra}


class Said(str):
    """All that a sweep has said, on the console and in its logs; `console`: there alone."""

    console = ""


def log_files(folder):
    """The logs of the sweeps in a folder and of their runs."""
    found = folder.glob("multirun/**/*.log")
    return sorted(path for path in found if path.name in ("sweep.log", "train.log"))


def wait_for(folder, pattern, process, trial="*"):
    """Wait until the log of a trial, of any if none is given, has a line like the pattern."""
    logs = f"multirun/**/{trial}/train.log"
    while not any(re.search(pattern, path.read_text("utf-8")) for path in folder.glob(logs)):
        assert process.poll() is None
        time.sleep(0.05)


def sweep(folder, *overrides, code=0, traceback=False, variables=None, **options):
    """Run a sweep in `folder` to its end; what it said. `traceback`: whether there is one.

    `variables`: more of the environment.
    """
    before = {path: path.stat().st_size for path in log_files(folder)}
    done = subprocess.run(
        command(*overrides, **options),
        cwd=folder,
        env=environment(PRODUCT_LENGTH_CACHE=str(folder / "cache"), **(variables or {})),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert ("Traceback" in done.stdout + done.stderr) == traceback
    logged = [path.read_bytes()[before.get(path, 0) :].decode() for path in log_files(folder)]
    said = Said("\n".join([*logged, done.stdout + done.stderr]))
    said.console = done.stdout
    return said


def two_at_once(folder, *overrides):
    """Run a sweep in `folder` by two processes to its end; the output of each."""
    both = [
        subprocess.Popen(
            command(*overrides),
            cwd=folder,
            env=environment(PRODUCT_LENGTH_CACHE=str(folder / "cache")),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for _ in range(2)
    ]
    outputs = [process.communicate()[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], outputs
    return outputs


def trials(folder, study="mine"):
    storage = optuna.storages.RDBStorage(f"sqlite:///{folder}/multirun/studies.db")
    return optuna.load_study(study_name=study, storage=storage).trials


def config_of(run):
    return yaml.safe_load((run / "config.yaml").read_text(encoding="utf-8"))
