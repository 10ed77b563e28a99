"""A sparse matrix whose products are counted: the steps of a decomposition that shows none."""

from typing import Any

from scipy import sparse

from product_length.embeddings.fit_progress import FitProgress


def watched(matrix: Any, progress: FitProgress) -> Any:
    """The same sparse matrix, CSR or CSC, whose products with dense ones are steps."""
    made = _KINDS[matrix.format](matrix)
    made.progress = progress
    return made


class _Watched:
    progress: FitProgress

    def __matmul__(self, other: Any) -> Any:
        product = super().__matmul__(other)  # type: ignore[misc]
        self.progress.step()
        return product

    def __rmatmul__(self, other: Any) -> Any:
        product = super().__rmatmul__(other)  # type: ignore[misc]
        self.progress.step()
        return product

    def transpose(self, *args: Any, **kwargs: Any) -> Any:
        return watched(super().transpose(*args, **kwargs), self.progress)  # type: ignore[misc]


class _WatchedCsr(_Watched, sparse.csr_matrix): ...


class _WatchedCsc(_Watched, sparse.csc_matrix): ...


_KINDS: dict[str, Any] = {"csr": _WatchedCsr, "csc": _WatchedCsc}
