"""From a catalogue file of any size to an id and a length for each of its rows."""

import csv
import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from tqdm import tqdm

from product_length.artefacts import ArtefactStore
from product_length.catalogue.config import Columns
from product_length.catalogue.unlabelled import UnlabelledProducts, open_unlabelled
from product_length.embeddings.embed import Embedding, embed_texts
from product_length.embeddings.encoder import Engine
from product_length.errors import ConfigError, UserError
from product_length.prediction.ensemble import Ensemble, Forecast
from product_length.prediction.predictor import Predictor, snapped
from product_length.writing import write_whole

log = logging.getLogger(__name__)

_CHUNK_ROWS = 2048  # rows whose texts are encoded and kept at a time: what a kill loses


def write_submission(
    ensemble: Ensemble,
    path: Path,
    output: Path,
    *,
    renamed: Mapping[str, str],
    escape: str | None,
    snap: bool,
    batch_rows: int,
    device: torch.device,
    store: ArtefactStore,
    engine: Engine,
) -> int:
    """Predict every row of the catalogue at `path`, in its order, into a CSV; returns the rows.

    `renamed`: columns whose names differ from training. Each member reads the texts that it was
    trained to read. Encoded texts are kept in `store`: after a kill, or with another recipe of the
    same encoders, they are not encoded again. The output appears when it is complete. Rows without
    any text are predicted from their type. Raises UserError for a faulty catalogue or an output
    that cannot be written.
    """
    started = time.perf_counter()
    if output.is_dir():
        raise UserError(f"{output}: is a folder; give output= the name of a file")
    columns = [
        Columns.model_validate({**member.columns.model_dump(), **renamed})
        for member in ensemble.members
    ]
    _check_same_ids(columns)
    header = ["PRODUCT_ID", "PRODUCT_LENGTH"]
    header += ["LOWER", "UPPER"] if ensemble.masses is not None else []
    rows = without_text = 0

    def fill(partial: Path) -> None:
        nonlocal rows, without_text
        # Opened before the first row is read: a place that cannot be written is told at once.
        with partial.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(header)
            readings = [
                _read(member, path, names, escape, store, engine)
                for member, names in zip(ensemble.members, columns, strict=True)
            ]
            products = readings[0].products
            rows, without_text = len(products), products.without_text
            for ids, (lengths, ends) in _predicted(ensemble, readings, batch_rows, device):
                if snap:
                    lengths = snapped(lengths, ensemble.usual_lengths)
                told = [lengths] if ends is None else [lengths, *ends.T]
                writer.writerows(zip(ids, *(each.astype(str) for each in told), strict=True))

    write_whole(output, fill)
    seconds = time.perf_counter() - started
    log.info("%s: %d rows, %.0f rows/s", output, rows, rows / max(seconds, 1e-9))
    if without_text:
        log.info("%d rows have no text; they were predicted from their type", without_text)
    return rows


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

    products: UnlabelledProducts
    embeddings: Sequence[Embedding]


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
    return _Reading(products, embeddings)


def _predicted(
    ensemble: Ensemble, readings: Sequence[_Reading], batch_rows: int, device: torch.device
) -> Iterator[tuple[list[str], Forecast]]:
    """Ids and lengths of all products, batch by batch, under a progress bar."""
    first = readings[0].products
    with tqdm(total=len(first), unit=" rows", desc="predicting", disable=None) as bar:
        for start in range(0, len(first), batch_rows):
            part = slice(start, start + batch_rows)
            raws = []
            for member, reading in zip(ensemble.members, readings, strict=True):
                products = reading.products
                vectors = {each.name: each.vectors[part] for each in reading.embeddings}
                fields = products.fields(start, start + batch_rows)
                raws.append(member.raw(vectors, fields, products.types[part], device))
            forecast = ensemble.forecast(raws)
            yield first.product_ids[part].to_pylist(), forecast
            bar.update(len(forecast.lengths))
