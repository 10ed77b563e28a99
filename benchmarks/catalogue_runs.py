"""Runs of the catalogues' table: kept by what they were made from, each made once.

A run is kept under the settings, the table's content and the code that it was made from. Comments
and docstrings do not count as code. Of a model that is no network only the code that reads the
table and fits features counts, and the file that fits it. A run appears whole or not at all.
"""

import ast
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from filelock import FileLock, Timeout
from hydra import compose, initialize_config_dir
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from strong_baselines import BASELINE_FILE

from product_length.errors import UserError, whole_text
from product_length.evaluation.report import REPORT_FILE

HERE = Path(__file__).parents[1]
# What the features that a baseline sees are made by.
OF_FEATURES = ("artefacts", "catalogue", "embeddings", "features", "measurements", "search")
OF_FEATURES += ("tables", "evaluation/baselines.py", "weighted_median.py", "pipeline.py")
NOT_OF_FEATURES = ("loss", "model", "trainer", "evaluation", "decision")


@dataclass(frozen=True)
class Job:
    """Models of one fold that one process fits.

    `folders`: where each is kept, by its name; several only where all are baselines. `files`: what
    `files_of` found in the checkout when `folders` were named.
    """

    what: str
    checkout: Path
    overrides: tuple[str, ...]
    folders: dict[str, Path]
    are_baselines: bool
    files: str

    @property
    def waiting(self) -> dict[str, Path]:
        """Those that are not there."""
        done = BASELINE_FILE if self.are_baselines else REPORT_FILE
        return {name: each for name, each in self.folders.items() if not (each / done).exists()}

    def run(self, *, wait: bool) -> str | None:
        """Fit what is not there; says what was done.

        None where another process is at it and this one is not to `wait`. Raises UserError.
        """
        first = next(iter(self.folders.values()))
        place, name = first.parent, "baselines" if self.are_baselines else first.name
        place.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(place / f".{name}.lock", timeout=-1 if wait else 0):
                if not self.waiting:
                    return "there"
                with _new_folder(place, f".unfinished-{name}-") as beside:
                    self._fit(beside)
                return "done"
        except Timeout:
            return None

    def _fit(self, beside: Path) -> None:
        """Fit what is waiting in the folder `beside`, then move it to its place."""
        made = {beside / str(at): name for at, name in enumerate(self.waiting)}
        if self.are_baselines:
            script = [str(Path(__file__).with_name("fit_baselines.py"))]
            words = [json.dumps({name: str(folder) for folder, name in made.items()})]
        else:
            script = ["-m", "product_length.train"]
            words = [f"hydra.run.dir={folder}" for folder in made]
        self._check_files()
        done = subprocess.run(
            [sys.executable, *script, *words, *self.overrides],
            cwd=self.checkout,
            env={**os.environ, "PYTHONPATH": str(self.checkout), "OMP_NUM_THREADS": "1"},
            check=False,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            last = (done.stderr.strip() or "no message").splitlines()[-1]
            raise UserError(f"{self.what}: failed ({last})")
        self._check_files()
        for folder, name in made.items():
            shutil.rmtree(self.folders[name], ignore_errors=True)
            folder.rename(self.folders[name])

    def _check_files(self) -> None:
        if files_of(self.checkout) != self.files:
            raise UserError(
                f"{self.what}: not kept, code or settings of {self.checkout} changed meanwhile; "
                "start again, best in a worktree that nobody edits"
            )


@contextmanager
def _new_folder(place: Path, prefix: str) -> Iterator[Path]:
    """A folder for unfinished work; those that killed processes have left there go."""
    for left in place.glob(f"{prefix}*"):  # the lock is held: nobody is at it
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=prefix, dir=place) as beside:
        yield Path(beside)


def key_of(checkout: Path, table: Path, overrides: Sequence[str], *, is_baseline: bool) -> str:
    """What a run is made from, as eight hex digits. Raises UserError for overrides that are none.

    `overrides` without the path of the table, whose content is what counts.
    """
    settings = composed(checkout, (*overrides, "data.path=table"))
    settings = {name: each for name, each in settings.items() if name not in ("cache_dir", "seed")}
    if is_baseline:
        settings = {name: each for name, each in settings.items() if name not in NOT_OF_FEATURES}
        fits = [_meaning(Path(__file__).with_name("strong_baselines.py").read_bytes())]
        code = json.dumps([code_of(checkout, OF_FEATURES), fits])
    else:
        code = code_of(checkout)
    parts = [settings, hashlib.sha256(table.read_bytes()).hexdigest(), code]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:8]


def composed(checkout: Path, overrides: Sequence[str]) -> dict[str, Any]:
    """The settings that overrides come to in a checkout. Raises UserError."""
    with initialize_config_dir(str(conf_of(checkout))):
        try:
            composed = OmegaConf.to_container(compose("train", list(overrides)), resolve=True)
        except (HydraException, OmegaConfBaseException) as error:
            raise UserError(f"{' '.join(overrides)}: {whole_text(error)}") from error
    assert isinstance(composed, dict)
    return {str(name): each for name, each in composed.items()}


def conf_of(checkout: Path) -> Path:
    """The folder of options in `checkout`; it lay beside the package before version 0.2.0."""
    inside = checkout / "product_length" / "conf"
    return inside if inside.exists() else checkout / "conf"


def files_of(checkout: Path) -> str:
    """A hash of all code and settings of the package in `checkout`, without comments."""
    settings = [
        (str(file), yaml.safe_load(file.read_bytes()))
        for file in sorted(conf_of(checkout).rglob("*.yaml"))
    ]
    return code_of(checkout) + hashlib.sha256(json.dumps(settings).encode()).hexdigest()


def code_of(checkout: Path, parts: Sequence[str] = ("",)) -> str:
    """Of the package in `checkout`, or of folders and files of it: a hash without comments."""
    package = checkout / "product_length"
    roots = [package / part for part in parts]
    files = [file for root in roots for file in ([root] if root.is_file() else root.rglob("*.py"))]
    found = {str(file.relative_to(package)): _meaning(file.read_bytes()) for file in files}
    return hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()


@cache
def _meaning(source: bytes) -> str:
    """A hash of Python code without its comments and docstrings."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [each for each in body if not _is_text(each)]  # type: ignore[attr-defined]
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest()


def _is_text(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )
