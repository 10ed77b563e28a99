"""Encoders made ready to encode: loaded and checked, or fitted on the training texts."""

import hashlib
import io
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from product_length.artefacts import ArtefactStore
from product_length.embeddings.config import (
    LsaOptions,
    NgramOptions,
    SentenceTransformerOptions,
)
from product_length.embeddings.encoder import Encoder
from product_length.embeddings.lsa import LsaEncoder
from product_length.embeddings.ngrams import NgramEncoder
from product_length.embeddings.sentence_transformer import SentenceTransformerEncoder
from product_length.errors import UserError

log = logging.getLogger(__name__)

FORMAT = 2
"""Part of the address of encoders and arrays: raise it when the same texts and encoder would give
other vectors than before."""
_LSA_VERSION = 2  # the same for fits of LSA alone
_STATE = "state.pt"

Texts = Callable[[NDArray[np.int64]], Sequence[str]]
"""Row numbers int64 (n,), ascending -> their n texts."""


def ready_encoder(
    name: str,
    options: LsaOptions | SentenceTransformerOptions | NgramOptions,
    texts: Texts,
    text_keys: NDArray[np.uint64],
    train_rows: NDArray[np.int64],
    store: ArtefactStore,
    recipe: Mapping[str, Any],
) -> Encoder:
    """The encoder of these options; the other arguments are those of `embed_catalogue`.

    Raises UserError when a model cannot be had or loaded, or when no row may be fitted on.
    """
    if isinstance(options, SentenceTransformerOptions):
        return _checked_model(name, options, store)
    if isinstance(options, NgramOptions):
        return NgramEncoder(name, options)
    return _fitted_lsa(name, options, texts, text_keys, train_rows, store, recipe)


def _checked_model(
    name: str, options: SentenceTransformerOptions, store: ArtefactStore
) -> SentenceTransformerEncoder:
    """The encoder, its width and precision known from the one check that its weights ever get."""
    encoder = SentenceTransformerEncoder(name, options)
    checked = store.folder(
        "models",
        {
            "format": FORMAT,
            "weights": encoder.weights,
            "limit": options.max_seq_length,
            "precision": [options.precision, encoder.address["precision"]],
        },
        lambda _: {"dimension": encoder.check(), "faithful": encoder.is_faithful()},
    )
    encoder.assume_dimension(checked.facts["dimension"])
    if not checked.facts["faithful"]:
        log.info("%s: float32, as less would change this model's vectors too much", name)
        encoder.use_float32()
    return encoder


def _fitted_lsa(
    name: str,
    options: LsaOptions,
    texts: Texts,
    text_keys: NDArray[np.uint64],
    train_rows: NDArray[np.int64],
    store: ArtefactStore,
    recipe: Mapping[str, Any],
) -> LsaEncoder:
    """The LSA of the training texts, fitted once and kept, so that its vectors stay its own."""
    keys, first = np.unique(text_keys[train_rows], return_index=True)
    if not len(keys):
        raise UserError(
            f"embeddings.encoders.{name}: there is no training row to fit on; raise "
            "data.split.train, or choose an encoder that needs no fitting"
        )
    training_texts = digest_of(keys)

    def fit(folder: Path) -> dict[str, float]:
        started = time.perf_counter()
        sample = first
        if len(first) > options.max_fit_rows:
            random = np.random.default_rng(options.seed)
            sample = random.choice(first, options.max_fit_rows, replace=False, shuffle=False)
        rows = np.sort(train_rows[sample])
        log.info("%s: fitting on %d distinct training texts", name, len(rows))
        encoder = LsaEncoder.fit(name, options, texts(rows), training_texts=training_texts)
        state = io.BytesIO()  # first: torch does not say what a full disk is
        torch.save(encoder.state(), state)
        (folder / _STATE).write_bytes(state.getbuffer())
        seconds = time.perf_counter() - started
        log.info("%s: fitted in %.1f s", name, seconds)
        return {"fitted_on": len(rows), "seconds": seconds}

    made_from = {
        "format": FORMAT,
        "version": _LSA_VERSION,
        "options": options.model_dump(mode="json"),
        "training_texts": training_texts,
        "recipe": dict(recipe),
    }
    path = store.folder("lsa", made_from, fit).path / _STATE
    # Through the file also when just fitted: what is used is what is kept.
    state = torch.load(path, weights_only=True)
    return LsaEncoder.from_state({**state, "name": name})


def digest_of(keys: NDArray[np.uint64]) -> str:
    """sha256 hex of keys in their order: uint64 (n,)."""
    return hashlib.sha256(np.ascontiguousarray(keys, dtype="<u8").tobytes()).hexdigest()
