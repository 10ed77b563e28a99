"""A model as a folder that travels: safetensors, JSON and a card; nothing in it is run when read.

SHA256SUMS is checked at each reading, and by `sha256sum -c` without this program. The card may be
edited, and is not in it.
"""

import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file

from product_length.errors import UserError
from product_length.prediction.plain_state import from_plain, to_plain
from product_length.version import __version__

WEIGHTS, CONFIG, SUMS, CARD = "model.safetensors", "config.json", "SHA256SUMS", "README.md"
ONNX = "model.onnx"
FORMAT = 1
"""Of the folder; raise it when what is in it changes."""
_STATE = "recipe"
_PLACES = (("cache_dir",), ("data", "path"))
"""Of the run's configuration: where things lay on the machine that trained."""


def write_exported(
    checkpoint: Mapping[str, Any], card: str, folder: Path, onnx: bytes | None = None
) -> list[Path]:
    """Write a finished run's checkpoint as a folder, whole or not at all; returns its files.

    `onnx`: the network as such a file too, for other programs.

    Names of folders of the machine that trained are left out. Raises UserError when the folder is
    there already, or cannot be written.
    """
    check_new(folder)
    partial = folder.with_name(f".{folder.name}.partial")
    try:
        partial.mkdir(parents=True)
        _fill(partial, checkpoint, card, onnx)
        if folder.is_dir():  # empty
            folder.rmdir()
        partial.replace(folder)
    except OSError as error:
        raise UserError(f"{folder}: cannot be written ({error.strerror or error})") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return sorted(folder.iterdir())


def check_new(folder: Path) -> None:
    """Raise UserError unless there is nothing at `folder`, or an empty folder."""
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise UserError(f"output={folder}: is there already; give another name, or remove it first")


def _fill(folder: Path, checkpoint: Mapping[str, Any], card: str, onnx: bytes | None) -> None:
    tensors = dict(checkpoint["state_dict"])
    tensors = {name: each.detach().contiguous().clone() for name, each in tensors.items()}
    recipe = dict(checkpoint[_STATE])
    recipe["config"] = _without_places(recipe["config"])
    plain = to_plain(recipe, tensors, _STATE)
    save_file(tensors, folder / WEIGHTS)
    config = {
        "format": FORMAT,
        "product_length": __version__,
        "epoch": int(checkpoint["epoch"]),
        _STATE: plain,
    }
    text = json.dumps(config, ensure_ascii=False, allow_nan=False, indent=1)
    (folder / CONFIG).write_text(text + "\n", encoding="utf-8")
    # safetensors lets nobody else read what it writes.
    (folder / WEIGHTS).chmod((folder / CONFIG).stat().st_mode)
    if onnx is not None:
        (folder / ONNX).write_bytes(onnx)
    summed = [name for name in (CONFIG, ONNX, WEIGHTS) if (folder / name).is_file()]
    lines = [f"{_digest(folder / name)}  {name}\n" for name in summed]
    (folder / SUMS).write_text("".join(lines), encoding="utf-8")
    (folder / CARD).write_text(card, encoding="utf-8")


def read_exported(folder: Path) -> dict[str, Any]:
    """The checkpoint that `write_exported` was given, but for what only training needs.

    Raises UserError when a file is missing, its bytes are not those written, or another version
    wrote it.
    """
    try:
        _check_sums(folder)
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        if config["format"] != FORMAT:
            raise UserError(
                f"{folder}: exported in format {config['format']}, this version reads {FORMAT}; "
                f"use product_length {config['product_length']}"
            )
        tensors = load_file(folder / WEIGHTS)
        recipe = from_plain(config[_STATE], tensors)
    except UserError:
        raise
    except OSError as error:
        raise UserError(f"{error.filename}: cannot be read ({error.strerror or error})") from error
    except Exception as error:  # checksums fit, so that someone wrote it by hand
        said = " ".join(str(error).split()) or type(error).__name__
        raise UserError(f"{folder}: is no model that product_length exported ({said})") from error
    weights = {name: each for name, each in tensors.items() if not name.startswith(f"{_STATE}.")}
    return {"state_dict": weights, "epoch": config["epoch"], _STATE: recipe}


def _check_sums(folder: Path) -> None:
    path = folder / SUMS
    if not path.is_file():
        raise UserError(f"{folder}: has no {SUMS}; copy the exported folder whole")
    lines = path.read_text(encoding="utf-8").splitlines()
    kept = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    for name in (CONFIG, WEIGHTS):
        if not (folder / name).is_file():
            raise UserError(f"{folder / name}: is missing; copy the exported folder whole")
        if kept.get(name) != _digest(folder / name):
            raise UserError(
                f"{folder / name}: damaged or edited, its content does not match {SUMS}; use an "
                "undamaged copy, or export it again"
            )


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        digest = hashlib.sha256()
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _without_places(config: Mapping[str, Any]) -> dict[str, Any]:
    """The same without folders: of a file its name, of the cache nothing."""
    plain = json.loads(json.dumps(config))
    for *above, key in _PLACES:
        part = plain
        for each in above:
            part = part.get(each, {})
        if isinstance(part.get(key), str):
            part[key] = Path(part[key]).name
    return dict(plain)
