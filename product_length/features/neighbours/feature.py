"""The nearest training products of each product, as numbers about their lengths."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm
from typing_extensions import Self, override

from product_length.artefacts import ArtefactStore, Json, save_array
from product_length.catalogue.products import Products
from product_length.catalogue.vocabulary import Strings, as_column
from product_length.errors import UserError
from product_length.features.columns import Columns
from product_length.features.encoder import Encoder, NumbersEncoder
from product_length.features.expert import Expert
from product_length.features.feature import Feature, Fitted, Training
from product_length.features.neighbours.columns import feature_names, neighbour_features
from product_length.features.neighbours.config import NeighboursOptions
from product_length.features.neighbours.expert import NeighboursExpert
from product_length.features.neighbours.index import NeighbourIndex, Neighbours
from product_length.features.neighbours.reasons import SHOWN, neighbour_reasons
from product_length.features.neighbours.shown_products import ShownProducts
from product_length.features.neighbours.type_directions import TypeDirections
from product_length.features.reason import Reason
from product_length.features.scaler import Scaler
from product_length.loss.bin_grid import BinGrid
from product_length.mapped_memory import give_back
from product_length.search.ivf import IvfLists
from product_length.search.tuning import describe_index, is_exact
from product_length.search.vectors import Vectors, side_by_side
from product_length.unseen import unseen_types

log = logging.getLogger(__name__)

# Part of the address of found neighbours: raise it when the search would find others.
_VERSION = 2
# The same for IVF lists: raise it when they would be trained, probed or judged otherwise.
_LISTS_VERSION = 3
# Of what the numbers about neighbours are; raise it when they would be others.
_COLUMNS_VERSION = 2
# The same for directions of types: raise it when types would get others.
_DIRECTIONS_VERSION = 1
_CHUNK_ROWS = 8192
_IVF_CHUNK_ROWS = 131_072  # the more queries share a list, the sooner all are answered
_LIST_FILES = ("centroids", "of_row")


@dataclass(frozen=True)
class NeighboursFeature(Feature):
    """Numbers float32 (rows, n) about the nearest training products, see `columns`.

    `index`: of the training rows, by the vectors of `encoders`; `directions`: of product types,
    beside these, None without. `found`: the neighbours of all rows that it was fitted with, their
    places in the order of the training rows; None from a checkpoint. `shown`: ids and texts of the
    training rows, None where none are kept.
    """

    options: NeighboursOptions
    encoders: tuple[str, ...]
    index: NeighbourIndex
    scaler: Scaler
    directions: TypeDirections | None
    found: Neighbours | None = None
    shown: ShownProducts | None = None
    name = "neighbours"

    @classmethod
    def fit(cls, options: NeighboursOptions, training: Training) -> Fitted:
        """Find the training neighbours of every row, or reuse what was found.

        The search is kept in the store and does not depend on lengths, nor on types unless these
        weigh. Raises ValueError as `NeighbourIndex.build` does.
        """
        products, rows = training.products, training.rows
        if options.k >= len(rows):  # a training row does not find itself
            log.info(
                "neighbours: features.neighbours.k=%d is not below the %s training rows; places "
                "stay empty",
                options.k,
                f"{len(rows):,}",
            )
        encoders = tuple(options.embedding or list(training.addresses)[:1])
        vectors, made_from = _searched(encoders, training)
        directions = None
        if options.type_weight > 0:
            directions = TypeDirections.fit(vectors, rows, products.types, options.type_weight)
            vectors = directions.beside(vectors, products.types)
            made_from = {
                "vectors": made_from,
                "types": _digest(vectors.places),
                "weight": options.type_weight,
                "version": _DIRECTIONS_VERSION,
            }
        lengths = np.ones(len(products), np.float32)  # of other rows they are not looked at
        lengths[rows] = training.lengths
        groups = products.text_keys
        index = NeighbourIndex.build(vectors, rows, lengths, products.types, groups)
        sources = {
            "vectors": made_from,
            "train_rows": _digest(rows),
            "groups": _digest(groups),
            "k": options.k,
        }
        if not is_exact(options.index, len(vectors), len(rows), vectors.shape[1]):
            _put_into_lists(index, options, training.store, sources)
        found = _found(index, vectors, groups, options.k, training.store, sources)
        index.release()  # gigabytes that training has no use for
        column = _described(found, index, products.types)
        give_back(found.rows, found.similarity)
        scaler = Scaler.fit(column, rows)
        kept = options.shown_characters
        shown = ShownProducts.of(products, rows, kept) if kept else None
        return cls(options, encoders, index, scaler, directions, found, shown), column

    @override
    def transform(self, products: Products, columns: Columns) -> NDArray[np.float32]:
        """Numbers about the neighbours of products that are not in the index."""
        neighbours = self._nearest(products, columns, self.options.k)
        if len(neighbours.rows) <= _CHUNK_ROWS:  # a server's few are not worth threads
            return neighbour_features(neighbours, self.index, products.types)
        return _described(neighbours, self.index, products.types)

    def _nearest(self, products: Products, columns: Columns, k: int) -> Neighbours:
        """The k nearest training rows of products that are not in the index."""
        vectors = side_by_side([columns[name] for name in self.encoders])[:]
        if self.directions is not None:
            vectors = self.directions.beside(vectors, products.types)[:]
        return self.index.search(vectors, k)

    @override
    def encoder(self) -> Encoder:
        """The numbers, standardised and projected."""
        return NumbersEncoder(self.scaler, self.options.width)

    @override
    def expert(self, bins: BinGrid, width: int) -> Expert | None:
        """The neighbours' lengths."""
        return NeighboursExpert(bins, width, self.options.k) if self.options.expert else None

    @override
    def unseen(self, products: Products, column: NDArray[Any]) -> Mapping[str, NDArray[np.bool_]]:
        """Rows whose type is missing, or was not among the training rows."""
        return unseen_types(products.types, self.index.types.names)

    @override
    def reasons(self, products: Products, columns: Columns) -> list[Reason | None]:
        """The nearest training products, five at most."""
        nearest = self._nearest(products, columns, min(SHOWN, self.options.k))
        return neighbour_reasons(nearest, self.index, self.shown, products.unit)

    @override
    def state(self) -> dict[str, Any]:
        """The index, what its vectors are made of, and what is shown of its rows."""
        import torch

        return {
            "columns": _COLUMNS_VERSION,
            "encoders": list(self.encoders),
            "index": self.index.state(),
            "scaler": self.scaler.state(),
            "directions": None if self.directions is None else self.directions.state(),
            "shown": None if self.shown is None else torch.from_numpy(self.shown.packed),
        }

    @classmethod
    def from_state(cls, options: NeighboursOptions, state: Mapping[str, Any]) -> Self:
        """The feature whose `state` this was. Raises UserError for another version's."""
        if state.get("columns") != _COLUMNS_VERSION:
            raise UserError(
                "the checkpoint gives lengths of neighbours in another way than this version; "
                "predict with the version that trained it"
            )
        directions, shown = state["directions"], state.get("shown")
        return cls(
            options,
            tuple(state["encoders"]),
            NeighbourIndex.from_state(state["index"]),
            Scaler.from_state(state["scaler"]),
            None if directions is None else TypeDirections.from_state(directions),
            shown=None if shown is None else ShownProducts(shown.numpy()),
        )


