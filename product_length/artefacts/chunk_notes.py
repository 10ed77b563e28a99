"""Which chunks of an array are finished, noted one a line as they are."""

import json
import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from product_length.artefacts.array_file import ArrayFile
from product_length.artefacts.manifest import Json, parse

log = logging.getLogger(__name__)

Note = dict[str, Any]
"""start, stop (rows), digest of the rows and the rest of the note, counts."""
Span = tuple[int, int]
"""Rows [start, stop)."""


def note_of(span: Span, digest: str, counts: Mapping[str, Json]) -> Note:
    """The note of a finished chunk."""
    return {"start": span[0], "stop": span[1], "digest": digest, "counts": dict(counts)}


def add_note(file: TextIO, note: Note) -> None:
    """Append a note, down to the disk."""
    file.write(json.dumps(note) + "\n")
    file.flush()
    os.fsync(file.fileno())


def sound_notes(path: Path, array: ArrayFile, spans: Sequence[Span]) -> dict[int, Note]:
    """The notes that are true of the array, by first row; only they are left in the file.

    Raises OSError when the file cannot be read or written.
    """
    content = path.read_bytes() if path.exists() else b""
    stops = dict(spans)
    sound: dict[int, Note] = {}
    for line in content.splitlines():  # a kill may have cut the last one short
        note = parse(line)
        if note is not None and note_is_sound(array, note, stops):
            sound[note["start"]] = note
    whole = "".join(json.dumps(note) + "\n" for note in sound.values()).encode()
    if whole != content:
        log.warning("%s: %d chunks are sound, the others are made again", path.parent, len(sound))
        partial = path.with_suffix(".partial")
        partial.write_bytes(whole)
        partial.replace(path)
    return sound


def note_is_sound(array: ArrayFile, note: Note, stops: Mapping[int, int]) -> bool:
    """Whether a note, of any content, is that of a chunk [start, stops[start]) as it is there."""
    start, stop = note.get("start"), note.get("stop")
    if type(start) is not int or stops.get(start) != stop:
        return False
    return note.get("digest") == array.digest(start, stops[start], note.get("counts"))
