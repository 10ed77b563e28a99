"""Artefacts under one root folder: opened where they are sound, made where not."""

import contextlib
import errno
import logging
import os
import shutil
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from numpy.typing import NDArray
from tqdm import tqdm

from product_length.artefacts.array_file import ArrayFile
from product_length.artefacts.artefact import ARRAY, Artefact
from product_length.artefacts.chunk_notes import (
    Note,
    Span,
    add_note,
    note_is_sound,
    note_of,
    sound_notes,
)
from product_length.artefacts.manifest import (
    MANIFEST,
    Json,
    address,
    digest_file,
    files_are_sound,
    is_remembered,
    read_manifest,
    remember,
    write_manifest,
)
from product_length.shortage import NO_ROOM, cannot_write

log = logging.getLogger(__name__)

Chunk = tuple[NDArray[Any], Mapping[str, int]]

_NOTES = "chunks.jsonl"
_ADVICE = "choose another folder with cache_dir=…"


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
        final = self._place(kind, made_from)
        with self._opened_or_locked(final, made_from) as (found, partial):
            if found is not None:
                return found
            _remove(final)
            _remove(partial)
            partial.mkdir()
            try:
                facts = dict(make(partial) or {})
                digests = {
                    str(path.relative_to(partial)): digest_file(path)
                    for path in sorted(partial.rglob("*"))
                    if path.is_file()
                }
                _finish(partial, final, {"made_from": made_from, "facts": facts, "files": digests})
            except BaseException:  # it would only fill the disk
                shutil.rmtree(partial, ignore_errors=True)
                raise
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
        """`array`, from a generator that gets all missing chunks and yields them in their order.

        So it may work on several of them at a time. It is closed whatever happens.
        """
        made_from = {**made_from, "shape": list(shape), "dtype": dtype, "chunk_rows": chunk_rows}
        final = self._place(kind, made_from)
        with self._opened_or_locked(final, made_from) as (found, partial):
            if found is not None:
                return found
            if os.path.lexists(final):  # damaged: a start, of which sound chunks are used
                _remove(partial)
                final.rename(partial)
            file, spans = ArrayFile(partial / ARRAY, shape, dtype), _spans(made_from)
            done = _resume(partial, file, spans)
            missing = [span for span in spans if span[0] not in done]
            with (
                file.opened() as rows_file,
                (partial / _NOTES).open("a", encoding="utf-8") as notes,
                _progress(shape[0], missing, unit, label or kind) as bar,
                contextlib.closing(make_chunks(missing)) as made,
            ):
                for span, (rows, counts) in zip(missing, made, strict=bool(missing)):
                    start, stop = span
                    if rows.shape != (stop - start, *shape[1:]):
                        raise ValueError(f"chunk {start}:{stop} of {kind} has shape {rows.shape}")
                    digest = file.write(rows_file, start, rows, counts)
                    done[start] = note_of(span, digest, counts)
                    add_note(notes, done[start])
                    bar.update(stop - start)
            facts: dict[str, int] = {}
            for note in done.values():
                for name, count in note["counts"].items():
                    facts[name] = facts.get(name, 0) + count
            finished = [done[start] for start in sorted(done)]
            _finish(partial, final, {"made_from": made_from, "facts": facts, "chunks": finished})
            return Artefact(final, facts, reused=False)

    def _place(self, kind: str, made_from: Mapping[str, Json]) -> Path:
        return self.root / kind / address(made_from)

    @contextlib.contextmanager
    def _opened_or_locked(
        self, final: Path, made_from: Mapping[str, Json]
    ) -> Iterator[tuple[Artefact | None, Path]]:
        """The artefact, if it is sound; if not, None under a lock, and the folder to make it in.

        Faults of the disk become UserError.
        """
        partial = final.with_suffix(".partial")
        found = _opened(final, made_from)
        if found is not None:
            yield found, partial
            return
        with self._locked(final):
            found = _opened(final, made_from)  # another process may have made it meanwhile
            if found is None and os.path.lexists(final):
                log.warning("%s does not match its manifest; it is made again", final)
            try:
                yield found, partial
            except OSError as error:
                if not self._is_ours(error):
                    raise
                raise cannot_write(f"cache {self.root}", error, _ADVICE) from error

    @contextlib.contextmanager
    def _locked(self, final: Path) -> Iterator[None]:
        path = final.with_suffix(".lock")
        try:
            final.parent.mkdir(parents=True, exist_ok=True)
            if path.is_dir() or path.is_symlink():
                log.warning("%s is no file to lock; it is removed", path)
                _remove(path)
            lock = FileLock(path)
            try:
                lock.acquire(timeout=0)
            except Timeout:
                log.info("another process is making %s; waiting for it", final)
                lock.acquire()
        except OSError as error:
            wanted = f"{final.parent.name}/{final.name}"
            state = f"{wanted} is damaged" if os.path.lexists(final) else f"it lacks {wanted}"
            raise cannot_write(f"cache {self.root}", error, _ADVICE, state) from error
        try:
            yield
        finally:
            lock.release()

    def _is_ours(self, error: OSError) -> bool:
        """Whether an error comes from writing the cache, not from reading what it is made from."""
        if isinstance(error.filename, str | bytes | os.PathLike):
            path = Path(os.fsdecode(error.filename))
            return path.resolve().is_relative_to(self.root.resolve())
        return error.errno in NO_ROOM | {errno.EROFS, errno.EIO}


