"""One array per encoder for a whole catalogue, computed once and kept on disk."""

import hashlib
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from product_length.artefacts import ArtefactStore
from product_length.catalogue.text import are_empty
from product_length.embeddings.config import EmbeddingOptions
from product_length.embeddings.encoder import Encoder, Engine
from product_length.embeddings.engine import choose_engine
from product_length.embeddings.ready import FORMAT, Texts, digest_of, ready_encoder
from product_length.embeddings.repeats import EncodeOnce
from product_length.mapped_memory import give_back
from product_length.unseen import are_blank, is_much, log_unseen

log = logging.getLogger(__name__)

_PART_ROWS = 65_536
_ADVICE = (
    "nothing is learned from those texts; of another script or language than most training texts, "
    "or without words? another encoder may read them, such as embeddings=ngrams"
)


@dataclass(frozen=True)
class Embedding:
    """A catalogue as one encoder sees it.

    vectors: float16 (rows, dimension), or ids of n-grams, int32 (rows, dimension); read-only,
    memory-mapped. truncated_share: share of the rows whose text had more tokens than the encoder
    reads, or more n-grams than it keeps; None where it reads whole texts. blank_rows: how many rows
    have a text in which the encoder knows nothing; their vectors are 0.
    """

    vectors: NDArray[Any]
    encoder: Encoder
    truncated_share: float | None
    blank_rows: int
    reused: bool

    @property
    def name(self) -> str:
        """The encoder's key under `embeddings.encoders`."""
        return self.encoder.name

    @property
    def dimension(self) -> int:
        """Width of the array."""
        return int(self.vectors.shape[1])

    @property
    def width(self) -> int:
        """Width of what the network makes of a row."""
        bag = self.encoder.bag
        return self.dimension if bag is None else bag.dimensions


def embed_catalogue(
    texts: Texts,
    text_keys: NDArray[np.uint64],
    train_rows: NDArray[np.int64],
    options: EmbeddingOptions,
    store: ArtefactStore,
    recipe: Mapping[str, Any],
    *,
    only: NDArray[np.int64] | None = None,
) -> list[Embedding]:
    """The arrays of all encoders, in the order of `options.encoders`.

    texts gives the texts of some rows, so that they are never all in memory; text_keys: uint64
    (rows,), equal where the texts are; train_rows: int64 (n,), the rows that may be fitted on;
    recipe: JSON-able, how fields became texts. Every distinct text is encoded once. only: int64
    (n,), ascending, the rows that the arrays hold, None for all: each length range of a catalogue
    is copied from the one array of all its rows. Arrays that are there already are opened without
    loading a model.

    Raises UserError when a model cannot be had or loaded, when no row may be fitted on, and what
    the engine raises.
    """
    if text_keys.ndim != 1 or text_keys.dtype != np.uint64:
        raise ValueError(f"text_keys must be uint64 (rows,), not {text_keys.dtype}")
    engine = choose_engine(options)
    # A wrong model is reported before the first encoder has worked for hours on its array.
    encoders = [
        ready_encoder(name, chosen, texts, text_keys, train_rows, store, recipe)
        for name, chosen in options.encoders.items()
    ]
    found = embed_texts(texts, text_keys, encoders, options.chunk_rows, store, recipe, engine)
    for embedding in found:
        if is_much(embedding.blank_rows, len(text_keys)):
            blank = {"have a text in which it knows nothing": embedding.blank_rows}
            log_unseen(log, embedding.name, len(text_keys), blank, _ADVICE)
    if only is None or len(only) == len(text_keys):
        return found
    return [_some(embedding, text_keys, only, options.chunk_rows, store) for embedding in found]


def embed_texts(
    texts: Texts,
    text_keys: NDArray[np.uint64],
    encoders: Sequence[Encoder],
    chunk_rows: int,
    store: ArtefactStore,
    recipe: Mapping[str, Any],
    engine: Engine,
) -> list[Embedding]:
    """The arrays of encoders that are there already, of rows that nothing is fitted on.

    The arguments are those of `embed_catalogue`; raises what the engine raises.
    """
    return [
        _embed(encoder, texts, text_keys, chunk_rows, store, recipe, engine) for encoder in encoders
    ]


