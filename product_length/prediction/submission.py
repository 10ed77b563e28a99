"""From a table of any size to an id and a length for each of its rows."""

import logging
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm
from typing_extensions import Self

from product_length.artefacts import ArtefactStore
from product_length.catalogue.file_columns import FileColumns
from product_length.catalogue.products import Products
from product_length.catalogue.scripts import are_foreign
from product_length.catalogue.text import are_empty
from product_length.catalogue.unlabelled import open_unlabelled
from product_length.embeddings.embed import Embedding, embed_texts
from product_length.embeddings.encoder import Engine
from product_length.errors import UserError
from product_length.features.features import unseen_by
from product_length.prediction.config import PredictedData
from product_length.prediction.ensemble import Ensemble, Forecast
from product_length.prediction.files import ending_of
from product_length.prediction.output_columns import check_names, output_schema, rows_to_write
from product_length.prediction.predictor import Predictor, snapped
from product_length.prediction.read_columns import columns_to_read
from product_length.prediction.submission_file import Rows, open_submission
from product_length.prediction.workbook import check_rows
from product_length.unseen import any_of, are_beyond, counted, log_unseen
from product_length.writing import write_whole

log = logging.getLogger(__name__)

_Unseen = Mapping[str, NDArray[np.bool_]]
_CHUNK_ROWS = 2048  # rows whose texts are encoded and kept at a time: what a kill loses
_SHOWN_IDS = 5
_ADVICE = (
    "those lengths are guesses; is this the kind of catalogue that was trained on, with the same "
    "columns, spelling of types and language?"
)


def write_submission(
    ensemble: Ensemble,
    data: PredictedData,
    output: Path,
    *,
    keep: Sequence[str] = (),
    snap: bool,
    batch_rows: int,
    device: torch.device,
    store: ArtefactStore,
    engine: Engine,
) -> int:
    """Predict every row of the table of `data`, in its order, into a file; returns the rows.

    The ending of `output` says its format, see `prediction.files.ENDINGS`; its columns are the id,
    the length under the name that it has in training, LOWER and UPPER if asked for, and those of
    the table that are in `keep`. Each member reads the texts that it was trained to read; columns
    that the table lacks are empty, and rows without any text are predicted from the others.
    Encoded texts are kept in `store`: after a kill, or with another recipe of the same encoders,
    they are not encoded again. The output appears when it is complete. What training did not know
    is counted and logged. Raises ConfigError for names that contradict each other, and UserError
    for a faulty table, for predictions that are not finite, or an output that cannot be written.
    """
    started = time.perf_counter()
    ending = ending_of(output)
    columns = columns_to_read([member.columns for member in ensemble.members], data, keep)
    interval = ensemble.coverage is not None
    check_names(columns[0], ensemble.target, interval=interval)
    unseen: Counter[str] = Counter()
    rows = 0

    def fill(partial: Path) -> None:
        nonlocal rows
        readings = [
            _open(member, data, of_member, store)
            for member, of_member in zip(ensemble.members, columns, strict=True)
        ]
        products = readings[0].products
        rows = len(products)
        if ending == ".xlsx":
            check_rows(output, rows)
        schema = output_schema(data, products, columns[0], ensemble.target, interval=interval)
        with open_submission(partial, ending, schema.with_metadata(ensemble.described())) as write:
            readings = [each.encoded(store, engine) for each in readings]
            forecasts = _predicted(ensemble, readings, batch_rows, device)
            usual = ensemble.usual_lengths if snap else None
            unseen.update(_write_rows(write, products, forecasts, keep, usual))

    write_whole(output, fill)
    seconds = time.perf_counter() - started
    log_unseen(log, str(data.path), rows, unseen, _ADVICE)
    rate = rows / max(seconds, 1e-9)
    log.info("%s: %s rows of %s, %.0f rows/s", output, f"{rows:,}", ensemble.in_words(), rate)
    return rows


