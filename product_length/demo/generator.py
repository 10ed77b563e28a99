"""The demo catalogue: any number of made-up products whose label distribution is known."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from product_length.demo.facts import Facts, labels_of, sample_facts
from product_length.demo.measurements import READING_SIDES, ROLES
from product_length.demo.posterior import conditional_lengths
from product_length.demo.text import DRAWS, TextWriter
from product_length.demo.truth import ConditionalLengths
from product_length.demo.wording import DECOY_LENGTHS, UNIT_LENGTHS
from product_length.demo.world import build_world

Ints = npt.NDArray[np.int64]

CHUNK_ROWS = 16_384
FIRST_PRODUCT_ID = 1_000_000

_FIELDS: list[tuple[str, pa.DataType]] = [
    ("PRODUCT_ID", pa.string()),
    ("TITLE", pa.string()),
    ("BULLET_POINTS", pa.string()),
    ("DESCRIPTION", pa.string()),
    ("PRODUCT_TYPE_ID", pa.string()),
    ("PRODUCT_LENGTH", pa.float64()),
]
SCHEMA = pa.schema(_FIELDS)


@dataclass(frozen=True)
class StatedMeasurement:
    """A measurement that a text states."""

    value: float
    """1/100 inch, as printed (rounded to the unit's last digit)."""
    role: str
    """One of measurements.ROLES, or "other thing" for a decoy."""
    is_decoy: bool
    """Whether it measures something else, such as the phone that a case fits."""


def _chunks(count: int) -> list[tuple[int, int]]:
    """Bounds of at least one chunk of at most CHUNK_ROWS, to bound memory."""
    return [
        (start, min(start + CHUNK_ROWS, count)) for start in range(0, max(count, 1), CHUNK_ROWS)
    ]


class DemoGenerator:
    """A made-up catalogue in the columns of the real one; row i does not depend on `rows`.

    Rows are sampled in chunks, each from its own stream of random numbers, so that a longer
    catalogue begins with the shorter one. The facts and the wording of a chunk have separate
    streams: the truth about a row is had without writing its text.
    """

    def __init__(self, rows: int, types: int, seed: int) -> None:
        if rows < 1 or types < 1 or seed < 0:
            raise ValueError(f"rows {rows} and types {types} must be positive, seed {seed} >= 0")
        self.rows = rows
        self._seed = seed
        self._world = build_world(types, seed)
        self._writer: TextWriter | None = None

    def batches(self, batch_rows: int = CHUNK_ROWS) -> Iterator[pa.RecordBatch]:
        """Record batches of SCHEMA with at most `batch_rows` rows; lengths in 1/100 inch."""
        if batch_rows < 1:
            raise ValueError(f"batch_rows {batch_rows} must be positive")
        for start in range(0, self.rows, CHUNK_ROWS):
            chunk = self._chunk(start // CHUNK_ROWS, min(CHUNK_ROWS, self.rows - start))
            for offset in range(0, len(chunk), batch_rows):
                yield chunk.slice(offset, batch_rows)

    def conditional_lengths(self, product_ids: Ints) -> ConditionalLengths:
        """The label's true distribution given all that each row shows, in the order asked for.

        `product_ids` int64 (n,), repeats allowed. Raises ValueError for an id that the
        catalogue does not have.
        """
        facts = self._facts_of(product_ids)
        parts = [
            conditional_lengths(self._world, facts.take(np.arange(start, stop)))
            for start, stop in _chunks(len(product_ids))
        ]
        return ConditionalLengths.concatenate(parts)

    def stated_measurements(self, product_ids: Ints) -> list[list[StatedMeasurement]]:
        """What each row's text states, decoys last; `product_ids` int64 (n,).

        Raises ValueError for an id that the catalogue does not have.
        """
        facts = self._facts_of(product_ids)
        sides = READING_SIDES[facts.kinds, facts.readings]
        values = facts.numbers / 100 * np.array(UNIT_LENGTHS)[facts.units][:, None]
        stated = [
            [
                StatedMeasurement(float(value), ROLES[side], is_decoy=False)
                for value, side in zip(row_values, row_sides, strict=True)
                if side >= 0
            ]
            for row_values, row_sides in zip(values, sides, strict=True)
        ]
        for row, decoy in zip(stated, facts.decoys, strict=True):
            length = DECOY_LENGTHS[decoy] if decoy >= 0 else None
            if length is not None:
                row.append(StatedMeasurement(length, "other thing", is_decoy=True))
        return stated

    def _chunk_facts(self, chunk: int) -> Facts:
        rng = np.random.default_rng([self._seed, 1, chunk])
        return sample_facts(self._world, CHUNK_ROWS, rng)

    def _facts_of(self, product_ids: Ints) -> Facts:
        rows = np.asarray(product_ids, dtype=np.int64) - FIRST_PRODUCT_ID
        if rows.ndim != 1:
            raise ValueError(f"product_ids must have one axis, not shape {rows.shape}")
        unknown = (rows < 0) | (rows >= self.rows)
        if unknown.any():
            raise ValueError(
                f"{int(unknown.sum())} ids are not in this catalogue of {self.rows} rows, "
                f"the first is {int(product_ids[unknown.argmax()])}"
            )
        chunks, places = np.divmod(rows, CHUNK_ROWS)
        order = np.argsort(chunks, kind="stable")
        parts = [
            self._chunk_facts(int(chunk)).take(places[order][chunks[order] == chunk])
            for chunk in np.unique(chunks)
        ]
        together = Facts.concatenate(parts) if parts else self._chunk_facts(0).take(rows)
        back = np.empty(len(rows), np.int64)
        back[order] = np.arange(len(rows))
        return together.take(back)

    def _chunk(self, chunk: int, rows: int) -> pa.RecordBatch:
        if self._writer is None:
            self._writer = TextWriter(self._world)
        facts = self._chunk_facts(chunk).take(np.arange(rows))
        wording = np.random.default_rng([self._seed, 2, chunk])
        draws = wording.integers(0, 2**32, (DRAWS, CHUNK_ROWS), dtype=np.uint32)
        title, bullets, description = self._writer.columns(facts, draws[:, facts.text_rows])
        ids = FIRST_PRODUCT_ID + chunk * CHUNK_ROWS + np.arange(rows)
        return pa.record_batch(
            [
                pa.array(ids).cast(pa.string()),
                title,
                bullets,
                description,
                pa.array(self._world.type_codes[facts.types]).cast(pa.string()),
                pa.array(labels_of(self._world, facts)),
            ],
            schema=SCHEMA,
        )
