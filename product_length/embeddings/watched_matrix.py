"""A sparse matrix whose products are counted, and faster: the steps of a decomposition."""

from functools import cached_property
from typing import Any

import numpy as np
from scipy import sparse

from product_length.embeddings.tfidf import Weighed, product
from product_length.stage_progress import StageProgress


def watched(matrix: Any, progress: StageProgress) -> Any:
    """The same sparse matrix of float32, whose products with dense ones are steps."""
    made = _Watched(matrix.tocsr(copy=False))
    made.progress = progress
    return made


class _Watched(sparse.csr_matrix):
    progress: StageProgress

    def __matmul__(self, other: Any) -> Any:
        rows = Weighed(self.indptr, self.indices, self.data)
        found = product(rows, np.ascontiguousarray(other))
        self.progress.step()
        return found

    def __rmatmul__(self, other: Any) -> Any:
        return (self._turned @ other.T).T

    def transpose(self, *_: Any, **__: Any) -> Any:
        return self._turned

    @cached_property
    def _turned(self) -> Any:
        """The transpose in rows too, made once; its own transpose shares this one's memory."""
        made = watched(super().transpose(), self.progress)
        made.__dict__["_turned"] = watched(self, self.progress)
        return made
