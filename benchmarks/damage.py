"""What benchmarks/faults.py does to files: which, how, and which command meets them then."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.random import Generator


@dataclass(frozen=True)
class Kind:
    """A kind of file: where it lies in a folder with a finished run, and who reads it.

    `state`: the folder that is copied; `files`: a pattern in it; `command`: what is run afterwards;
    `cached`: whether it can be made anew, so that no refusal is right; `prepare`: what is done to
    the copy first.
    """

    name: str
    state: str
    files: str
    command: str
    cached: bool = False
    prepare: Callable[[Path], None] | None = None


def unfinished_array(folder: Path) -> None:
    """As a killed run leaves an array: in a folder of another name, without a manifest."""
    for made in list(folder.glob("cache/embeddings/*/")):
        if made.is_dir():
            (made / "manifest.json").rename(folder / "manifest.json")
            chunks = json.loads((folder / "manifest.json").read_text("utf-8"))["chunks"]
            lines = "".join(json.dumps(chunk) + "\n" for chunk in chunks[: len(chunks) // 2])
            (made / "chunks.jsonl").write_text(lines, "utf-8")
            made.rename(made.with_suffix(".partial"))


def without_run(folder: Path) -> None:
    """A cache that is there, and no run that used it."""
    shutil.rmtree(folder / "run")


def partial_output(folder: Path) -> None:
    """As a killed prediction leaves its output."""
    (folder / "new.csv").rename(folder / ".new-0123abcd.partial.csv")


def partial_checkpoint(folder: Path) -> None:
    """As a kill leaves a checkpoint that was being written."""
    checkpoints = folder / "run" / "checkpoints"
    shutil.copyfile(checkpoints / "best.ckpt", checkpoints / ".best-0123abcd.partial.ckpt")


# In such an order that the first few are of all sorts.
KINDS = [
    Kind("cache: array", "embedded", "cache/embeddings/*/array.npy", "embed", cached=True),
    Kind("checkpoint: best", "predicted", "run/checkpoints/best.ckpt", "predict"),
    Kind(
        "cache: list of chunks",
        "embedded",
        "cache/embeddings/*/chunks.jsonl",
        "embed",
        cached=True,
        prepare=unfinished_array,
    ),
    Kind("checkpoint: last", "cut", "run/checkpoints/last.ckpt", "train"),
    Kind("study: database", "swept", "multirun/studies.db", "sweep"),
    Kind("run: report.json", "swept", "multirun/mine/0/report.json", "report"),
    Kind("cache: manifest", "embedded", "cache/*/*/manifest.json", "embed", cached=True),
    Kind("cache: any file", "trained", "cache/**/*", "train", cached=True, prepare=without_run),
    Kind("checkpoint: best, resumed", "cut", "run/checkpoints/best.ckpt", "train"),
    Kind("run: predictions", "swept", "multirun/mine/0/predictions_val.parquet", "report"),
    Kind(
        "cache: unfinished array",
        "embedded",
        "cache/embeddings/*.partial/array.npy",
        "embed",
        cached=True,
        prepare=unfinished_array,
    ),
    Kind("cache: of a prediction", "predicted", "cache/**/*", "predict", cached=True),
    Kind(
        "output: partial", "predicted", ".new*.csv", "predict", cached=True, prepare=partial_output
    ),
    Kind("study: a trial's report", "swept", "multirun/mine/0/report.json", "sweep"),
    Kind("cache: lock", "embedded", "cache/*/*.lock", "embed", cached=True),
    Kind(
        "checkpoint: partial",
        "cut",
        "run/checkpoints/.best-*.partial.ckpt",
        "train",
        cached=True,
        prepare=partial_checkpoint,
    ),
    Kind("configuration", "cut", "run/config.yaml", "train"),
    Kind("output", "predicted", "new.csv", "predict", cached=True),
]


def harm(kind: Kind, folder: Path, draw: Generator) -> str:
    """Damage one file of a kind in `folder`, in a way that is drawn; says what was done."""
    if kind.prepare is not None:
        kind.prepare(folder)
    files = sorted(path for path in folder.glob(kind.files) if path.is_file())
    path = files[draw.integers(len(files))]
    ways = ["flip", "flip", "flips", "cut", "empty", "delete", "noise", "more"]
    if path.suffix in (".json", ".jsonl"):
        ways += ["retype", "retype", "retype"]
    done = _harm(path, ways[draw.integers(len(ways))], draw)
    return f"{path.name}: {done}"


def _harm(path: Path, way: str, draw: Generator) -> str:
    content = bytearray(path.read_bytes())
    size = len(content)
    if way in ("flip", "flips") and size:
        places = draw.integers(size, size=1 if way == "flip" else 50)
        for place in places:
            content[place] ^= 1 << int(draw.integers(8))
        path.write_bytes(content)
        return (
            f"a bit of byte {places[0]} of {size} flipped" if way == "flip" else "50 bits flipped"
        )
    if way == "cut" and size:
        kept = int(draw.integers(size))
        path.write_bytes(content[:kept])
        return f"cut after {kept} of {size} bytes"
    if way == "delete":
        path.unlink()
        return "deleted"
    if way == "noise":
        path.write_bytes(draw.bytes(size or 100))
        return f"{size or 100} random bytes"
    if way == "more":
        path.write_bytes(bytes(content) + draw.bytes(100))
        return "100 random bytes added"
    if way == "retype":
        return _retype(path, draw)
    path.write_bytes(b"")
    return "emptied"


def _retype(path: Path, draw: Generator) -> str:
    """Put a value of another type in place of one of a JSON file's, or of one of its lines'."""
    lines = path.read_text("utf-8").splitlines() if path.suffix == ".jsonl" else [path.read_text()]
    line = int(draw.integers(len(lines)))
    content = json.loads(lines[line])
    holders = list(_holders(content))
    holder, key = holders[draw.integers(len(holders))] if holders else ([content], 0)
    others: list[Any] = [None, 7, -1.5, "text", [1], {"a": 1}, True]
    others = [each for each in others if type(each) is not type(holder[key])]
    holder[key] = others[draw.integers(len(others))]
    lines[line] = json.dumps(content)
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return f"{key!r} made {json.dumps(holder[key])}"


def _holders(value: Any) -> list[tuple[Any, Any]]:
    """Every place in a JSON value, as what holds it and its key there."""
    keys: list[Any] = []
    if isinstance(value, dict):
        keys = list(value)
    elif isinstance(value, list):
        keys = list(np.arange(len(value)).tolist())
    found = [(value, key) for key in keys]
    return found + [place for key in keys for place in _holders(value[key])]
