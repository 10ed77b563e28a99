"""What every encoder offers, and how one comes back from a checkpoint."""

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from product_length.embeddings.config import BagOptions
from product_length.errors import UserError

Vectors = NDArray[np.float16] | NDArray[np.int32]
"""float16 (texts, dimension); of an encoder that has a bag ids of n-grams, int32, 0 = none."""
Marked = tuple[Vectors, NDArray[np.bool_] | None]
"""Vectors of some texts, (texts, dimension), and which texts were cut to fit; see Encoder."""


class Encoder(Protocol):
    """A frozen map from a text to a vector, or to the n-grams whose vectors the network learns."""

    @property
    def name(self) -> str:
        """The encoder's key under `embeddings.encoders`."""

    @property
    def address(self) -> dict[str, Any]:
        """What decides the vectors, JSON-able: equal addresses, equal vectors."""

    @property
    def dimension(self) -> int:
        """Width of a vector, or for how many n-grams there is room."""

    @property
    def dtype(self) -> str:
        """NumPy's name of what `encode` gives: float16, or int32 where there is a bag."""

    @property
    def bag(self) -> BagOptions | None:
        """What the network learns for n-grams; None of an encoder that gives vectors."""

    @property
    def device(self) -> torch.device:
        """Where it runs; `cuda` without an index is any of them."""

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Vectors of the texts, (texts, dimension), in the order given."""

    def encode_marked(self, texts: Sequence[str]) -> Marked:
        """`encode`, and which texts were cut to fit: bool (texts,), None if none ever is."""

    def state(self) -> dict[str, Any]:
        """What `load_encoder` needs: tensors, text, numbers, lists and dicts of them only."""


Engine = Callable[[Encoder, Iterable[Sequence[str]]], Generator[Marked, None, None]]
"""Where an encoder works: it takes chunks of texts and yields `encode_marked` of each, in order.

An engine reads chunks ahead of what it yields as far as it works on several at a time. Closing it
ends whatever it has started.
"""


def load_encoder(
    state: Mapping[str, Any],
    model: str | None = None,
    *,
    setting: str | None = None,
    device: str = "auto",
) -> Encoder:
    """The encoder that a checkpoint was trained with, from its `Encoder.state()`.

    `model` is another place of the same sentence-transformers model (folder or hub id); the
    weights must be the ones that the checkpoint was trained with. `setting` names the config key
    to change in messages (default `embeddings.encoders.<name>.model`), `device` is where it runs.
    LSA and n-gram encoders are in the state itself. Raises UserError when the model cannot be found
    or differs.
    """
    from product_length.embeddings.lsa import LsaEncoder
    from product_length.embeddings.ngrams import NgramEncoder
    from product_length.embeddings.sentence_transformer import SentenceTransformerEncoder

    if state["kind"] == "sentence_transformer":
        return SentenceTransformerEncoder.from_state(state, model, setting=setting, device=device)
    own: dict[str, Callable[[Mapping[str, Any]], Encoder]] = {
        "lsa": LsaEncoder.from_state,
        "ngrams": NgramEncoder.from_state,
    }
    if state["kind"] not in own:
        raise UserError(
            f"the checkpoint's encoder {state.get('name')!r} is of kind {state['kind']!r}, which "
            "this version does not know; predict with the version that trained it"
        )
    if model is not None:
        raise UserError(
            f"{setting or 'embeddings.encoders.' + state['name']}: an {state['kind']} encoder is "
            "held in the checkpoint and takes no model folder; leave it out"
        )
    return own[state["kind"]](state)
