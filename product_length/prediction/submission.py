"""From a catalogue file of any size to an id and a length for each of its rows."""

import logging
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import ValidationError
from torch import Tensor
from tqdm import tqdm

from product_length.artefacts import ArtefactStore
from product_length.catalogue.config import Columns
from product_length.catalogue.products import Products
from product_length.catalogue.scripts import are_foreign
from product_length.catalogue.text import are_empty
from product_length.catalogue.unlabelled import open_unlabelled, without_absent
from product_length.embeddings.embed import Embedding, embed_texts
from product_length.embeddings.encoder import Engine
from product_length.errors import ConfigError, UserError
from product_length.features.features import unseen_by
from product_length.prediction.ensemble import Ensemble, Forecast
from product_length.prediction.files import ending_of
from product_length.prediction.predictor import Predictor, snapped
from product_length.prediction.submission_file import open_submission
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
    path: Path,
    output: Path,
    *,
    renamed: Mapping[str, str],
    escape: str | None = None,
    snap: bool,
    batch_rows: int,
    device: torch.device,
    store: ArtefactStore,
    engine: Engine,
) -> int:
    """Predict every row of the catalogue at `path`, in its order, into a file; returns the rows.

    The ending of `output` says its format, see `prediction.files.ENDINGS`. `renamed`: columns whose
    names differ from training; `escape` as in `read_batches`. Each member reads the texts that it
    was trained to read; columns that the file lacks are empty. Encoded texts are kept in `store`:
    after a kill, or with another recipe of the same encoders, they are not encoded again. The
    output appears when it is complete. Rows without any text are predicted from their type. What
    training did not know is counted and logged. Raises UserError for a faulty catalogue, for
    predictions that are not finite, or an output that cannot be written.
    """
    started = time.perf_counter()
    ending = ending_of(output)
    columns = _columns(ensemble, path, renamed, escape)
    names = ["PRODUCT_LENGTH"] + (["LOWER", "UPPER"] if ensemble.coverage is not None else [])
    unseen: Counter[str] = Counter()
    wrong = _NotFinite()
    rows = 0

    def fill(partial: Path) -> None:
        nonlocal rows
        # Opened before the first row is read: a place that cannot be written is reported at once.
        with open_submission(partial, ending, names) as write:
            readings = [
                _read(member, path, of_member, escape, store, engine)
                for member, of_member in zip(ensemble.members, columns, strict=True)
            ]
            rows = len(readings[0].products)
            for part, (lengths, ends), found in _predicted(ensemble, readings, batch_rows, device):
                ids = readings[0].products.product_ids[part].to_pylist()
                unseen.update(found)
                if snap:
                    lengths = snapped(lengths, ensemble.usual_lengths)
                values = [lengths] if ends is None else [lengths, *ends.T]
                wrong.add(ids, values)
                write(ids, values)
            wrong.refuse(rows)

    write_whole(output, fill)
    seconds = time.perf_counter() - started
    log_unseen(log, str(path), rows, unseen, _ADVICE)
    log.info("%s: %d rows, %.0f rows/s", output, rows, rows / max(seconds, 1e-9))
    return rows


def _columns(
    ensemble: Ensemble, path: Path, renamed: Mapping[str, str], escape: str | None
) -> list[Columns]:
    """What each member reads of the file; raises UserError and ConfigError."""
    found: list[Columns] = []
    lacking: dict[str | None, None] = {}  # each once, in order
    for member in ensemble.members:
        try:
            columns = Columns.model_validate({**member.columns.model_dump(), **renamed})
        except ValidationError as error:
            reasons = "; ".join(
                fault["msg"].removeprefix("Value error, ") for fault in error.errors()
            )
            raise ConfigError(f"data.columns: {reasons}") from error
        columns, absent = without_absent(path, columns, member.recipe, renamed, escape)
        found.append(columns)
        lacking[absent] = None
    for absent in lacking:
        if absent is not None:
            log.warning("warning: %s", absent)
    _check_same_ids(found)
    return found


def _check_same_ids(columns: Sequence[Columns]) -> None:
    """Raises ConfigError when recipes read the ids of products from different columns."""
    names = sorted({each.product_id for each in columns})
    if len(names) > 1:
        raise ConfigError(
            f"checkpoint: their catalogues name products in different columns, {', '.join(names)}: "
            "say which one is meant with data.columns.product_id=…"
        )


@dataclass(frozen=True)
class _Reading:
    """The catalogue as one recipe reads it."""

    predictor: Predictor
    products: Products
    embeddings: Sequence[Embedding]

    def predict(self, part: slice, device: torch.device) -> tuple[Tensor, _Unseen]:
        """Raw outputs (rows, outputs) of some rows, and which of them hold what is not known."""
        products = self.products.part(part)
        vectors = {each.name: each.vectors[part] for each in self.embeddings}
        columns = self.predictor.transform(products, vectors)
        foreign = are_foreign(products.joined().combine_chunks(), self.predictor.scripts)
        found = {
            "have no text and are predicted from their type": are_empty(products.text_keys),
            **unseen_by(self.predictor.features, products, columns),
            "have a text mostly in a script that training did not have": foreign,
        }
        return self.predictor.raw(columns, device), found


def _read(
    predictor: Predictor,
    path: Path,
    columns: Columns,
    escape: str | None,
    store: ArtefactStore,
    engine: Engine,
) -> _Reading:
    products = open_unlabelled(path, columns, predictor.recipe, store, escape)
    embeddings = embed_texts(
        products.texts,
        products.text_keys,
        predictor.encoders,
        _CHUNK_ROWS,
        store,
        predictor.recipe.model_dump(mode="json"),
        engine,
    )
    return _Reading(predictor, products, embeddings)


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

    def add(self, ids: Sequence[str], lengths: Sequence[NDArray[np.float32]]) -> None:
        """Look at some rows: ids (rows,), and float32 (rows,) of each column."""
        places = np.flatnonzero(~np.isfinite(lengths).all(axis=0))
        self._count += len(places)
        self._first += [ids[place] for place in places[: _SHOWN_IDS - len(self._first)].tolist()]

    def refuse(self, rows: int) -> None:
        """Raise UserError if there was one among so many rows."""
        if self._count:
            more = ", …" if self._count > len(self._first) else ""
            raise UserError(
                f"{self._count:,} of {rows:,} predictions are not finite (nan or infinite), those "
                f"of {', '.join(self._first)}{more}; nothing was written. The checkpoint's weights "
                "are damaged or its training diverged: predict with another one, or train again"
            )
