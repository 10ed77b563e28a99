"""Norms and unit vectors, block by block, and the one place that imports FAISS."""

import logging
from typing import Any

import numpy as np
from numpy.typing import NDArray

_BLOCK_ROWS = 16_384


def norms_of(vectors: NDArray[Any]) -> NDArray[np.float64]:
    """Euclidean norm of each row of float16 or float32 (n, d), added up in float64.

    Raises ValueError when the vectors are not (n, d) or not finite.
    """
    if vectors.ndim != 2:
        raise ValueError(f"vectors must be (rows, dimension), not {vectors.shape}")
    norms = np.empty(len(vectors))
    for start in range(0, len(vectors), _BLOCK_ROWS):
        block = vectors[start : start + _BLOCK_ROWS].astype(np.float64)
        norms[start : start + _BLOCK_ROWS] = np.sqrt(np.einsum("nd,nd->n", block, block))
    broken = np.flatnonzero(~np.isfinite(norms))
    if len(broken):
        raise ValueError(f"{len(broken)} vectors are not finite; the first one is row {broken[0]}")
    return norms


def unit(vectors: NDArray[Any]) -> NDArray[np.float32]:
    """Rows scaled to norm 1, float32 (n, d); rows of zeros stay as they are."""
    norms = norms_of(vectors)[:, None]
    scaled: NDArray[np.float32] = np.divide(
        vectors, norms, out=np.zeros(vectors.shape), where=norms > 0
    ).astype(np.float32)
    return scaled


def load_faiss() -> Any:
    """The FAISS module, imported by the first call: it takes a second, and few runs need it."""
    # It tells of every instruction set that it tries.
    logging.getLogger("faiss.loader").setLevel(logging.WARNING)
    import faiss

    return faiss


def faiss_sees_a_gpu() -> bool:
    """Whether FAISS was built for GPUs and finds one."""
    faiss = load_faiss()
    return hasattr(faiss, "StandardGpuResources") and faiss.get_num_gpus() > 0
