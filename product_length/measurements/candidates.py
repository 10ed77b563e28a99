"""The measurements that many products state, as arrays."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, compress

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from typing_extensions import Self

from product_length.measurements.measurement import Measurement, Role, Subject, Unit
from product_length.measurements.parser import measurements_of_plain
from product_length.measurements.prefilter import odd_spellings, worth_parsing
from product_length.measurements.spelling import may_be_odd, spell_out


@dataclass(frozen=True)
class Candidates:
    """The first measurements of each product, field after field, in the order of its text.

    values: float32 (rows, max_count), millimetres, as if inches were meant where no unit is
        written; NaN where there is none.
    codes: uint8 (rows, max_count, 5): role, subject, unit, place, field (its place in the batch).
    """

    values: NDArray[np.float32]
    codes: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, rows: slice) -> "Candidates":
        return Candidates(self.values[rows], self.codes[rows])

    @property
    def roles(self) -> NDArray[np.uint8]:
        """uint8 (rows, max_count), of Role."""
        return self.codes[..., 0]

    @property
    def subjects(self) -> NDArray[np.uint8]:
        """uint8 (rows, max_count), of Subject."""
        return self.codes[..., 1]

    @property
    def units(self) -> NDArray[np.uint8]:
        """uint8 (rows, max_count), of Unit."""
        return self.codes[..., 2]

    @property
    def places(self) -> NDArray[np.uint8]:
        """uint8 (rows, max_count), 0, 1, 2, … in a chain."""
        return self.codes[..., 3]

    @property
    def fields(self) -> NDArray[np.uint8]:
        """uint8 (rows, max_count), the place of the field in the batch."""
        return self.codes[..., 4]

    def stated(self, row: int) -> list[tuple[int, Measurement]]:
        """One product's measurements, each with the place of its field, for display."""
        return [
            (
                field,
                Measurement(float(value), Role(role), Subject(subject), Unit(unit), place),
            )
            for value, (role, subject, unit, place, field) in zip(
                self.values[row], self.codes[row].tolist(), strict=True
            )
            if not np.isnan(value)
        ]

    def packed(self) -> NDArray[np.uint8]:
        """Both arrays in one, uint8 (rows, max_count, 9)."""
        bits = np.ascontiguousarray(self.values).view(np.uint8)
        return np.concatenate([bits.reshape(*self.values.shape, 4), self.codes], axis=2)

    @classmethod
    def from_packed(cls, packed: NDArray[np.uint8]) -> Self:
        """The candidates whose `packed` this was."""
        values = np.ascontiguousarray(packed[..., :4]).view(np.float32)[..., 0]
        return cls(values, packed[..., 4:])


def parse_fields(fields: pa.RecordBatch, names: Sequence[str], max_count: int) -> Candidates:
    """The first `max_count` measurements of each row in the fields called `names`.

    `fields`: cleaned texts, strings (rows,) each, "" where missing.
    """
    numbers = [number for number, name in enumerate(fields.schema.names) if name in names]
    count = len(fields)
    # All fields in one column: the first look has much to prepare, each time.
    columns = [fields.column(number) for number in numbers]
    column = pa.concat_arrays(columns) if columns else pa.array([], pa.string())
    worth = np.flatnonzero(worth_parsing(column).to_numpy(zero_copy_only=False))
    column = column.take(pa.array(worth))
    texts: list[str] = column.to_numpy(zero_copy_only=False).tolist()
    # Python finds the few texts that may be odd faster than a pattern can look at all of them.
    maybe = [at for at, text in enumerate(texts) if may_be_odd(text)]
    odd = odd_spellings(column.take(pa.array(maybe, pa.int64())))
    for at in compress(maybe, odd.to_numpy(zero_copy_only=False)):
        texts[at] = spell_out(texts[at])
    used = [0] * count
    places: list[int] = []
    stated: list[Measurement] = []
    counts: list[int] = []
    for at, text in zip(worth.tolist(), texts, strict=True):
        row = at % count
        place = used[row]
        found = measurements_of_plain(text, max_count - place) if place < max_count else []
        counts.append(len(found))
        if found:
            used[row] = stop = place + len(found)
            places += range(place, stop)
            stated += found
    sources = np.repeat(worth, np.array(counts, np.int64))
    rows = sources % max(1, count)
    table = np.fromiter(chain.from_iterable(stated), np.float64).reshape(-1, 5)
    candidates = Candidates(
        np.full((count, max_count), np.nan, dtype=np.float32),
        np.zeros((count, max_count, 5), dtype=np.uint8),
    )
    candidates.values[rows, places] = table[:, 0]
    candidates.codes[rows, places, :4] = table[:, 1:]
    candidates.codes[rows, places, 4] = np.array(numbers, np.uint8)[sources // max(1, count)]
    return candidates