def _searched(encoders: Sequence[str], training: Training) -> tuple[Vectors, Mapping[str, Json]]:
    """The vectors of encoders side by side, and what they were made from."""
    addresses = [training.addresses[name] for name in encoders]
    made_from: Any = addresses[0] if len(addresses) == 1 else {"side_by_side": addresses}
    return side_by_side([training.columns[name] for name in encoders]), made_from


def _described(found: Neighbours, index: NeighbourIndex, types: Strings) -> NDArray[np.float32]:
    """The column of all rows, some at a time in each thread, under a progress bar."""
    import torch

    rows, k = found.rows.shape
    column = np.empty((rows, len(feature_names(k))), dtype=np.float32)
    types = as_column(types)

    def describe(start: int) -> int:
        chunk = slice(start, start + _CHUNK_ROWS)
        some = types.slice(start, _CHUNK_ROWS)
        column[chunk] = neighbour_features(found[chunk], index, some)
        return len(column[chunk])

    with (
        tqdm(total=rows, unit=" rows", desc="describing neighbours", disable=None, delay=1) as bar,
        ThreadPoolExecutor(torch.get_num_threads()) as pool,
    ):
        for count in pool.map(describe, range(0, rows, _CHUNK_ROWS)):
            bar.update(count)
    return column


def _put_into_lists(
    index: NeighbourIndex,
    options: NeighboursOptions,
    store: ArtefactStore,
    sources: Mapping[str, Json],
) -> None:
    """Have the index search in IVF lists, made now or before, if they give the recall asked."""

    def make(folder: Path) -> Mapping[str, Json]:
        facts = index.tune(options.k, options.recall)
        if index.lists is not None:
            for name in _LIST_FILES:
                save_array(folder / f"{name}.npy", getattr(index.lists, name))
        return facts

    made_from = {**sources, "version": _LISTS_VERSION, "recall": options.recall}
    artefact = store.folder("neighbour_lists", made_from, make)
    facts = artefact.facts
    if artefact.reused and facts["kind"] == "ivf":
        centroids, of_row = (np.load(artefact.path / f"{name}.npy") for name in _LIST_FILES)
        index.use(IvfLists(centroids, of_row, facts["nprobe"]))
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
        {**sources, "version": _VERSION, **_address_of(index.lists)},
        # Places, and the bits of the float32 similarities.
        shape=(len(vectors), 2, k),
        dtype="int32",
        chunk_rows=_CHUNK_ROWS if index.lists is None else _IVF_CHUNK_ROWS,
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


def _address_of(lists: IvfLists | None) -> dict[str, Json]:
    """What the found neighbours depend on beside their sources; nothing if they are exact."""
    if lists is None:
        return {}
    return {
        "cells": {  # part of addresses on users' disks: these words stay
            "version": _LISTS_VERSION,
            "centroids": _digest(lists.centroids),
            "of_row": _digest(lists.of_row),
            "probes": lists.nprobe,
        }
    }


def _digest(array: NDArray[Any]) -> str:
    return hashlib.sha256(np.ascontiguousarray(array).data).hexdigest()
