"""From a catalogue file of any size to PRODUCT_ID,PRODUCT_LENGTH for each of its rows."""

import csv
import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from product_length.catalogue.config import Columns
from product_length.catalogue.raw_batch import RawBatch
from product_length.catalogue.reader import read_batches
from product_length.catalogue.text import clean_fields, clean_types, join_fields
from product_length.errors import UserError
from product_length.prediction.predictor import Predictor, snapped
from product_length.writing import write_whole

log = logging.getLogger(__name__)


def write_submission(
    predictor: Predictor,
    path: Path,
    output: Path,
    *,
    columns: Columns,
    snap: bool,
    batch_rows: int,
    device: torch.device,
) -> int:
    """Predict every row of the catalogue at `path`, in its order, into a CSV; returns the rows.

    The file appears when it is complete. Rows without any text are predicted from their type.
    Raises UserError for a faulty catalogue or an output that cannot be written.
    """
    started = time.perf_counter()
    rows = without_text = 0
    if output.is_dir():
        raise UserError(f"{output}: is a folder; give output= the name of a file")

    def fill(partial: Path) -> None:
        nonlocal rows, without_text
        # Opened before the first row is read: a place that cannot be written is told at once.
        with (
            partial.open("w", encoding="utf-8", newline="") as file,
            tqdm(
                total=path.stat().st_size if path.is_file() else None,
                unit="B",
                unit_scale=True,
                desc="predicting",
                disable=None,
            ) as bar,
        ):
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["PRODUCT_ID", "PRODUCT_LENGTH"])
            for batch in read_batches(path, columns, with_lengths=False):
                for part in _parts(batch.rows, batch_rows):
                    fields = clean_fields(part, predictor.recipe)
                    texts = join_fields(fields, predictor.recipe).to_pylist()
                    types = clean_types(part.column("product_type"))
                    lengths = predictor.predict(texts, fields, types, device)
                    if snap:
                        lengths = snapped(lengths, predictor.usual_lengths)
                    ids = part.column("product_id").to_pylist()
                    writer.writerows(zip(ids, lengths.astype(str), strict=True))
                    rows += len(part)
                    without_text += sum(not text for text in texts)
                    bar.set_postfix(rows=rows, refresh=False)
                _advance(bar, batch)

    write_whole(output, fill)
    seconds = time.perf_counter() - started
    log.info("%s: %d rows, %.0f rows/s", output, rows, rows / max(seconds, 1e-9))
    if without_text:
        log.info("%d rows have no text; they were predicted from their type", without_text)
    return rows


def _parts(rows: Any, most: int) -> Iterator[Any]:
    for start in range(0, len(rows), most):
        yield rows.slice(start, most)


def _advance(bar: "tqdm[Any]", batch: RawBatch) -> None:
    bar.update(batch.bytes_read - bar.n)