def _write_rows(
    write: Rows,
    products: Products,
    forecasts: Iterator[tuple[slice, Forecast, dict[str, int]]],
    keep: Sequence[str],
    usual_lengths: NDArray[np.float32] | None,
) -> Counter[str]:
    """Write forecasts of products, snapped to the usual lengths if there are any.

    Returns how many rows hold what is not known. Raises UserError when some are not finite.
    """
    unseen: Counter[str] = Counter()
    wrong = _NotFinite()
    for part, (lengths, ends), found in forecasts:
        some = products.part(part)
        unseen.update(found)
        if usual_lengths is not None:
            lengths = snapped(lengths, usual_lengths)
        values = [lengths] if ends is None else [lengths, *ends.T]
        wrong.add(some.product_ids, values)
        write(rows_to_write(some, keep, values))
    wrong.refuse(len(products))
    return unseen


@dataclass(frozen=True)
class _Reading:
    """The table as one recipe reads it. `embeddings`: of its texts, once they are encoded."""

    predictor: Predictor
    products: Products
    embeddings: Sequence[Embedding]

    def encoded(self, store: ArtefactStore, engine: Engine) -> Self:
        """The same with its texts encoded."""
        embeddings = embed_texts(
            self.products.texts,
            self.products.text_keys,
            self.predictor.encoders,
            _CHUNK_ROWS,
            store,
            self.predictor.recipe.model_dump(mode="json"),
            engine,
        )
        return replace(self, embeddings=embeddings)

    def predict(self, part: slice, device: torch.device) -> tuple[Tensor, _Unseen]:
        """Raw outputs (rows, outputs) of some rows, and which of them hold what is not known."""
        products = self.products.part(part)
        vectors = {each.name: each.vectors[part] for each in self.embeddings}
        columns = self.predictor.transform(products, vectors)
        foreign = are_foreign(products.joined().combine_chunks(), self.predictor.scripts)
        found = {
            "have no text and are predicted from the other columns": are_empty(products.text_keys),
            **unseen_by(self.predictor.features, products, columns),
            "have a text mostly in a script that training did not have": foreign,
        }
        return self.predictor.raw(columns, device), found


def _open(
    predictor: Predictor, data: PredictedData, columns: FileColumns, store: ArtefactStore
) -> _Reading:
    products = open_unlabelled(
        data.path, columns, predictor.recipe, predictor.unit, store, data.as_written()
    )
    return _Reading(predictor, products, [])


def _predicted(
    ensemble: Ensemble, readings: Sequence[_Reading], batch_rows: int, device: torch.device
) -> Iterator[tuple[slice, Forecast, dict[str, int]]]:
    """Batch by batch, under a bar: which rows, their lengths, how many hold what is not known."""
    rows = len(readings[0].products)
    with tqdm(total=rows, unit=" rows", desc="predicting", disable=None) as bar:
        for start in range(0, rows, batch_rows):
            part = slice(start, start + batch_rows)
            raws, unseen = zip(*(each.predict(part, device) for each in readings), strict=True)
            forecast = ensemble.forecast(raws)
            beyond = are_beyond(forecast.lengths, ensemble.reach)
            ends = {"are predicted at the ends of the training lengths": beyond}
            yield part, forecast, counted(any_of([*unseen, ends]))
            bar.update(len(forecast.lengths))


class _NotFinite:
    """Counts rows whose predicted lengths are no numbers that a length can be."""

    def __init__(self) -> None:
        self._count = 0
        self._first: list[str] = []

    def add(self, ids: pa.ChunkedArray, lengths: Sequence[NDArray[np.float32]]) -> None:
        """Look at some rows: ids (rows,), and float32 (rows,) of each column."""
        places = np.flatnonzero(~np.isfinite(lengths).all(axis=0))
        self._count += len(places)
        shown = places[: _SHOWN_IDS - len(self._first)].tolist()
        self._first += [ids[place].as_py() for place in shown]

    def refuse(self, rows: int) -> None:
        """Raise UserError if there was one among so many rows."""
        if self._count:
            more = ", …" if self._count > len(self._first) else ""
            raise UserError(
                f"{self._count:,} of {rows:,} predictions are not finite (nan or infinite), those "
                f"of {', '.join(self._first)}{more}; nothing was written. The checkpoint's weights "
                "are damaged or its training diverged: predict with another one, or train again"
            )
