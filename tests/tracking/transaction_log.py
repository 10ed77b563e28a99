"""Reads W&B's transaction log (`run-*.wandb`) without W&B's own reader.

The file is 7 bytes of header (":W&B", 0xBEE1, version) and then LevelDB's log format: blocks of
32,768 bytes with records of crc32, length and kind (1 whole, 2 first, 3 middle, 4 last), each whole
one a protobuf `Record`.
"""

import contextlib
import json
import struct
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wandb.proto.wandb_internal_pb2 import Record

_BLOCK = 32_768
_HEAD = struct.Struct("<IHB")


@dataclass
class Logged:
    config: dict[str, Any] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)
    summary: dict[str, Any] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)
    kinds: set[str] = field(default_factory=set)
    run: Any = None
    random_names: set[str] = field(default_factory=set)
    exit_code: int | None = None


def read_run(folder: Path, seconds: float = 20) -> Logged:
    """What the only W&B run below a run folder holds, once its exit is noted.

    W&B's background process writes the last block a moment after the run was closed.
    """
    (path,) = folder.glob("wandb/*/*.wandb")
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(ValueError):
            logged = _logged(path.read_bytes())
            if logged.exit_code is not None:
                return logged
        time.sleep(0.02)
    raise AssertionError(f"{path}: the run was never closed")


def _logged(content: bytes) -> Logged:
    logged = Logged()
    for record in _records(content):
        kind = record.WhichOneof("record_type")
        logged.kinds.add(kind)
        logged.random_names.add(record.control.mailbox_slot)
        if kind == "run":
            logged.run = record.run
            logged.random_names.add(record.run.run_id)
            updates = record.run.config.update
            logged.config = {item.key: json.loads(item.value_json) for item in updates}
        elif kind == "history":
            logged.history.append(_nested(record.history.item))
        elif kind == "summary":
            _nested(record.summary.update, logged.summary)
        elif kind == "files":
            logged.files += [file.path for file in record.files.files]
        elif kind == "exit":
            logged.exit_code = record.exit.exit_code
    logged.random_names.discard("")
    return logged


def table(folder: Path, cell: dict[str, Any]) -> dict[str, Any]:
    """Columns and data of a logged table, from the file that its history cell names."""
    (path,) = folder.glob(f"wandb/*/files/{cell['path']}")
    return json.loads(path.read_text())


def _nested(items: Any, into: dict[str, Any] | None = None) -> dict[str, Any]:
    values = {} if into is None else into
    for item in items:
        *parents, last = item.nested_key or [item.key]
        place = values
        for parent in parents:
            place = place.setdefault(parent, {})
        place[last] = json.loads(item.value_json)
    return values


def _records(content: bytes) -> Iterator[Record]:
    if content[:6] != b":W&B" + struct.pack("<H", 0xBEE1):
        raise ValueError("not a transaction log")
    at, parts = 7, b""
    while at + _HEAD.size <= len(content):
        left = _BLOCK - at % _BLOCK
        if left < _HEAD.size:
            at += left
            continue
        checksum, length, kind = _HEAD.unpack_from(content, at)
        at += _HEAD.size
        part = content[at : at + length]
        if zlib.crc32(part, zlib.crc32(bytes([kind]))) != checksum:
            raise ValueError("damaged record")
        at += length
        parts += part
        if kind in (1, 4):
            yield Record.FromString(parts)
            parts = b""
    if parts:
        raise ValueError("the log ends inside a record")
