"""How many tokens a sentence-transformers model takes, and which texts have more."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


def positions_of(model: "SentenceTransformer") -> int | None:
    """How many tokens the model has positions for; None where it has no such limit."""
    config: Any = getattr(model[0], "config", None)
    positions = getattr(config, "max_position_embeddings", None)
    if positions is None or positions <= 0:
        return None
    # These count positions from after the padding token's.
    if any(family in config.model_type for family in ("roberta", "camembert", "mpnet")):
        positions -= (config.pad_token_id or 0) + 1
    return int(positions)


def texts_cut(
    texts: Sequence[str], features: Any, model: "SentenceTransformer", prompt: str
) -> list[str]:
    """The texts of one batch that had more tokens than fit."""
    encodings = getattr(features, "encodings", None)
    if encodings is not None:
        return [text for text, e in zip(texts, encodings, strict=True) if e.overflowing]
    # A tokenizer without a Rust core keeps no overflow: count again the texts that fill the model.
    limit = model.max_seq_length
    full = features["attention_mask"].sum(dim=1).cpu() >= (limit or np.inf)
    return [
        text
        for text, filled in zip(texts, full.tolist(), strict=True)
        if filled and len(model.tokenizer(prompt + text, truncation=False)["input_ids"]) > limit
    ]