def _opened(final: Path, made_from: Mapping[str, Json]) -> Artefact | None:
    """The artefact, if it is there and all its content is as it was written."""
    manifest = read_manifest(final, made_from)
    if manifest is None:
        return None
    is_array = "chunks" in manifest
    names = [ARRAY] if is_array else list(manifest["files"])
    if not is_remembered(final, names):
        if is_array:
            file = ArrayFile(final / ARRAY, tuple(made_from["shape"]), made_from["dtype"])
            stops = dict(_spans(made_from))
            if not file.is_whole() or not all(
                note_is_sound(file, note, stops) for note in manifest["chunks"]
            ):
                return None
        elif not files_are_sound(final, manifest["files"]):
            return None
        remember(final, names)
    return Artefact(final, manifest["facts"], reused=True)


def _finish(partial: Path, final: Path, manifest: Mapping[str, Json]) -> None:
    _remove(partial / MANIFEST)
    write_manifest(partial, manifest)
    partial.rename(final)


def _spans(made_from: Mapping[str, Json]) -> list[Span]:
    """The chunks of an array, ascending."""
    rows, step = made_from["shape"][0], made_from["chunk_rows"]
    return [(start, min(start + step, rows)) for start in range(0, rows, step)]


def _resume(partial: Path, file: ArrayFile, spans: Sequence[Span]) -> dict[int, Note]:
    """Make a whole file and sound notes of what is there; the notes by first row."""
    if not partial.is_dir():
        _remove(partial)
        partial.mkdir()
    notes = partial / _NOTES
    begun = os.path.lexists(file.path)
    if begun and not (file.is_whole() and notes.is_file()):
        log.warning("%s is damaged; of its chunks the sound ones are used", partial)
    for path in (file.path, notes):
        if not path.is_file():
            _remove(path)
    notes.touch()  # before the array: a kill leaves nothing that looks damaged
    file.prepare()
    return sound_notes(notes, file, spans)


def _remove(path: Path) -> None:
    """Remove a file, a link or a folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _progress(rows: int, missing: Sequence[Span], unit: str, label: str) -> "tqdm[Any]":
    """A progress bar with rate and time left, from what is there already."""
    finished = rows - sum(stop - start for start, stop in missing)
    if finished:
        log.info("%s: resumed, %d of %d %s are there", label, finished, rows, unit)
    return tqdm(
        total=rows, initial=finished, unit=f" {unit}", desc=label, disable=None, leave=False
    )
