"""Lengths of products that are in memory: what `predict` writes, without any file."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray

from product_length.catalogue.products import Products
from product_length.catalogue.unlabelled import unlabelled_of
from product_length.decision.distribution import Distribution
from product_length.embeddings.embed import encode_in_memory
from product_length.embeddings.engine import local_engine
from product_length.features.columns import Columns
from product_length.prediction.config import PredictedColumns
from product_length.prediction.ensemble import Ensemble
from product_length.prediction.predictor import Predictor
from product_length.prediction.read_columns import match_columns
from product_length.prediction.reading import (
    CHUNK_ROWS,
    NotFinite,
    Part,
    Reading,
    Unseen,
    predicted,
)
from product_length.prediction.reasons import reason_lines
from product_length.tables.config import AUTO
from product_length.tables.memory_table import MemoryTable
from product_length.unseen import counted

BATCH_ROWS = 65_536
"""Rows that are worked on at a time, as `batch_rows` of conf/predict.yaml."""
_BAR_AFTER = 2.0
"""Seconds; a bar for one product would only be noise."""


@dataclass(frozen=True)
class Seen:
    """What one recipe made of the products, for what explains its predictions.

    `columns`: of its features, an array (rows, …) each, by their names; `raw`: float32 (rows,
    outputs), of its network.
    """

    predictor: Predictor
    products: Products
    columns: Columns
    raw: torch.Tensor


@dataclass(frozen=True)
class Prediction:
    """What is predicted for some products, in their order.

    lengths: float32 (rows,), in the ensemble's unit. ends: float32 (rows, 2), of their intervals;
    None where none were asked for. unseen: rows with what training did not know. notes: in words,
    what of the table is missing or was not read as it stands. seen: of each member; empty unless it
    was asked for.
    """

    ensemble: Ensemble
    lengths: NDArray[np.float32]
    ends: NDArray[np.float32] | None
    unseen: Unseen
    notes: tuple[str, ...]
    seen: tuple[Seen, ...] = ()

    def __len__(self) -> int:
        return len(self.lengths)

    def unseen_counts(self) -> dict[str, int]:
        """How many rows there are with something that training did not know, by what it is."""
        return counted(self.unseen)

    def distribution(self, rows: slice = slice(None)) -> Distribution:
        """The predicted distributions of some rows, the average of all members'.

        Raises ValueError when what was seen was not kept, or a loss emits one length.
        """
        if not self.seen:
            raise ValueError("predict with keep_seen=True to have distributions")
        return self.ensemble.distribution([each.raw[rows] for each in self.seen])


@dataclass(frozen=True)
class TablePredictor:
    """Predicts tables in memory, for any number of threads: one is served at a time.

    What is computed lies in memory only, and goes with the prediction.
    """

    ensemble: Ensemble
    device: torch.device
    batch_rows: int = BATCH_ROWS
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def predict(
        self,
        table: pa.Table | MemoryTable | Products,
        columns: PredictedColumns | None = None,
        *,
        interval: float | None = None,
        keep_seen: bool = False,
        decimal: str = AUTO,
        name: str = "the table",
    ) -> Prediction:
        """The lengths of all rows; ids are not needed, and not looked at.

        `columns`: names that differ from training; those that are not there are read as missing,
        and noted. `interval`: the share of products whose lengths the ends should hold. `keep_seen`
        keeps what distributions and reasons are made from. `decimal`: the mark in numbers that are
        texts. `name`: what messages call the table, unless it has a name. Equal to the last bit to
        what `predict` writes for the same rows. Raises ConfigError and UserError as
        `write_submission` does.
        """
        ensemble = self.ensemble if interval is None else self.ensemble.with_intervals(interval)
        if isinstance(table, Products):
            notes: list[str] = []
            products = _as_they_are(ensemble, table)
        else:
            read = table
            if not isinstance(table, MemoryTable):
                read = MemoryTable.of(table, name, decimal)
            products, notes = _read(ensemble, read, columns or PredictedColumns())
        wrong = NotFinite()
        parts: list[Part] = []
        with self._lock:
            readings = _encoded(ensemble, products)
            for part in predicted(ensemble, readings, self.batch_rows, self.device, _BAR_AFTER):
                lengths, ends = part.forecast
                ids = products[0].part(part.rows).product_ids
                wrong.add(ids, [lengths] if ends is None else [lengths, *ends.T])
                parts.append(part if keep_seen else part._replace(outputs=()))
        wrong.refuse(len(products[0]))
        return Prediction(
            ensemble=ensemble,
            lengths=_joined([part.forecast.lengths for part in parts], ()),
            ends=None
            if ensemble.coverage is None
            else _joined([part.forecast.ends for part in parts], (2,)),
            unseen=_all_unseen(parts),
            notes=tuple(notes),
            seen=_all_seen(readings, parts) if keep_seen else (),
        )

    def reason_lines(self, prediction: Prediction, *, words: bool = False) -> list[str]:
        """Why each product gets its length, a line for each, as `predict reasons=true` writes.

        `words`: also which words move it. Raises ConfigError for several recipes, ValueError for a
        prediction without what was seen.
        """
        ensemble = prediction.ensemble.with_reasons("words" if words else True)
        if not prediction.seen:
            raise ValueError("predict with keep_seen=True to have reasons")
        (seen,) = prediction.seen
        with self._lock:
            return reason_lines(
                seen.predictor,
                seen.products,
                seen.columns,
                prediction.lengths,
                self.device,
                ensemble.decision,
                words=words,
            )


def _as_they_are(ensemble: Ensemble, products: Products) -> list[Products]:
    """The same products for every member. Raises ValueError when one reads texts otherwise."""
    if any(member.recipe != products.recipe for member in ensemble.members):
        raise ValueError("these products' texts are not those that the recipe was trained to read")
    return [products] * len(ensemble.members)


def _read(
    ensemble: Ensemble, table: MemoryTable, named: PredictedColumns
) -> tuple[list[Products], list[str]]:
    """The products as each member reads them, and what of the table was not read as it stands."""
    trained = [member.columns for member in ensemble.members]
    columns, lacking = match_columns(trained, named, (), table.name, table.names, with_ids=False)
    products: list[Products] = []
    notes = [lacking] if lacking else []
    for number, (member, own) in enumerate(zip(ensemble.members, columns, strict=True)):
        same = [
            products[other]
            for other in range(number)
            if columns[other] == own and ensemble.members[other].recipe == member.recipe
        ]
        if same:
            products.append(same[0])
        else:
            some, not_read = unlabelled_of(table, own, member.recipe, member.unit)
            products.append(some)
            notes += [line for line in not_read if line not in notes]
    return products, notes


def _encoded(ensemble: Ensemble, products: Sequence[Products]) -> list[Reading]:
    """The products with the vectors of their texts; what members share is encoded once."""
    known: dict[tuple[int, int], NDArray[Any]] = {}
    readings = []
    for member, some in zip(ensemble.members, products, strict=True):
        vectors = {}
        for encoder in member.encoders:
            key = (id(encoder), id(some))
            if key not in known:
                known[key] = encode_in_memory(
                    some.texts_of, some.text_keys, encoder, CHUNK_ROWS, local_engine("auto")
                )
            vectors[encoder.name] = known[key]
        readings.append(Reading(member, some, vectors))
    return readings


def _all_unseen(parts: Sequence[Part]) -> Unseen:
    words = dict.fromkeys(what for part in parts for what in part.unseen)
    return {what: np.concatenate([part.unseen[what] for part in parts]) for what in words}


def _all_seen(readings: Sequence[Reading], parts: Sequence[Part]) -> tuple[Seen, ...]:
    seen = []
    for number, reading in enumerate(readings):
        outputs = [part.outputs[number] for part in parts]
        names = outputs[0].columns if outputs else ()
        columns = {name: np.concatenate([each.columns[name] for each in outputs]) for name in names}
        empty = torch.empty(0, reading.predictor.objective.outputs)
        raw = torch.cat([each.raw for each in outputs] or [empty])
        seen.append(Seen(reading.predictor, reading.products, columns, raw))
    return tuple(seen)


def _joined(
    parts: Sequence[NDArray[np.float32] | None], shape: tuple[int, ...]
) -> NDArray[np.float32]:
    some = [part for part in parts if part is not None]
    return np.concatenate(some) if some else np.empty((0, *shape), np.float32)
