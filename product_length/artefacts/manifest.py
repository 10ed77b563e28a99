"""What a finished artefact says of itself, and whether that is still true."""

import hashlib
import json
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import xxhash

Json = Any
Mark = frozenset[tuple[Path, int, int]]

MANIFEST = "manifest.json"
# Artefacts this process has already checked, by path, modification time and size of their files: a
# sweep opens the same gigabytes once per trial. Damage that leaves all three as they were is seen
# by the next process only.
_checked: set[Mark] = set()
_NEW_NS = 1_000_000_000


def address(made_from: Mapping[str, Json]) -> str:
    """Hexadecimal digest of a JSON-able description, whatever the order of its keys."""
    text = json.dumps(made_from, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def digest_json(value: Json) -> str:
    """xxh3_128 hex of a JSON-able value, whatever the order of its keys."""
    return str(xxhash.xxh3_128_hexdigest(_canonical(value)))


def digest_file(path: Path) -> str:
    """xxh3_128 hex of a file's bytes."""
    digest = xxhash.xxh3_128()
    with path.open("rb") as file:
        while block := file.read(1 << 22):
            digest.update(block)
    return str(digest.hexdigest())


def parse(text: bytes) -> dict[str, Any] | None:
    """The JSON object that `text` is; None if it is anything else."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):  # brackets in brackets without end
        return None
    return value if isinstance(value, dict) else None


def read_manifest(folder: Path, made_from: Mapping[str, Json]) -> dict[str, Any] | None:
    """The manifest as it was written for `made_from`; None where it is missing or damaged.

    So whoever reads it need not doubt its keys and types.
    """
    try:
        manifest = parse((folder / MANIFEST).read_bytes())
    except OSError:
        return None
    if manifest is None:
        return None
    digest = manifest.pop("digest", None)
    if digest != digest_json(manifest) or manifest.get("made_from") != json.loads(
        _canonical(made_from)
    ):
        return None
    return manifest


def write_manifest(folder: Path, manifest: Mapping[str, Json]) -> None:
    """Write the manifest, with its digest, whatever stands in its place."""
    whole = {**manifest, "digest": digest_json(manifest)}
    (folder / MANIFEST).write_text(json.dumps(whole, sort_keys=True), encoding="utf-8")


def files_are_sound(folder: Path, digests: Mapping[str, str]) -> bool:
    """Whether all files that a manifest names are there and have these digests."""
    try:
        return all(digest_file(folder / name) == digest for name, digest in digests.items())
    except OSError:
        return False


def remember(folder: Path, names: Iterable[str]) -> None:
    """Note that the named files of an artefact are sound.

    Not of files that are new: another change in the same moment would leave their time as it is.
    """
    mark = _mark(folder, names)
    if max(modified for _, modified, _ in mark) < time.time_ns() - _NEW_NS:
        _checked.add(mark)


def is_remembered(folder: Path, names: Iterable[str]) -> bool:
    """Whether these files were found sound before and look unchanged."""
    try:
        return _mark(folder, names) in _checked
    except OSError:
        return False


def _mark(folder: Path, names: Iterable[str]) -> Mark:
    paths = [folder / name for name in (MANIFEST, *names)]
    states = [(path.resolve(), path.stat()) for path in paths]
    return frozenset((path, state.st_mtime_ns, state.st_size) for path, state in states)


def _canonical(value: Json) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
