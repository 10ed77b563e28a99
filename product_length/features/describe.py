"""All that the network sees beside texts: type codes, neighbours, stated measurements, terms."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from product_length.artefacts import ArtefactStore
from product_length.catalogue.catalogue import Catalogue
from product_length.catalogue.split import SPLIT_NAMES, TEST, TRAIN, VAL
from product_length.catalogue.vocabulary import Vocabulary
from product_length.embeddings.embed import Embedding
from product_length.features.config import FeatureOptions
from product_length.features.dimension_stage import DimensionFeatures, dimension_stage
from product_length.features.stage import NeighbourFeatures, neighbour_stage
from product_length.features.terms import TermFeatures, term_stage
from product_length.search.vectors import side_by_side
from product_length.unseen import are_beyond, are_unseen, distinct_types, log_unseen

log = logging.getLogger(__name__)

_ADVICE = "they are harder to predict than products like the training rows"


@dataclass(frozen=True)
class Features:
    """What the network sees beside the texts, and what was fitted to say it.

    `codes`: int64 (rows,), 0 where the type is rare, unseen or missing. Parts that were not asked
    for are None. `neighbour_encoders` names those whose vectors are searched.
    """

    vocabulary: Vocabulary | None
    codes: NDArray[np.int64] | None
    neighbours: NeighbourFeatures | None
    neighbour_encoders: tuple[str, ...]
    dimensions: DimensionFeatures | None
    terms: TermFeatures | None


def describe(
    catalogue: Catalogue,
    embeddings: Sequence[Embedding],
    options: FeatureOptions,
    store: ArtefactStore,
) -> Features:
    """Types, training neighbours, stated measurements and terms, as far as `options` ask."""
    train_rows = catalogue.rows(TRAIN)
    vocabulary = codes = neighbours = dimensions = terms = None
    chosen: Sequence[Embedding] = ()
    if options.type is not None:
        train_types = catalogue.types.take(train_rows)
        vocabulary = Vocabulary.fit(train_types, options.type.min_rows)
        codes = vocabulary.encode(catalogue.types)
        log.info(
            "product types: %d with %d or more training rows; %.1f%% of the rows share one vector",
            vocabulary.size - 1,
            options.type.min_rows,
            100 * float((codes == 0).mean()),
        )
    _log_unseen(catalogue, reads_types=options.type is not None or options.knn is not None)
    if options.knn is not None:
        chosen = _searched(embeddings, options.knn.embedding)
        addresses = [each.encoder.address for each in chosen]
        neighbours = neighbour_stage(
            side_by_side([each.vectors for each in chosen]),
            train_rows,
            catalogue.lengths,
            catalogue.types,
            catalogue.text_keys,
            options.knn,
            store,
            made_from=addresses[0] if len(chosen) == 1 else {"side_by_side": addresses},
        )
    if options.dimensions is not None:
        dimensions = dimension_stage(catalogue, train_rows, options.dimensions, store)
    encoders = tuple(each.name for each in chosen)
    if options.terms is not None and len(train_rows) >= options.terms.least_rows:
        by_type = options.type is not None
        terms = term_stage(catalogue, train_rows, options.terms, by_type=by_type)
    elif options.terms is not None:
        log.info(
            "terms: not counted, %s training rows are fewer than features.terms.least_rows=%d",
            f"{len(train_rows):,}",
            options.terms.least_rows,
        )
    return Features(vocabulary, codes, neighbours, encoders, dimensions, terms)


def _log_unseen(catalogue: Catalogue, *, reads_types: bool) -> None:
    """Say how many val and test rows have a type or a length that no training row prepares for."""
    train_rows = catalogue.rows(TRAIN)
    lengths = catalogue.lengths[train_rows]
    reach = float(lengths.min()), float(lengths.max())
    seen = pa.array(distinct_types(catalogue.types.take(train_rows)), catalogue.types.type)
    for split in (VAL, TEST):
        rows = catalogue.rows(split)
        if not len(rows):
            continue
        counts = {}
        if reads_types:
            unseen = are_unseen(catalogue.types.take(rows), seen)
            counts["have a product type that no training row has"] = int(unseen.sum())
        beyond = are_beyond(catalogue.lengths[rows], reach)
        counts["have a length beyond those of all training rows"] = int(beyond.sum())
        log_unseen(log, SPLIT_NAMES[split], len(rows), counts, _ADVICE)


def _searched(embeddings: Sequence[Embedding], names: Sequence[str] | None) -> list[Embedding]:
    """The encoders of these names, in their order, or the first that has vectors."""
    if names is None:
        return [each for each in embeddings if each.encoder.bag is None][:1]
    by_name = {each.name: each for each in embeddings}
    return [by_name[name] for name in names]
