"""Expensive results on disk, addressed by what they were made from.

An artefact is a folder `<root>/<kind>/<address>/` with a `manifest.json`. It appears whole or not
at all, is never changed afterwards, and is made again when its content disagrees with its
manifest. Chunked arrays resume after a kill. Of several processes that want the same artefact one
computes it while the others wait.
"""

import contextlib
import hashlib
import json
import logging
import os
import shutil
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xxhash
from filelock import FileLock, Timeout
from numpy.typing import NDArray
from tqdm import tqdm

from product_length.errors import UserError

log = logging.getLogger(__name__)

Json = Any
Chunk = tuple[NDArray[Any], Mapping[str, int]]
Span = tuple[int, int]
"""Rows [start, stop)."""

_ARRAY = "array.npy"
_CHUNKS = "chunks.jsonl"
_MANIFEST = "manifest.json"
# Digests this process has already checked, by manifest path and modification time: a sweep opens
# the same gigabytes once per trial.
_checked: set[tuple[Path, int]] = set()


@dataclass(frozen=True)
class Artefact:
    """A finished artefact: its folder, what was noted while making it, whether it was there."""

    path: Path
    facts: Mapping[str, Any]
    reused: bool

    def load_array(self) -> NDArray[Any]:
        """The array of an artefact made by `ArtefactStore.array`, memory-mapped, read-only."""
        array: NDArray[Any] = np.load(self.path / _ARRAY, mmap_mode="r")
        return array


def address(made_from: Mapping[str, Json]) -> str:
    """Hexadecimal digest of a JSON-able description, whatever the order of its keys."""
    text = json.dumps(made_from, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:24]


