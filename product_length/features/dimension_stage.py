"""The dimension stage: from texts to a block of features, and to the candidates behind it."""

import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from typing_extensions import Self

from product_length.artefacts import ArtefactStore
from product_length.catalogue.catalogue import Catalogue
from product_length.catalogue.text import FIELDS, string_keys
from product_length.errors import UserError
from product_length.features.config import DimensionOptions
from product_length.features.dimension_features import (
    DimensionScaler,
    dimension_feature_names,
    dimension_features,
    pointer_columns,
)
from product_length.measurements.candidates import Candidates, parse_fields
from product_length.measurements.parser import PARSER_VERSION

log = logging.getLogger(__name__)

_CHUNK_ROWS = 8192


@dataclass(frozen=True)
class DimensionReader:
    """All that turns a new product's text into features: fields, how many candidates, scaler."""

    names: tuple[str, ...]
    most: int
    scaler: DimensionScaler

    def features(self, fields: pa.RecordBatch) -> NDArray[np.float32]:
        """Standardised features float32 (rows, width) of products; `fields`: cleaned FIELDS."""
        found = parse_fields(fields, self.names, self.most)
        return self.scaler.standardise(dimension_features(found))

    def state(self) -> dict[str, Any]:
        """Numbers and strings only: `torch.load(weights_only=True)` reads it back."""
        return {
            "parser": PARSER_VERSION,
            "fields": list(self.names),
            "most": self.most,
            "scaler": self.scaler.state(),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """The reader whose `state` this was. Raises UserError for another parser's."""
        if state["parser"] != PARSER_VERSION:
            raise UserError(
                f"the checkpoint reads dimensions with parser {state['parser']}, this version has "
                f"parser {PARSER_VERSION}; predict with the version that trained it"
            )
        scaler = DimensionScaler.from_state(state["scaler"])
        return cls(tuple(state["fields"]), state["most"], scaler)


@dataclass(frozen=True)
class StatedByRows:
    """What some `rows`, int64 (n,), state: theirs of a `block` that `scaler` has standardised."""

    block: NDArray[np.float32]
    rows: NDArray[np.int64]
    scaler: DimensionScaler

    def columns(self) -> NDArray[np.float32]:
        """Their `pointer_columns`, copied: float32 (n, columns)."""
        chosen: NDArray[np.float32] = self.block[self.rows[:, None], pointer_columns()]
        return chosen


@dataclass(frozen=True)
class DimensionFeatures:
    """What the stage gives: a block for the network, candidates for display and for models.

    `block`: float32 (rows, width), standardised. `candidates`: of all rows.
    """

    block: NDArray[np.float32]
    candidates: Candidates
    reader: DimensionReader

    def stated_by(self, rows: NDArray[np.int64]) -> StatedByRows:
        """The lengths that some rows, int64 (n,), state."""
        return StatedByRows(self.block, rows, self.reader.scaler)


def dimension_stage(
    catalogue: Catalogue,
    train_rows: NDArray[np.int64],
    options: DimensionOptions,
    store: ArtefactStore,
) -> DimensionFeatures:
    """Parse the texts of every row, or reuse what was parsed, and describe what they state.

    `train_rows`: int64 (n,), the rows that the scaler is fitted on. Only the fields of the text
    recipe are read. What was parsed is kept in the store and does not depend on labels.
    """
    names = tuple(name for name in FIELDS if name in catalogue.recipe.fields)
    candidates = _parsed(catalogue, names, options.candidates, store)
    block = np.empty((len(candidates), len(dimension_feature_names())), dtype=np.float32)
    for start in range(0, len(block), _CHUNK_ROWS):
        rows = slice(start, start + _CHUNK_ROWS)
        block[rows] = dimension_features(candidates[rows])
    scaler = DimensionScaler.fit(block, train_rows)
    for start in range(0, len(block), _CHUNK_ROWS):  # in place: the block may fill the memory
        rows = slice(start, start + _CHUNK_ROWS)
        block[rows] = scaler.standardise(block[rows])
    reader = DimensionReader(names, options.candidates, scaler)
    return DimensionFeatures(block, candidates, reader)


def _parsed(
    catalogue: Catalogue, names: Sequence[str], most: int, store: ArtefactStore
) -> Candidates:
    def parse(start: int, stop: int) -> tuple[NDArray[np.uint8], dict[str, int]]:
        packed = [
            parse_fields(batch, names, most) for batch in catalogue.fields(start, stop).to_batches()
        ]
        counts = {
            "stating": sum(int((~np.isnan(each.values)).any(axis=1).sum()) for each in packed)
        }
        return np.concatenate([each.packed() for each in packed]), counts

    artefact = store.array(
        "dimensions",
        {"texts": _digest(catalogue, names), "fields": list(names), "parser": PARSER_VERSION},
        shape=(len(catalogue), most, 9),
        dtype="uint8",
        chunk_rows=_CHUNK_ROWS,
        make_chunk=parse,
        label="reading dimensions",
    )
    log.info(
        "dimensions: %s, stated by %.1f%% of the rows",
        "reused" if artefact.reused else "read",
        100 * artefact.facts["stating"] / len(catalogue),
    )
    return Candidates.from_packed(artefact.load_array())


def _digest(catalogue: Catalogue, names: Sequence[str]) -> str:
    """sha256 hex of the texts of each field: what the measurements depend on."""
    digest = hashlib.sha256()
    for start in range(0, len(catalogue), _CHUNK_ROWS):
        for batch in catalogue.fields(start, start + _CHUNK_ROWS).to_batches():
            for name in names:
                digest.update(string_keys(batch.column(name)).tobytes())
    return digest.hexdigest()
