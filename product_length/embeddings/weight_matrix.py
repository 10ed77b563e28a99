"""The weights of many texts' n-grams as one sparse matrix."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import torch

from product_length.embeddings.tfidf import BLOCK, TfidfWeights
from product_length.stage_progress import StageProgress

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


def weight_matrix(stage: str, weights: TfidfWeights, texts: Sequence[str]) -> "csr_matrix":
    """Weights of norm 1, or 0 of a text without a term: float32 (texts, terms).

    `stage` names the work to whoever waits for it.
    """
    # Not at the top: SciPy takes as long to import as PyTorch.
    from scipy.sparse import csr_matrix, vstack

    def weighed(block: Sequence[str]) -> csr_matrix:
        found = weights.weigh(block)
        columns, offsets = found.columns.astype(np.int32), found.offsets.astype(np.int32)
        return csr_matrix((found.weights, columns, offsets), shape=(len(block), len(weights.terms)))

    blocks = []
    with (
        StageProgress(stage, len(texts), "texts") as progress,
        ThreadPoolExecutor(torch.get_num_threads()) as pool,
    ):
        parts = (texts[start : start + BLOCK] for start in range(0, len(texts), BLOCK))
        for block in pool.map(weighed, parts):
            blocks.append(block)
            progress.step(block.shape[0])
    joined: csr_matrix = vstack(blocks, format="csr")
    return joined
