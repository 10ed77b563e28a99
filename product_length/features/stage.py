"""The neighbour stage: from embeddings and the training labels to a block of features."""

import hashlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm
from typing_extensions import Self

from product_length.artefacts import ArtefactStore, Json, save_array
from product_length.catalogue.vocabulary import Strings, as_column
from product_length.features.config import KnnOptions
from product_length.features.neighbour_features import (
    NeighbourScaler,
    feature_names,
    neighbour_features,
)
from product_length.features.neighbours import NeighbourIndex, Neighbours
from product_length.features.type_directions import TypeDirections
from product_length.search.cells import Cells
from product_length.search.tuning import describe_index, is_exact
from product_length.search.vectors import Vectors

log = logging.getLogger(__name__)

# Part of the address of found neighbours: raise it when the search would find others.
_VERSION = 1
# The same for cells: raise it when they would be trained, probed or judged otherwise.
_CELLS_VERSION = 1
# The same for directions of types: raise it when types would get others.
_DIRECTIONS_VERSION = 1
_CHUNK_ROWS = 8192
_CELL_CHUNK_ROWS = 131_072  # the more queries share a cell, the sooner all are answered
_CELL_FILES = ("centroids", "of_row")


@dataclass(frozen=True)
class NeighbourLookup:
    """All that turns a new product into features: the index, the scaler, k.

    `directions`: of product types, beside the vectors of the index; None: it has none.
    """

    index: NeighbourIndex
    scaler: NeighbourScaler
    k: int
    directions: TypeDirections | None = None

    def features(self, vectors: NDArray[Any], types: Strings) -> NDArray[np.float32]:
        """Standardised features float32 (n, width) of products that are not in the index.

        `vectors`: float16 or float32 (n, d), by the encoder of the index. `types`: strings (n,).
        """
        if self.directions is not None:
            vectors = self.directions.beside(vectors, types)[:]
        neighbours = self.index.search(vectors, self.k)
        return self.scaler.standardise(neighbour_features(neighbours, self.index, types))

    def state(self) -> dict[str, Any]:
        """Tensors, numbers and strings only: `torch.load(weights_only=True)` reads it back."""
        directions = None if self.directions is None else self.directions.state()
        return {
            "index": self.index.state(),
            "scaler": self.scaler.state(),
            "k": self.k,
            "directions": directions,
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """The lookup whose `state` this was; older ones know no directions."""
        directions = state.get("directions")
        return cls(
            NeighbourIndex.from_state(state["index"]),
            NeighbourScaler.from_state(state["scaler"]),
            state["k"],
            None if directions is None else TypeDirections.from_state(directions),
        )


@dataclass(frozen=True)
class NeighbourFeatures:
    """What the stage gives the network and the baselines.

    `block`: float32 (rows, width), standardised. `neighbours`: of all rows; their places are in
    the order of the training rows, so `lengths[train_rows][neighbours.rows]` are their lengths.
    `lookup`: what a checkpoint needs for new products.
    """

    block: NDArray[np.float32]
    neighbours: Neighbours
    lookup: NeighbourLookup


def neighbour_stage(
    vectors: Vectors,
    train_rows: NDArray[np.int64],
    lengths: NDArray[np.float32],
    types: Strings,
    groups: NDArray[np.uint64],
    options: KnnOptions,
    store: ArtefactStore,
    made_from: Mapping[str, Json],
) -> NeighbourFeatures:
    """Find the training neighbours of every row, or reuse what was found, and describe them.

    `vectors`: float16 (rows, d). `train_rows`: int64 (n,), ascending. `lengths`: float32 (rows,),
    1/100 inch; those of other rows are not looked at. `types`: strings (rows,). `groups`: uint64
    (rows,), equal for rows with the same text. `made_from`: what the vectors were made from. The
    search, and the cells of an approximate one, are kept in the store and do not depend on lengths,
    nor on types unless these weigh. Raises ValueError as `NeighbourIndex.build` does.
    """
    if options.k >= len(train_rows):  # a training row does not find itself
        log.info(
            "neighbours: features.knn.k=%d is not below the %s training rows; places stay empty",
            options.k,
            f"{len(train_rows):,}",
        )
    directions = None
    searched: Vectors = vectors
    if options.type_weight > 0:
        directions = TypeDirections.fit(vectors, train_rows, types, options.type_weight)
        searched = directions.beside(vectors, types)
        made_from = {
            "vectors": made_from,
            "types": _digest(searched.places),
            "weight": options.type_weight,
            "version": _DIRECTIONS_VERSION,
        }
    index = NeighbourIndex.build(searched, train_rows, lengths, types, groups)
    sources = {
        "vectors": made_from,
        "train_rows": _digest(train_rows),
        "groups": _digest(groups),
        "k": options.k,
    }
    if not is_exact(options.index, len(vectors), len(train_rows), searched.shape[1]):
        _put_into_cells(index, options, store, sources)
    neighbours = _found(index, searched, groups, options.k, store, sources)
    index.release()  # gigabytes that training has no use for
    features = np.empty((len(vectors), len(feature_names(options.k))), dtype=np.float32)
    column = as_column(types)
    with tqdm(total=len(vectors), unit=" rows", desc="describing neighbours", disable=None) as bar:
        for start in range(0, len(vectors), _CHUNK_ROWS):
            block = slice(start, start + _CHUNK_ROWS)
            features[block] = neighbour_features(
                neighbours[block], index, column.slice(start, _CHUNK_ROWS)
            )
            bar.update(len(features[block]))
    scaler = NeighbourScaler.fit(features, train_rows)
    for start in range(0, len(features), _CHUNK_ROWS):  # in place: the block may fill the memory
        block = slice(start, start + _CHUNK_ROWS)
        features[block] = scaler.standardise(features[block])
    lookup = NeighbourLookup(index, scaler, options.k, directions)
    return NeighbourFeatures(features, neighbours, lookup)


def _put_into_cells(
    index: NeighbourIndex, options: KnnOptions, store: ArtefactStore, sources: Mapping[str, Json]
) -> None:
    """Have the index search in cells, made now or before, where they give the recall asked for."""

    def make(folder: Path) -> Mapping[str, Json]:
        facts = index.tune(options.k, options.recall)
        if index.cells is not None:
            for name in _CELL_FILES:
                save_array(folder / f"{name}.npy", getattr(index.cells, name))
        return facts

    made_from = {**sources, "version": _CELLS_VERSION, "recall": options.recall}
    artefact = store.folder("neighbour_cells", made_from, make)
    facts = artefact.facts
    if artefact.reused and facts["kind"] == "ivf":
        centroids, of_row = (np.load(artefact.path / f"{name}.npy") for name in _CELL_FILES)
        index.use(Cells(centroids, of_row, facts["probes"]))
    log.info("neighbours: %s", describe_index(facts, options.k))


def _found(
    index: NeighbourIndex,
    vectors: Vectors,
    groups: NDArray[np.uint64],
    k: int,
    store: ArtefactStore,
    sources: Mapping[str, Json],
) -> Neighbours:
    def search(start: int, stop: int) -> tuple[NDArray[np.int32], dict[str, int]]:
        found = index.search(
            vectors[start:stop],
            k,
            exclude_rows=np.arange(start, stop),
            exclude_groups=groups[start:stop],
        )
        packed = np.stack([found.rows.astype(np.int32), found.similarity.view(np.int32)], axis=1)
        return packed, {"missing": int((found.rows < 0).sum())}

    artefact = store.array(
        "neighbours",
        {**sources, "version": _VERSION, **_address_of(index.cells)},
        # Places, and the bits of the float32 similarities.
        shape=(len(vectors), 2, k),
        dtype="int32",
        chunk_rows=_CHUNK_ROWS if index.cells is None else _CELL_CHUNK_ROWS,
        make_chunk=search,
        label="searching neighbours",
    )
    log.info(
        "neighbours: %s, %d of %d places empty",
        "reused" if artefact.reused else "searched",
        artefact.facts["missing"],
        len(vectors) * k,
    )
    packed = artefact.load_array()
    return Neighbours(packed[:, 0], packed[:, 1].view(np.float32))


def _address_of(cells: Cells | None) -> dict[str, Json]:
    """What the found neighbours depend on beside their sources; nothing if they are exact."""
    if cells is None:
        return {}
    return {
        "cells": {
            "version": _CELLS_VERSION,
            "centroids": _digest(cells.centroids),
            "of_row": _digest(cells.of_row),
            "probes": cells.probes,
        }
    }


def _digest(array: NDArray[Any]) -> str:
    return hashlib.sha256(np.ascontiguousarray(array).data).hexdigest()
