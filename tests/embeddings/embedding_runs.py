"""Embeds lists of texts as a catalogue is embedded."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xxhash
from numpy.typing import NDArray

from product_length.artefacts import ArtefactStore
from product_length.embeddings.config import EmbeddingOptions
from product_length.embeddings.embed import Embedding, embed_catalogue

LSA = {"kind": "lsa", "dimensions": 8, "min_rows": 1}
RECIPE = {"fields": ["title"]}


def keys_of(texts: Sequence[str]) -> NDArray[np.uint64]:
    return np.array([xxhash.xxh3_64_intdigest(t.encode()) for t in texts], dtype=np.uint64)


def embed(
    texts: Sequence[str],
    root: Path,
    *,
    train: Sequence[int] | None = None,
    chunk_rows: int = 16,
    recipe: dict[str, Any] = RECIPE,
    engine: Mapping[str, Any] | None = None,
    **encoders: Any,
) -> list[Embedding]:
    rows = np.arange(len(texts)) if train is None else np.array(train, dtype=np.int64)
    options = EmbeddingOptions(encoders=encoders, chunk_rows=chunk_rows, **(engine or {}))
    store = ArtefactStore(root)
    return embed_catalogue(of(texts), keys_of(texts), rows, options, store, recipe)


def of(texts: Sequence[str]) -> Callable[[NDArray[np.int64]], list[str]]:
    """Those of some rows."""
    return lambda rows: [texts[row] for row in rows]
