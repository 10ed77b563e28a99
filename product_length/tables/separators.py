"""Which character separates the fields of a CSV file, by its header and first rows."""

import csv
import io
import re
from dataclasses import dataclass
from pathlib import Path

from product_length.errors import UserError
from product_length.tables.config import AUTO, SEPARATOR_WORDS

_LETTERS = 1 << 16  # so many are enough, and read in milliseconds
_STATED = re.compile(r'"?sep=([^\w"])"?\r?\n', re.I)


@dataclass(frozen=True)
class Separator:
    """The separator, in words where it was found out and is no comma, and lines to pass over."""

    character: str
    note: str = ""
    lines_before: int = 0


@dataclass(frozen=True)
class _Reading:
    """What the start of a file is with one separator."""

    separator: str
    fields: int
    """Of the header."""
    sound: float
    """Share of the rows that have as many fields as the header."""
    spaced: float
    """Share of the separators in the header that a space follows, as in a sentence."""


def find_separator(path: Path, start: str, asked: str, escape: str | None) -> Separator:
    """The separator of a CSV file that begins with the lines `start`; `asked` unless it is `auto`.

    The one with which every row has as many fields as the header. A first line `sep=;`, as Excel
    writes it, decides. Raises UserError where two are equally plausible.
    """
    stated = _STATED.match(start)
    lines_before = 1 if stated else 0
    if asked != AUTO:
        return Separator(asked, lines_before=lines_before)
    if stated:
        character = stated[1]
        return Separator(character, _note(character), lines_before)
    possible = [separator for separator in SEPARATOR_WORDS if separator != escape]
    readings = [_read(start, separator, escape) for separator in possible]
    readings = [reading for reading in readings if reading.fields > 1]
    if not readings:
        return Separator(",")
    most = max(reading.sound for reading in readings)
    best = [reading for reading in readings if reading.sound == most]
    # A comma in a sentence is followed by a space, one between fields seldom.
    least = min(reading.spaced for reading in best)
    best = [reading for reading in best if reading.spaced == least]
    best.sort(key=lambda reading: -reading.fields)
    if len(best) > 1 and best[0].fields < 2 * best[1].fields:
        ways = " or ".join(
            f"data.separator={SEPARATOR_WORDS[reading.separator]} ({reading.fields} columns)"
            for reading in best
        )
        raise UserError(f"{path}: fields may be separated in two ways; set {ways}")
    return Separator(best[0].separator, _note(best[0].separator))


def _note(separator: str) -> str:
    if separator == ",":
        return ""
    return "separator TAB" if separator == "\t" else f"separator {separator!r}"


def _read(start: str, separator: str, escape: str | None) -> _Reading:
    lines = io.StringIO(start[:_LETTERS].replace("\0", " "), newline="")
    rows = csv.reader(lines, delimiter=separator, escapechar=escape)
    widths: list[int] = []
    header: list[str] = []
    try:
        for row in filter(None, rows):
            header = header or row
            widths.append(len(row))
    except csv.Error:
        widths.append(0)
    if widths and widths[-1] != len(header):
        widths.pop()  # the start of the file may end in the middle of a row
    spaced = sum(name.startswith(" ") for name in header[1:]) / max(1, len(header) - 1)
    sound = widths.count(len(header)) / max(1, len(widths))
    return _Reading(separator, len(header), sound, spaced)
