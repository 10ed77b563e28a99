"""The weights of many texts' n-grams as one sparse matrix."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from product_length.embeddings.tfidf import TfidfWeights, in_blocks
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
    with StageProgress(stage, len(texts), "texts") as progress:
        for block in in_blocks(weighed, texts):
            blocks.append(block)
            progress.step(block.shape[0])
    joined: csr_matrix = vstack(blocks, format="csr")
    return joined
