"""Batches of about equally long texts under a token budget, tokenised ahead of the model."""

from collections.abc import Callable, Generator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from product_length.prefetch import prefetch

Features = dict[str, Any]
Batch = tuple[NDArray[np.int64], Features]
_GROUP = 512  # texts tokenised at a time
_AHEAD = 2  # groups that wait for the model


def token_batches(lengths: NDArray[np.int64], budget: int) -> list[NDArray[np.int64]]:
    """Positions of texts, longest first: texts × longest length of a batch within the budget.

    lengths: int64 (texts,) in tokens. A text longer than the budget is a batch of its own.
    """
    order = np.argsort(-lengths, kind="stable")
    batches = []
    start = 0
    while start < len(order):
        stop = start + max(1, budget // max(1, int(lengths[order[start]])))
        batches.append(order[start:stop])
        start = stop
    return batches


def tokenised_batches(
    texts: Sequence[str], tokenise: Callable[[list[str]], Features], budget: int, *, left: bool
) -> Generator[Batch, None, None]:
    """Batches as (positions in `texts`, features), tokenised by a thread of its own.

    tokenise gives the features of some texts, padded to the longest of them (on the
    `left` if so asked); what it raises is raised here.
    """
    by_size = sorted(range(len(texts)), key=lambda position: -len(texts[position]))
    groups = (
        np.array(by_size[start : start + _GROUP], dtype=np.int64)
        for start in range(0, len(texts), _GROUP)
    )
    made = ((group, tokenise([texts[at] for at in group.tolist()])) for group in groups)
    for group, features in prefetch(made, _AHEAD, name="tokeniser"):
        mask = features["attention_mask"]
        lengths = mask.sum(dim=1).numpy().astype(np.int64)
        for rows in token_batches(lengths, budget):
            yield group[rows], _cut_out(features, rows, int(lengths[rows].max()), left=left)


def _cut_out(features: Features, rows: NDArray[np.int64], longest: int, *, left: bool) -> Features:
    """The features of some rows of a group, their padding cut off: tensors (rows, longest)."""
    texts, width = features["attention_mask"].shape
    chosen = torch.from_numpy(rows)
    columns = slice(width - longest, width) if left else slice(longest)
    found: Features = {}
    for name, value in features.items():
        if isinstance(value, torch.Tensor) and value.shape[:1] == (texts,):
            value = value[chosen]
            if value.shape[1:2] == (width,):
                value = value[:, columns]
        found[name] = value
    return found