class ArtefactStore:
    """Artefacts under one root folder, shared by any number of processes."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def folder(
        self,
        kind: str,
        made_from: Mapping[str, Json],
        make: Callable[[Path], Mapping[str, Json] | None],
    ) -> Artefact:
        """Open a folder of files, or have `make` write them into an empty one.

        What `make` returns is kept as the artefact's facts. Raises UserError when the folder
        cannot be written.
        """
        with self._locked(kind, made_from) as final:
            facts = _verified(final, made_from)
            if facts is not None:
                return Artefact(final, facts, reused=True)
            shutil.rmtree(final, ignore_errors=True)
            partial = final.with_suffix(".partial")
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir(parents=True)
            facts = dict(make(partial) or {})
            digests = {
                str(path.relative_to(partial)): digest_file(path)
                for path in sorted(partial.rglob("*"))
                if path.is_file()
            }
            _finish(partial, final, {"made_from": made_from, "facts": facts, "files": digests})
            return Artefact(final, facts, reused=False)

    def array(
        self,
        kind: str,
        made_from: Mapping[str, Json],
        *,
        shape: tuple[int, ...],
        dtype: str,
        chunk_rows: int,
        make_chunk: Callable[[int, int], Chunk],
        unit: str = "rows",
        label: str = "",
    ) -> Artefact:
        """Open an array, or fill it chunk by chunk with `make_chunk(start, stop)`.

        `make_chunk` returns the rows [start, stop) and counts, which are summed into the facts.
        A chunk that was finished before a kill is not made again. Raises ValueError when a chunk
        has the wrong shape, UserError when the folder cannot be written.
        """
        return self.streamed_array(
            kind,
            made_from,
            shape=shape,
            dtype=dtype,
            chunk_rows=chunk_rows,
            make_chunks=lambda spans: (make_chunk(start, stop) for start, stop in spans),
            unit=unit,
            label=label,
        )

    def streamed_array(
        self,
        kind: str,
        made_from: Mapping[str, Json],
        *,
        shape: tuple[int, ...],
        dtype: str,
        chunk_rows: int,
        make_chunks: Callable[[Sequence[Span]], Generator[Chunk, None, None]],
        unit: str = "rows",
        label: str = "",
    ) -> Artefact:
        """`array`, from a generator that is told all missing chunks and yields them in their order.

        So it may work on several of them at a time. It is closed whatever happens.
        """
        made_from = {**made_from, "shape": list(shape), "dtype": dtype, "chunk_rows": chunk_rows}
        with self._locked(kind, made_from) as final:
            facts = _verified(final, made_from)
            if facts is not None:
                return Artefact(final, facts, reused=True)
            partial = final.with_suffix(".partial")
            if final.exists():  # damaged: keep it as a start, only its bad chunks are made again
                shutil.rmtree(partial, ignore_errors=True)
                final.rename(partial)
            array, done = _resume(partial, shape, dtype)
            starts = (start for start in range(0, shape[0], chunk_rows) if start not in done)
            missing = [(start, min(start + chunk_rows, shape[0])) for start in starts]
            with (
                (partial / _CHUNKS).open("a", encoding="utf-8") as chunks,
                _progress(shape[0], missing, unit, label or kind) as bar,
                contextlib.closing(make_chunks(missing)) as made,
            ):
                for (start, stop), (rows, counts) in zip(missing, made, strict=bool(missing)):
                    if rows.shape != (stop - start, *shape[1:]):
                        raise ValueError(f"chunk {start}:{stop} of {kind} has shape {rows.shape}")
                    array[start:stop] = rows
                    array.flush()
                    done[start] = {
                        "start": start,
                        "stop": stop,
                        "digest": xxhash.xxh3_128_hexdigest(_bytes(array[start:stop])),
                        "counts": dict(counts),
                    }
                    chunks.write(json.dumps(done[start]) + "\n")
                    chunks.flush()
                    os.fsync(chunks.fileno())
                    bar.update(stop - start)
            facts = {}
            for chunk in done.values():
                for name, count in chunk["counts"].items():
                    facts[name] = facts.get(name, 0) + count
            finished = [done[start] for start in sorted(done)]
            _finish(partial, final, {"made_from": made_from, "facts": facts, "chunks": finished})
            return Artefact(final, facts, reused=False)

    @contextlib.contextmanager
    def _locked(self, kind: str, made_from: Mapping[str, Json]) -> Iterator[Path]:
        final = self.root / kind / address(made_from)
        try:
            final.parent.mkdir(parents=True, exist_ok=True)
            lock = FileLock(final.with_suffix(".lock"))
            try:
                lock.acquire(timeout=0)
            except Timeout:
                log.info("another process is making %s; waiting for it", final)
                lock.acquire()
        except OSError as error:
            raise _unwritable(self.root, error) from error
        try:
            yield final
        except OSError as error:
            if error.errno is None or error.filename is not None:
                raise
            raise _unwritable(self.root, error) from error
        finally:
            lock.release()


def _unwritable(root: Path, error: OSError) -> UserError:
    return UserError(
        f"cache {root}: cannot be written ({error.strerror or error}); free some space, or choose "
        "another folder with cache_dir=…"
    )


def _finish(partial: Path, final: Path, manifest: Mapping[str, Json]) -> None:
    (partial / _MANIFEST).write_text(json.dumps(manifest, sort_keys=True), encoding="utf-8")
    partial.rename(final)
    _checked.add(_mark(final))


def _mark(folder: Path) -> tuple[Path, int]:
    path = folder / _MANIFEST
    return path.resolve(), path.stat().st_mtime_ns


def _verified(folder: Path, made_from: Mapping[str, Json]) -> dict[str, Any] | None:
    """The facts of a sound artefact; None where there is none, or a damaged one."""
    path = folder / _MANIFEST
    if not path.exists():
        return None
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        sound = manifest["made_from"] == json.loads(json.dumps(made_from))
        if sound and _mark(folder) not in _checked:
            if "chunks" in manifest:
                array = np.load(folder / _ARRAY, mmap_mode="r")
                sound = all(_chunk_is_sound(array, chunk) for chunk in manifest["chunks"])
            else:
                files = manifest["files"].items()
                sound = all(digest_file(folder / name) == digest for name, digest in files)
        facts: dict[str, Any] = manifest["facts"]
    except (OSError, ValueError, KeyError, TypeError):
        sound = False
    if not sound:
        log.warning("%s does not match its manifest; it is made again", folder)
        path.unlink(missing_ok=True)
        return None
    _checked.add(_mark(folder))
    return facts


def _resume(
    partial: Path, shape: tuple[int, ...], dtype: str
) -> tuple[np.memmap[Any, Any], dict[int, dict[str, Any]]]:
    """The array to fill, and its sound chunks by first row."""
    partial.mkdir(parents=True, exist_ok=True)
    done: dict[int, dict[str, Any]] = {}
    try:
        array: np.memmap[Any, Any] = np.lib.format.open_memmap(partial / _ARRAY, mode="r+")
        if array.shape != shape or array.dtype != np.dtype(dtype):
            raise ValueError("another array")
        for line in (partial / _CHUNKS).read_text(encoding="utf-8").splitlines():
            with contextlib.suppress(ValueError):  # the line that a kill cut short
                chunk = json.loads(line)
                if _chunk_is_sound(array, chunk):
                    done[chunk["start"]] = chunk
    except (OSError, ValueError):
        shutil.rmtree(partial)
        partial.mkdir(parents=True)
        array = np.lib.format.open_memmap(partial / _ARRAY, mode="w+", dtype=dtype, shape=shape)
        done = {}
    (partial / _CHUNKS).write_text(
        "".join(json.dumps(chunk) + "\n" for chunk in done.values()), encoding="utf-8"
    )
    return array, done


def _progress(rows: int, missing: Sequence[Span], unit: str, label: str) -> "tqdm[Any]":
    """A progress bar with rate and time left, from what is there already."""
    finished = rows - sum(stop - start for start, stop in missing)
    if finished:
        log.info("%s: resumed, %d of %d %s are there", label, finished, rows, unit)
    return tqdm(
        total=rows, initial=finished, unit=f" {unit}", desc=label, disable=None, leave=False
    )


def _chunk_is_sound(array: NDArray[Any], chunk: Mapping[str, Any]) -> bool:
    rows = array[chunk["start"] : chunk["stop"]]
    return bool(xxhash.xxh3_128_hexdigest(_bytes(rows)) == chunk["digest"])


def _bytes(rows: NDArray[Any]) -> memoryview:
    return np.ascontiguousarray(rows).reshape(-1).view(np.uint8).data


def digest_file(path: Path) -> str:
    """xxh3_128 hex of a file's bytes."""
    digest = xxhash.xxh3_128()
    with path.open("rb") as file:
        while block := file.read(1 << 22):
            digest.update(block)
    return str(digest.hexdigest())
