"""From a table of any size to an id and a length for each of its rows."""

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from product_length.artefacts import ArtefactStore
from product_length.catalogue.file_columns import FileColumns
from product_length.catalogue.products import Products
from product_length.catalogue.unlabelled import open_unlabelled
from product_length.embeddings.embed import embed_texts
from product_length.embeddings.encoder import Engine
from product_length.prediction.config import PredictedData
from product_length.prediction.ensemble import Ensemble
from product_length.prediction.files import ending_of
from product_length.prediction.output_columns import check_names, output_schema, rows_to_write
from product_length.prediction.predictor import Predictor, snapped
from product_length.prediction.read_columns import columns_to_read
from product_length.prediction.reading import (
    ADVICE,
    CHUNK_ROWS,
    NotFinite,
    Part,
    Reading,
    predicted,
)
from product_length.prediction.reasons import reason_lines
from product_length.prediction.submission_file import Rows, open_submission
from product_length.prediction.workbook import check_rows
from product_length.unseen import counted, log_unseen
from product_length.writing import write_whole

log = logging.getLogger(__name__)


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
    the length under the name that it has in training, LOWER, UPPER and REASONS if asked for, and
    those of the table that are in `keep`. Each member reads the texts that it was trained to read;
    columns that the table lacks are empty, and rows without any text are predicted from the others.
    Encoded texts are kept in `store`: after a kill, or with another recipe of the same encoders,
    they are not encoded again. The output appears when it is complete. What training did not know
    is counted and logged. Raises ConfigError for names that contradict each other, and UserError
    for a faulty table, for predictions that are not finite, or an output that cannot be written.
    """
    started = time.perf_counter()
    columns = columns_to_read([member.columns for member in ensemble.members], data, keep)
    rows, unseen = write_table(
        ensemble,
        data,
        columns,
        output,
        keep=keep,
        snap=snap,
        batch_rows=batch_rows,
        device=device,
        store=store,
        engine=engine,
    )
    log_unseen(log, str(data.path), rows, unseen, ADVICE)
    rate = rows / max(time.perf_counter() - started, 1e-9)
    log.info("%s: %s rows of %s, %.0f rows/s", output, f"{rows:,}", ensemble.in_words(), rate)
    return rows


def write_table(
    ensemble: Ensemble,
    data: PredictedData,
    columns: Sequence[FileColumns],
    output: Path,
    *,
    keep: Sequence[str],
    snap: bool,
    batch_rows: int,
    device: torch.device,
    store: ArtefactStore,
    engine: Engine,
) -> tuple[int, Counter[str]]:
    """The same where it is known which columns each member reads; says nothing of the whole.

    Returns the rows, and how many of them hold what training did not know, by what it is.
    """
    ending = ending_of(output)
    beside = {"interval": ensemble.coverage is not None, "reasons": bool(ensemble.reasons)}
    check_names(columns[0], ensemble.target, **beside)
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
        schema = output_schema(data, products, columns[0], ensemble.target, **beside)
        with open_submission(partial, ending, schema.with_metadata(ensemble.described())) as write:
            readings = [_encoded(each, store, engine) for each in readings]
            parts = predicted(ensemble, readings, batch_rows, device)
            usual = ensemble.usual_lengths if snap else None
            said = _reasons(ensemble, readings, device)
            unseen.update(_write_rows(write, products, parts, keep, usual, said))

    write_whole(output, fill)
    return rows, unseen


def _write_rows(
    write: Rows,
    products: Products,
    parts: Iterator[Part],
    keep: Sequence[str],
    usual_lengths: NDArray[np.float32] | None,
    reasons: Callable[[Part], list[str] | None],
) -> Counter[str]:
    """Write forecasts of products, snapped to the usual lengths if there are any.

    Returns how many rows hold what is not known. Raises UserError when some are not finite.
    """
    unseen: Counter[str] = Counter()
    wrong = NotFinite()
    for part in parts:
        some = products.part(part.rows)
        unseen.update(counted(part.unseen))
        lengths, ends = part.forecast
        if usual_lengths is not None:
            lengths = snapped(lengths, usual_lengths)
        values = [lengths] if ends is None else [lengths, *ends.T]
        wrong.add(some.product_ids, values)
        write(rows_to_write(some, keep, values, reasons(part)))
    wrong.refuse(len(products), "; nothing was written")
    return unseen


def _reasons(
    ensemble: Ensemble, readings: Sequence[Reading], device: torch.device
) -> Callable[[Part], list[str] | None]:
    """What says the reasons of some rows, one line each; None where nobody asks."""

    def said(part: Part) -> list[str] | None:
        if not ensemble.reasons:
            return None
        return reason_lines(
            readings[0].predictor,
            readings[0].products.part(part.rows),
            part.outputs[0].columns,
            part.forecast.lengths,
            device,
            ensemble.decision,
            words=ensemble.reasons == "words",
        )

    return said


def _open(
    predictor: Predictor, data: PredictedData, columns: FileColumns, store: ArtefactStore
) -> Reading:
    """The table as a recipe reads it, its texts still to be encoded."""
    products = open_unlabelled(
        data.path, columns, predictor.recipe, predictor.unit, store, data.as_written()
    )
    return Reading(predictor, products, {})


def _encoded(reading: Reading, store: ArtefactStore, engine: Engine) -> Reading:
    """The same with its texts encoded."""
    embeddings = embed_texts(
        reading.products.texts_of,
        reading.products.text_keys,
        reading.predictor.encoders,
        CHUNK_ROWS,
        store,
        reading.predictor.recipe.model_dump(mode="json"),
        engine,
    )
    return replace(reading, vectors={each.name: each.vectors for each in embeddings})
