"""From a catalogue file of any size to PRODUCT_ID,PRODUCT_LENGTH for each of its rows."""

import csv
import logging
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from product_length.artefacts import ArtefactStore
from product_length.catalogue.config import Columns
from product_length.catalogue.unlabelled import UnlabelledProducts, open_unlabelled
from product_length.embeddings.embed import embed_texts
from product_length.embeddings.encoder import Engine
from product_length.errors import UserError
from product_length.prediction.predictor import Predictor, snapped
from product_length.writing import write_whole

log = logging.getLogger(__name__)

_CHUNK_ROWS = 2048  # rows whose texts are encoded and kept at a time: what a kill loses


def write_submission(
    predictor: Predictor,
    path: Path,
    output: Path,
    *,
    columns: Columns,
    snap: bool,
    batch_rows: int,
    device: torch.device,
    store: ArtefactStore,
    engine: Engine,
) -> int:
    """Predict every row of the catalogue at `path`, in its order, into a CSV; returns the rows.

    Encoded texts are kept in `store`: after a kill, or with another recipe of the same encoders,
    they are not encoded again. The output appears when it is complete. Rows without any text are
    predicted from their type. Raises UserError for a faulty catalogue or an output that cannot be
    written.
    """
    started = time.perf_counter()
    if output.is_dir():
        raise UserError(f"{output}: is a folder; give output= the name of a file")
    rows = without_text = 0

    def fill(partial: Path) -> None:
        nonlocal rows, without_text
        # Opened before the first row is read: a place that cannot be written is told at once.
        with partial.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["PRODUCT_ID", "PRODUCT_LENGTH"])
            products = open_unlabelled(path, columns, predictor.recipe, store)
            rows, without_text = len(products), products.without_text
            for ids, lengths in _predicted(predictor, products, batch_rows, device, store, engine):
                if snap:
                    lengths = snapped(lengths, predictor.usual_lengths)
                writer.writerows(zip(ids, lengths.astype(str), strict=True))

    write_whole(output, fill)
    seconds = time.perf_counter() - started
    log.info("%s: %d rows, %.0f rows/s", output, rows, rows / max(seconds, 1e-9))
    if without_text:
        log.info("%d rows have no text; they were predicted from their type", without_text)
    return rows


def _predicted(
    predictor: Predictor,
    products: UnlabelledProducts,
    batch_rows: int,
    device: torch.device,
    store: ArtefactStore,
    engine: Engine,
) -> Iterator[tuple[list[str], NDArray[np.float32]]]:
    """Ids and lengths of all products, batch by batch, under a progress bar."""
    embeddings = embed_texts(
        products.texts,
        products.text_keys,
        predictor.encoders,
        _CHUNK_ROWS,
        store,
        predictor.recipe.model_dump(mode="json"),
        engine,
    )
    with tqdm(total=len(products), unit=" rows", desc="predicting", disable=None) as bar:
        for start in range(0, len(products), batch_rows):
            part = slice(start, start + batch_rows)
            vectors = {embedding.name: embedding.vectors[part] for embedding in embeddings}
            fields = products.fields(start, start + batch_rows)
            lengths = predictor.predict(vectors, fields, products.types[part], device)
            yield products.product_ids[part].to_pylist(), lengths
            bar.update(len(lengths))
