"""Norms and unit vectors, block by block, and the one place that imports FAISS."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from product_length.mapped_memory import MappedMemory

BLOCK_ROWS = 16_384
_BLOCK_NUMBERS = 1 << 19  # in float64, what a processor's cache holds
_ONE_THREAD = 32_000  # numbers that torch copies in one thread


def norms_of(vectors: NDArray[Any]) -> NDArray[np.float64]:
    """Euclidean norm of each row of float16 or float32 (n, d), added up in float64.

    Raises ValueError when the vectors are not (n, d) or not finite.
    """
    if vectors.ndim != 2:
        raise ValueError(f"vectors must be (rows, dimension), not {vectors.shape}")
    norms = np.empty(len(vectors))
    mapped = MappedMemory(vectors)
    for part in _blocks(vectors):
        block = vectors[part].astype(np.float64)
        norms[part] = np.sqrt(np.einsum("nd,nd->n", block, block))
        mapped.read(vectors[part].nbytes)
    broken = np.flatnonzero(~np.isfinite(norms))
    if len(broken):
        raise ValueError(f"{len(broken)} vectors are not finite; the first one is row {broken[0]}")
    return norms


def unit(vectors: NDArray[Any], norms: NDArray[np.float64] | None = None) -> NDArray[np.float32]:
    """Rows scaled to norm 1, float32 (n, d); rows of zeros stay as they are.

    `norms`: what `norms_of` gives for them, where it is known.
    """
    norms = (norms_of(vectors) if norms is None else norms)[:, None]
    scaled = np.empty(vectors.shape, np.float32)
    for part in _blocks(vectors):
        some, of_some = vectors[part], norms[part]
        scaled[part] = np.divide(some, of_some, out=np.zeros(some.shape), where=of_some > 0)
    return scaled


def _blocks(vectors: NDArray[Any]) -> Iterator[slice]:
    """Some rows at a time."""
    rows = max(1, _BLOCK_NUMBERS // max(1, vectors.shape[1]))
    yield from (slice(start, start + rows) for start in range(0, len(vectors), rows))


class MadeWhenRead(ABC):
    """An array of vectors, float16 (rows, d), that is made of others block by block as it is read.

    A class of its own says how: `_made` of row numbers, int64 (n,), is float16 or float32 (n, d).
    """

    dtype = np.dtype(np.float16)

    def __init__(self, rows: int, dimension: int) -> None:
        self.shape = (rows, dimension)

    @abstractmethod
    def _made(self, rows: NDArray[np.int64]) -> NDArray[Any]: ...

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice | NDArray[np.int64]) -> NDArray[np.float16]:
        numbers = np.arange(*rows.indices(len(self))) if isinstance(rows, slice) else rows
        read = np.empty((len(numbers), self.shape[1]), self.dtype)
        for start in range(0, len(numbers), BLOCK_ROWS):
            block = slice(start, start + BLOCK_ROWS)
            read[block] = self._made(numbers[block])
        return read


Vectors = NDArray[Any] | MadeWhenRead


class SideBySide(MadeWhenRead):
    """Vectors of several encoders as one array, float16 (rows, all their dimensions).

    Each encoder's part of a row has norm 1, or is 0: a cosine is the mean of the encoders' cosines.
    Raises ValueError when the arrays, float16 or float32 (rows, d) each, differ in their rows.
    """

    def __init__(self, arrays: Sequence[NDArray[Any]]) -> None:
        if len({len(each) for each in arrays}) != 1:
            raise ValueError(f"arrays of {[len(each) for each in arrays]} rows are not one's parts")
        super().__init__(len(arrays[0]), sum(each.shape[1] for each in arrays))
        self._arrays = tuple(arrays)

    def _made(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        return np.concatenate([unit(each[rows]) for each in self._arrays], axis=1)


def side_by_side(arrays: Sequence[NDArray[Any]]) -> Vectors:
    """One array as it is, several as `SideBySide`."""
    return arrays[0] if len(arrays) == 1 else SideBySide(arrays)


class RowReader:
    """Gathers rows of `vectors`, float16 or float32 (n, d), as `dtype`, into one place.

    What `read` returns is overwritten by its next call: memory that is new each time, and NumPy's
    conversion of float16, would take most of a search.
    """

    def __init__(self, vectors: NDArray[Any], rows: int, dtype: Any) -> None:
        import torch

        self._vectors = vectors
        self._step = max(1, _ONE_THREAD // vectors.shape[1])
        shape = (rows, vectors.shape[1])
        self._gathered = np.empty(shape, vectors.dtype)
        self._converted = np.empty(shape, dtype)
        self._source = torch.from_numpy(self._gathered)
        self._target = torch.from_numpy(self._converted)

    def read(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        """The rows, int64 (m,), at most as many as were announced: (m, d)."""
        count = len(rows)
        np.take(self._vectors, rows, axis=0, out=self._gathered[:count], mode="clip")
        # In parts too small for torch to start threads, which FAISS and BLAS would wait for.
        for start in range(0, count, self._step):
            part = slice(start, min(start + self._step, count))
            self._target[part].copy_(self._source[part])
        return self._converted[:count]


def exact_type(one: Vectors, other: Vectors) -> type[np.floating[Any]]:
    """In which numbers of two arrays, float16 or float32, are multiplied without rounding."""
    halves = one.dtype == other.dtype == np.float16
    return np.float32 if halves else np.float64


def sums(numbers: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Sums over the last axis, in float64; unlike BLAS's, the same wherever a row stands."""
    found: NDArray[np.float64] = np.einsum("...d->...", numbers.astype(np.float64, copy=False))
    return found


def load_faiss() -> Any:
    """The FAISS module, imported by the first call: it takes a second, and few runs need it."""
    # It tells of every instruction set that it tries.
    logging.getLogger("faiss.loader").setLevel(logging.WARNING)
    import faiss

    return faiss


def searches_on_a_gpu() -> bool:
    """Whether an exact search runs on a GPU: by FAISS, or by torch where FAISS was not built so."""
    import torch

    return faiss_sees_a_gpu() or torch.cuda.is_available()


def faiss_sees_a_gpu() -> bool:
    """Whether FAISS was built for GPUs and finds one."""
    faiss = load_faiss()
    return hasattr(faiss, "StandardGpuResources") and faiss.get_num_gpus() > 0