def encode_in_memory(
    texts: Texts, text_keys: NDArray[np.uint64], encoder: Encoder, chunk_rows: int, engine: Engine
) -> NDArray[Any]:
    """The array that `embed_texts` keeps for an encoder, (rows, dimension), without a store.

    The same to the last bit: texts go to the encoder in the same chunks.
    """
    rows = len(text_keys)
    spans = [(start, min(start + chunk_rows, rows)) for start in range(0, rows, chunk_rows)]
    vectors = np.empty((rows, encoder.dimension), dtype=encoder.dtype)
    chunks = EncodeOnce(encoder, texts, text_keys, engine)(spans)
    for (start, stop), (found, _) in zip(spans, chunks, strict=True):
        vectors[start:stop] = found
    return vectors


def _embed(
    encoder: Encoder,
    texts: Texts,
    text_keys: NDArray[np.uint64],
    chunk_rows: int,
    store: ArtefactStore,
    recipe: Mapping[str, Any],
    engine: Engine,
) -> Embedding:
    started = time.perf_counter()
    rows = len(text_keys)
    chunks = EncodeOnce(encoder, texts, text_keys, engine)
    made_from = {
        "format": FORMAT,
        "texts": digest_of(text_keys),
        "recipe": dict(recipe),
        "encoder": encoder.address,
    }
    artefact = store.streamed_array(
        "embeddings",
        made_from,
        shape=(rows, encoder.dimension),
        dtype=encoder.dtype,
        chunk_rows=chunk_rows,
        make_chunks=chunks,
        unit="texts",
        label=encoder.name,
    )
    cut = artefact.facts.get("truncated")
    share = None if cut is None or not rows else cut / rows
    vectors = artefact.load_array()
    blank = _count_blank(vectors, text_keys)
    give_back(vectors)
    log.info(
        "%s: %d rows, %d unique texts, %d %s, %s%s%s, %.1f s",
        encoder.name,
        rows,
        chunks.unique_texts,
        encoder.dimension,
        "dimensions" if encoder.bag is None else "places for n-grams",
        "reused" if artefact.reused else f"computed ({chunks.encoded} texts encoded)",
        "" if share is None else f", {share:.1%} of the rows cut to {_room(encoder)}",
        f", nothing known in {blank / rows:.1%} of the rows" if blank else "",
        time.perf_counter() - started,
    )
    return Embedding(vectors, encoder, share, blank, artefact.reused)


def _count_blank(vectors: NDArray[Any], text_keys: NDArray[np.uint64]) -> int:
    """How many rows have a text, and vectors (rows, d) of 0; a part at a time."""
    parts = (slice(at, at + _PART_ROWS) for at in range(0, len(text_keys), _PART_ROWS))
    return sum(
        int((are_blank(vectors[part]) & ~are_empty(text_keys[part])).sum()) for part in parts
    )


def _room(encoder: Encoder) -> str:
    return "the model's length" if encoder.bag is None else "so many n-grams"


def _some(
    embedding: Embedding,
    text_keys: NDArray[np.uint64],
    rows: NDArray[np.int64],
    chunk_rows: int,
    store: ArtefactStore,
) -> Embedding:
    """The same embedding of some rows, copied on disk: gathering in memory would not be bounded."""
    artefact = store.array(
        "embeddings",
        {
            "format": FORMAT,
            "encoder": embedding.encoder.address,
            "texts": digest_of(text_keys),
            "rows": hashlib.sha256(np.ascontiguousarray(rows, dtype="<i8").tobytes()).hexdigest(),
        },
        shape=(len(rows), embedding.dimension),
        dtype=embedding.encoder.dtype,
        chunk_rows=chunk_rows,
        make_chunk=lambda start, stop: (embedding.vectors[rows[start:stop]], {}),
        label=f"{embedding.name}: rows of the length range",
    )
    return replace(embedding, vectors=artefact.load_array())
