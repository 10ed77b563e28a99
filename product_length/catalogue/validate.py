"""Which rows of a catalogue can be used, and for each of the others why not."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from typing_extensions import Self

from product_length.catalogue.length_advice import advise
from product_length.catalogue.units import CatalogueUnit
from product_length.tables.numbers import parse_numbers

SHORTEST_LENGTH = 1e-5
LONGEST_LENGTH = 3e9
"""What a length can be, in the model's unit (`CatalogueUnit.in_model_units`): within what a model
can predict (model.target), so that every loss and its gradient are finite in float32."""

USABLE = 0
REASONS = (
    "usable",
    "missing product id",
    "missing length",
    "length is not a number",
    "length is not finite",
    "length is not positive",
    "length is out of range",
    "no text",
    "repeated product id",
)
"""Why a row is dropped, by code, in order of precedence: a row with several faults counts for the
first. A product id is repeated only if an earlier row with it is usable, so of the usable rows
with one id the first is kept."""
(
    MISSING_ID,
    MISSING_LENGTH,
    NOT_A_NUMBER,
    NOT_FINITE,
    NOT_POSITIVE,
    OUT_OF_RANGE,
    NO_TEXT,
    REPEATED_ID,
) = range(1, len(REASONS))

FIRST_ROWS = 5
"""Row numbers that are kept of each reason."""
EXAMPLES = 3
"""Distinct lengths, or product ids, that are kept of each reason."""
_WITH_EXAMPLES = (NOT_A_NUMBER, NOT_FINITE, NOT_POSITIVE, OUT_OF_RANGE)
_EXAMPLE_ROWS = 1000  # among so many rows of a batch examples are looked for
_EXAMPLE_LETTERS = 40


def parse_lengths(
    column: pa.Array, decimal: str, unit: CatalogueUnit
) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
    """Lengths, float64 (rows,) as they stand, and for each USABLE or the code of its fault.

    `column` is string or float64 (rows,), null where missing; `decimal` the mark of decimals in
    strings. A length is usable from SHORTEST_LENGTH to LONGEST_LENGTH, which `unit` is converted
    to. Where the code is a fault the length is nan.
    """
    return checked_lengths(*parse_numbers(column, decimal), unit)


def checked_lengths(
    numbers: NDArray[np.float64],
    is_number: NDArray[np.bool_],
    missing: NDArray[np.bool_],
    unit: CatalogueUnit,
) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
    """The same of numbers that were read, (rows,) each."""
    shortest, longest = _bounds(unit)
    in_range = (numbers >= shortest) & (numbers <= longest)
    faults = np.select(
        [missing, ~is_number, ~np.isfinite(numbers), numbers <= 0, ~in_range],
        [MISSING_LENGTH, NOT_A_NUMBER, NOT_FINITE, NOT_POSITIVE, OUT_OF_RANGE],
        default=USABLE,
    ).astype(np.uint8)
    return np.where(faults == USABLE, numbers, np.nan), faults


def find_faults(
    product_ids: pa.StringArray, length_faults: NDArray[np.uint8], no_text: NDArray[np.bool_]
) -> NDArray[np.uint8]:
    """Code of each row, uint8 (rows,): USABLE or the first of its faults but REPEATED_ID.

    `product_ids` string (rows,), `length_faults` as from `parse_lengths`, `no_text` bool (rows,).
    """
    if not len(product_ids) == len(length_faults) == len(no_text):
        raise ValueError(
            f"{len(product_ids)} ids, {len(length_faults)} lengths, {len(no_text)} texts"
        )
    blank_id = _to_numpy(pc.equal(pc.utf8_trim_whitespace(product_ids), ""))
    return np.select(
        [blank_id, length_faults != USABLE, no_text],
        [np.uint8(MISSING_ID), length_faults, np.uint8(NO_TEXT)],
        default=np.uint8(USABLE),
    ).astype(np.uint8)


def find_repeats(id_keys: NDArray[np.uint64], product_ids: pa.ChunkedArray) -> NDArray[np.int64]:
    """Indices, ascending int64, of the rows whose product id occurs in an earlier row.

    `id_keys` uint64 (rows,) are hashes of `product_ids` string (rows,): equal hashes are checked
    on the ids themselves, which may stay on disk.
    """
    if len(id_keys) != len(product_ids):
        raise ValueError(f"{len(id_keys)} keys of {len(product_ids)} ids")
    order = np.argsort(id_keys, kind="stable")
    ordered = id_keys[order]
    same = ordered[1:] == ordered[:-1]
    if not same.any():
        return np.empty(0, dtype=np.int64)
    suspects = np.sort(order[np.concatenate((same, [False])) | np.concatenate(([False], same))])
    seen: set[str] = set()
    repeats = []
    for suspect, product_id in zip(suspects, _pick(product_ids, suspects), strict=True):
        if product_id in seen:
            repeats.append(suspect)
        seen.add(product_id)
    return np.array(repeats, dtype=np.int64)


@dataclass(frozen=True)
class Dropped:
    """Rows that were left out for one reason."""

    count: int
    first_rows: tuple[int, ...]
    """Numbers of the first of them; 1 = first data row of the source."""
    examples: tuple[str, ...] = ()
    """Some of their lengths, or of their product ids, where these are the reason."""

    def to_json(self) -> dict[str, Any]:
        """What `from_json` makes the same from."""
        entry = {"count": self.count, "first_rows": list(self.first_rows)}
        return entry | ({"examples": list(self.examples)} if self.examples else {})

    @classmethod
    def from_json(cls, entry: Mapping[str, Any]) -> Self:
        """What `to_json` was made from."""
        return cls(entry["count"], tuple(entry["first_rows"]), tuple(entry.get("examples", ())))


@dataclass(frozen=True)
class ReadingReport:
    """What became of each row of a source: rows_read = rows_kept + dropped + outside_range."""

    source: str
    rows_read: int
    rows_kept: int
    dropped: Mapping[str, Dropped]
    """By reason, in the order of REASONS; reasons without a row are absent."""
    outside_range: Dropped
    """Usable rows shorter than min_length or longer than max_length."""
    unit: CatalogueUnit
    """Of lengths."""
    counted: Mapping[str, int] = field(default_factory=dict)
    """Peculiarities among the rows kept, by name."""
    not_numbers: Mapping[str, int] = field(default_factory=dict)
    """Cells of all rows read that are no numbers, by what is said of them."""

    def lines(self) -> list[str]:
        """The report for a person, one line for each fact."""
        lines = [f"{self.source}: {self.rows_read:,} rows read, {self.rows_kept:,} kept"]
        for reason, dropped in self.dropped.items():
            shown = _examples(reason, dropped, self.unit)
            lines.append(f"  dropped, {reason}: {_count(dropped)}{shown}")
        if self.outside_range.count:
            lines.append(
                f"  outside the length range (min_length, max_length): {_count(self.outside_range)}"
            )
        lines += [f"  kept, {name}: {n:,}" for name, n in self.counted.items() if n]
        return lines + [f"  read, {name}: {n:,}" for name, n in self.not_numbers.items()]

    def in_one_line(self) -> str:
        """The same for the end of a message."""
        return "; ".join(line.strip() for line in self.lines())

    def to_json(self) -> dict[str, Any]:
        """The report as plain dicts, lists, strings and numbers."""
        return {
            "source": self.source,
            "rows_read": self.rows_read,
            "rows_kept": self.rows_kept,
            "dropped": {reason: dropped.to_json() for reason, dropped in self.dropped.items()},
            "outside_range": self.outside_range.to_json(),
            "unit": str(self.unit),
            "counted": dict(self.counted),
            "not_numbers": dict(self.not_numbers),
        }


def count_dropped(row_numbers: NDArray[np.int64]) -> Dropped:
    """Count rows given by their numbers, ascending int64."""
    return Dropped(len(row_numbers), tuple(row_numbers[:FIRST_ROWS].tolist()))


class DropTally:
    """Counts the dropped rows of a stream of batches."""

    def __init__(self) -> None:
        self._dropped: dict[int, Dropped] = {}

    def add(
        self, faults: NDArray[np.uint8], first_row: int, lengths: pa.Array | None = None
    ) -> None:
        """Count the rows of a batch by code; `first_row` is the number of its first row.

        `lengths` (rows,) as they stand in the source, of which some are kept as examples.
        """
        for code in np.unique(faults[faults != USABLE]).tolist():
            rows = np.flatnonzero(faults == code)
            self.add_rows(code, rows + first_row)
            if lengths is not None and code in _WITH_EXAMPLES:
                self._add_examples(code, lengths.take(pa.array(rows[:_EXAMPLE_ROWS])))

    def add_rows(
        self, code: int, row_numbers: NDArray[np.int64], examples: Iterable[str] = ()
    ) -> None:
        """Count rows given by their numbers, ascending; `examples`: of what is wrong with them."""
        if not len(row_numbers):
            return
        old = self._dropped.get(code, Dropped(0, ()))
        new = count_dropped(row_numbers)
        first_rows = (old.first_rows + new.first_rows)[:FIRST_ROWS]
        shown = tuple(dict.fromkeys([*old.examples, *(_shortened(each) for each in examples)]))
        self._dropped[code] = Dropped(old.count + new.count, first_rows, shown[:EXAMPLES])

    def _add_examples(self, code: int, lengths: pa.Array) -> None:
        dropped = self._dropped[code]
        if len(dropped.examples) < EXAMPLES:
            written = (_shortened(str(each)) for each in lengths.unique().to_pylist())
            examples = tuple(dict.fromkeys([*dropped.examples, *written]))[:EXAMPLES]
            self._dropped[code] = replace(dropped, examples=examples)

    def by_reason(self) -> dict[str, Dropped]:
        """What was counted, in the order of REASONS."""
        return {REASONS[code]: self._dropped[code] for code in sorted(self._dropped)}


def _shortened(example: str) -> str:
    return example.strip()[:_EXAMPLE_LETTERS]


def _pick(values: pa.ChunkedArray, rows: NDArray[np.int64]) -> list[str]:
    """Values at ascending rows, chunk by chunk: as one array they may not fit 32-bit offsets."""
    picked: list[str] = []
    start = 0
    for chunk in values.chunks:
        low, high = np.searchsorted(rows, [start, start + len(chunk)])
        picked += chunk.take(pa.array(rows[low:high] - start)).to_pylist()
        start += len(chunk)
    return picked


def _to_numpy(values: pa.Array) -> NDArray[Any]:
    numbers: NDArray[Any] = values.to_numpy(zero_copy_only=False)
    return numbers


def _bounds(unit: CatalogueUnit) -> tuple[float, float]:
    """What a length can be, in a unit."""
    return SHORTEST_LENGTH / unit.in_model_units, LONGEST_LENGTH / unit.in_model_units


def _count(dropped: Dropped) -> str:
    word = "row" if dropped.count == 1 else "rows"
    more = ", …" if dropped.count > len(dropped.first_rows) else ""
    return f"{dropped.count:,} ({word} {', '.join(map(str, dropped.first_rows))}{more})"


def _examples(reason: str, dropped: Dropped, unit: CatalogueUnit) -> str:
    """Lengths that were refused, and what to do about them."""
    if not dropped.examples:
        return ""
    shown = f", such as {', '.join(map(repr, dropped.examples))}"
    if reason == REASONS[NOT_A_NUMBER]:
        return f"{shown}; {advise(dropped.examples, str(unit))}"
    if reason == REASONS[OUT_OF_RANGE]:
        shortest, longest = _bounds(unit)
        return f"{shown}; give {unit}, from {shortest:.2g} to {longest:.2g}"
    return shown
