"""The texts of a sample of rows: what is read of them, once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from tqdm import tqdm

from product_length.catalogue.catalogue import Catalogue
from product_length.catalogue.config import TextRecipe
from product_length.catalogue.scripts import main_scripts
from product_length.catalogue.text import FIELDS, join_fields
from product_length.measurements.candidates import Candidates, parse_fields
from product_length.profiling.languages import languages_of
from product_length.profiling.pool import in_processes
from product_length.profiling.tokens import Limit, count_tokens

_BATCH_ROWS = 2000
_MAX_MEASUREMENTS = 16
_SLOW_ROWS = 20_000
"""Rows of the sample whose language and tokens are told: a millisecond each."""
_FEW_BATCHES = 4
"""So many are read sooner than other processes have started."""


@dataclass(frozen=True)
class Sample:
    """What the texts of some rows of a catalogue say; n rows, m of them looked at closely.

    rows: int64 (n,), ascending, of the catalogue. words: int32 (n, 3), in each of FIELDS. scripts:
    int8 (n,), as `main_scripts`. languages: string codes (m,). tokens: int64 (m, limits).
    """

    rows: NDArray[np.int64]
    words: NDArray[np.int32]
    scripts: NDArray[np.int8]
    candidates: Candidates
    languages: NDArray[np.str_]
    tokens: NDArray[np.int64]


class _Batch(NamedTuple):
    fields: pa.RecordBatch
    every: int


class _Read(NamedTuple):
    words: NDArray[np.int32]
    scripts: NDArray[np.int8]
    candidates: Candidates
    languages: list[str]
    tokens: NDArray[np.int64]


def read_sample(
    catalogue: Catalogue, limits: Sequence[Limit], max_rows: int | None, workers: int
) -> Sample:
    """Read at most `max_rows` rows, evenly spaced, of a catalogue; None reads all."""
    count = len(catalogue) if max_rows is None else min(len(catalogue), max_rows)
    rows = np.arange(count) * len(catalogue) // count
    every = max(1, -(-count // _SLOW_ROWS))
    batches = -(-count // _BATCH_ROWS)
    work = partial(_read, recipe=catalogue.recipe, limits=limits)
    with tqdm(total=count, desc="reading texts", unit=" rows", disable=None, leave=False) as bar:
        found = []
        processes = 1 if batches <= _FEW_BATCHES else workers
        for read in in_processes(work, _batches(catalogue, rows, every), processes):
            found.append(read)
            bar.update(len(read.words))
    return Sample(
        rows=rows,
        words=np.concatenate([each.words for each in found]),
        scripts=np.concatenate([each.scripts for each in found]),
        candidates=Candidates(
            np.concatenate([each.candidates.values for each in found]),
            np.concatenate([each.candidates.codes for each in found]),
        ),
        languages=np.concatenate([each.languages for each in found]),
        tokens=np.concatenate([each.tokens for each in found]),
    )


def _batches(catalogue: Catalogue, rows: NDArray[np.int64], every: int) -> Iterator[_Batch]:
    """Fields of the rows; `every` so many rows one is looked at closely."""
    size = max(1, _BATCH_ROWS // every) * every  # so that these are evenly spaced
    for start in range(0, len(rows), size):
        some = catalogue.stored_rows[rows[start : start + size]]
        parts = list(catalogue.stored.pick(some, list(FIELDS)))
        fields = pa.Table.from_batches(parts).combine_chunks().to_batches()[0]
        yield _Batch(fields, every)


def _read(batch: _Batch, recipe: TextRecipe, limits: Sequence[Limit]) -> _Read:
    texts = join_fields(batch.fields, recipe)
    close = texts.take(pa.array(np.arange(0, len(texts), batch.every))).to_pylist()
    tokens = [count_tokens(close, limit) for limit in limits]
    return _Read(
        words=np.stack([words_of(batch.fields.column(name)) for name in FIELDS], axis=1),
        scripts=main_scripts(texts),
        candidates=parse_fields(batch.fields, FIELDS, _MAX_MEASUREMENTS),
        languages=languages_of(close),
        tokens=np.stack(tokens, axis=1) if tokens else np.zeros((len(close), 0), np.int64),
    )


def words_of(texts: pa.StringArray) -> NDArray[np.int32]:
    """Runs of what is no white space in each text, string (rows,): int32 (rows,)."""
    counts: NDArray[np.int32] = pc.count_substring_regex(texts, r"\S+").to_numpy()
    return counts
