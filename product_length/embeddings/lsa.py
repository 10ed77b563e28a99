"""LSA: TF-IDF of word and character n-grams, then a truncated SVD.

Deerwester et al. (1990), Indexing by latent semantic analysis.
"""

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from typing_extensions import Self

from product_length.embeddings.config import LsaOptions
from product_length.embeddings.tfidf import TfidfWeights, in_blocks
from product_length.embeddings.truncated_svd import truncated_svd
from product_length.embeddings.vocabulary import fit_weights
from product_length.embeddings.weight_matrix import weight_matrix

log = logging.getLogger(__name__)

# Directions whose share of the largest singular value is below this are rounding noise.
_NOISE = 1e-4
_WORDS_FOR = {"word": "words", "char": "character n-grams"}


class LsaEncoder:
    """A fitted LSA; vectors have length 1, or 0 for a text without a known n-gram.

    The width is always `options.dimensions`: where the training texts span fewer directions, the
    remaining columns are zero.
    """

    dtype = "float16"
    bag = None

    def __init__(
        self,
        name: str,
        options: LsaOptions,
        training_texts: str,
        weights: Mapping[str, TfidfWeights],
        components: NDArray[np.float16],
    ) -> None:
        self.name = name
        self.dimension = options.dimensions
        self._options = options
        self._training_texts = training_texts
        self._weights = dict(weights)
        self._components = components
        self._fit = _digest(self._weights, components)
        directions = np.ascontiguousarray(components.T, dtype=np.float32)
        stops = np.cumsum([len(each.terms) for each in self._weights.values()], dtype=np.int64)
        self._directions = np.split(directions, stops)[:-1]

    @classmethod
    def fit(
        cls, name: str, options: LsaOptions, texts: Sequence[str], *, training_texts: str = ""
    ) -> Self:
        """Fit on training texts; `training_texts` is the digest that says which they were.

        An n-gram must occur in `min_rows` texts, or in one where that would leave none of its
        kind.
        """
        weights = {}
        counted = []
        for kind in _kinds(options):
            fitted = _fitted(name, kind, options, texts)
            if fitted is not None:
                weights[kind] = fitted
                stage = f"{name}: weighing {_WORDS_FOR[kind]}"
                counted.append(weight_matrix(stage, fitted, _shown(kind, options, texts)))
        width = sum(matrix.shape[1] for matrix in counted)
        components = np.zeros((options.dimensions, width), dtype=np.float16)
        if counted:
            from scipy.sparse import hstack

            matrix = hstack(counted, format="csr", dtype=np.float32)
            counted.clear()
            shape = " × ".join(f"{size:,}" for size in matrix.shape)
            stage = f"{name}: singular value decomposition of {shape}"
            strengths, directions = truncated_svd(stage, matrix, options.dimensions, options.seed)
            kept = int(np.sum(strengths > _NOISE * strengths[0]))
            components[:kept] = directions[:kept]
        return cls(name, options, training_texts, weights, components)

    @property
    def address(self) -> dict[str, Any]:
        """The options, the digest of the training texts, and the digest of what was fitted."""
        return {
            **self._options.model_dump(mode="json"),
            "training_texts": self._training_texts,
            "fit": self._fit,
        }

    @property
    def device(self) -> torch.device:
        """Always the CPU."""
        return torch.device("cpu")

    def encode(self, texts: Sequence[str]) -> NDArray[np.float16]:
        """Vectors of the texts: float16 (texts, dimension), in the order given.

        On as many threads as torch has: nearly all of the work leaves Python's lock.
        """
        return np.concatenate(list(in_blocks(self._encode, texts)))

    def encode_marked(self, texts: Sequence[str]) -> tuple[NDArray[np.float16], None]:
        """`encode`; no text is cut to fit."""
        return self.encode(texts), None

    def _encode(self, texts: Sequence[str]) -> NDArray[np.float16]:
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for (kind, weights), directions in zip(
            self._weights.items(), self._directions, strict=True
        ):
            vectors += weights.project(_shown(kind, self._options, texts), directions)
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        unit = np.divide(vectors, norms, out=np.zeros_like(vectors), where=norms > 0)
        half: NDArray[np.float16] = unit.astype(np.float16)
        return half

    def state(self) -> dict[str, Any]:
        """Vocabularies as lists of text, weights and directions as tensors."""
        return {
            "kind": "lsa",
            "name": self.name,
            "options": self._options.model_dump(mode="json"),
            "training_texts": self._training_texts,
            "vocabularies": {kind: each.terms for kind, each in self._weights.items()},
            "idf": {kind: torch.from_numpy(each.idf) for kind, each in self._weights.items()},
            "components": torch.from_numpy(self._components.copy()),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """The encoder whose `state` this is; its vectors are the same to the bit."""
        options = LsaOptions.model_validate(state["options"])
        weights = {
            kind: TfidfWeights(*_range(kind, options), terms, state["idf"][kind].numpy())
            for kind, terms in state["vocabularies"].items()
        }
        components = state["components"].numpy()
        return cls(state["name"], options, state["training_texts"], weights, components)


def _kinds(options: LsaOptions) -> list[str]:
    asked = {"word": options.word_ngrams, "char": options.char_ngrams}
    return [kind for kind, ngrams in asked.items() if ngrams is not None]


def _shown(kind: str, options: LsaOptions, texts: Sequence[str]) -> Sequence[str]:
    """What one kind of n-gram is counted in."""
    length = options.char_length if kind == "char" else options.word_length
    return texts if length is None else [text[:length] for text in texts]


def _range(kind: str, options: LsaOptions) -> tuple[str, int, int]:
    """The kind, and the fewest and the most words or characters of an n-gram."""
    if kind == "char":
        shortest, longest = options.char_ngrams or (1, 1)
        return kind, shortest, longest
    return kind, 1, options.word_ngrams or 1


def _fitted(name: str, kind: str, options: LsaOptions, texts: Sequence[str]) -> TfidfWeights | None:
    """The fitted weights; None where the texts hold no n-gram of this kind."""
    what = _WORDS_FOR[kind]
    fitted = fit_weights(
        f"{name}: counting {what}",
        *_range(kind, options),
        _shown(kind, options, texts),
        min_rows=options.min_rows,
        max_features=options.max_features,
    )
    if fitted is None:
        log.info("%s: no %s found", name, what)
    else:
        log.info("%s: %s %s kept", name, f"{len(fitted.terms):,}", what)
    return fitted


def _digest(weights: Mapping[str, TfidfWeights], components: NDArray[np.float16]) -> str:
    digest = hashlib.sha256()
    for kind, each in weights.items():
        digest.update(json.dumps([kind, each.terms]).encode())
        digest.update(each.idf.tobytes())
    digest.update(repr(components.shape).encode() + components.tobytes())
    return digest.hexdigest()
