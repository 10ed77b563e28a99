"""The largest singular values of a sparse matrix and their directions.

Randomised block Krylov iteration: Musco & Musco (2015), https://arxiv.org/abs/1504.05477. It finds
more than subspace iteration does with as many products, and its blocks are half as wide. All of it
is done by PyTorch: the threads of several libraries would wait for each other.
"""

from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from product_length.embeddings.tfidf import Weighed, product
from product_length.stage_progress import StageProgress

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

_ROUNDS = 4
_MORE = 10  # directions in a block, for matrices whose values hardly fall
# What is left of a block beside those before it is rounding, if it is so small a share of it.
_ROUNDING = 1e-6


def truncated_svd(
    stage: str, matrix: "csr_matrix", rank: int, seed: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """At most `rank` singular values (n,), falling, and their directions (n, columns); float32.

    `matrix`: float32 (rows, columns). `stage` names the work to whoever waits for it. A small
    matrix is decomposed exactly.
    """
    block = rank // 2 + _MORE
    if min(matrix.shape) <= block * (_ROUNDS + 1):
        return _exact(matrix, rank)
    is_wide = matrix.shape[0] < matrix.shape[1]
    with StageProgress(stage, 2 * _ROUNDS + 2, "products") as progress:
        # The basis is in the shorter of the two spaces, where it costs less.
        basis, image = _krylov(matrix.T.tocsr() if is_wide else matrix, block, seed, progress)
    turns = torch.linalg.eigh(_squares(image)).eigenvectors[:, -rank:].float()
    images = image @ turns
    # Not the roots of eigenvalues: their rounding would hide small values.
    strengths, falling = torch.linalg.norm(images, dim=0).sort(descending=True)
    if is_wide:
        there = strengths > _ROUNDING * strengths[0]
        directions = images[:, falling] / torch.where(there, strengths, torch.inf)
    else:
        directions = basis @ turns[:, falling]
    return strengths.numpy(), directions.T.contiguous().numpy()


def _exact(matrix: "csr_matrix", rank: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """By the inner products of all rows, or of all columns, in float64."""
    double = matrix.astype(np.float64)
    is_wide = matrix.shape[0] <= matrix.shape[1]
    squares = (double @ double.T if is_wide else double.T @ double).toarray()
    values, axes = torch.linalg.eigh(torch.from_numpy(squares))
    strengths = values.flip(0)[:rank].clamp(min=0).sqrt().numpy()
    directions = axes.flip(1)[:, :rank].numpy()
    if is_wide:
        directions = double.T @ directions
        directions /= np.where(strengths > _ROUNDING * strengths[0], strengths, np.inf)
    return strengths.astype(np.float32), directions.T.astype(np.float32)


def _krylov(
    matrix: "csr_matrix", block: int, seed: int, progress: StageProgress
) -> tuple[Tensor, Tensor]:
    """Orthonormal vectors (columns, n), and what the matrix makes of them (rows, n)."""
    turned = matrix.T.tocsr()
    rows, columns = matrix.shape
    basis = torch.empty((columns, block * (_ROUNDS + 1)))
    image = torch.empty((rows, block * (_ROUNDS + 1)))

    def times(one: "csr_matrix", other: Tensor) -> Tensor:
        found = product(Weighed(one.indptr, one.indices, one.data), other.numpy())
        progress.step()
        return torch.from_numpy(found)

    latest = torch.randn((rows, block), generator=torch.Generator().manual_seed(seed))
    width = 0
    for _ in range(_ROUNDS + 1):
        added = _orthonormal(times(turned, latest), basis[:, :width])
        part = slice(width, width + added.shape[1])
        width = part.stop
        latest = times(matrix, added)
        basis[:, part], image[:, part] = added, latest
    return basis[:, :width], image[:, :width]


def _orthonormal(vectors: Tensor, others: Tensor) -> Tensor:
    """A basis of what vectors (n, m) add to other orthonormal ones: (n, at most m)."""
    least = float(_ROUNDING * torch.linalg.norm(vectors))
    for _ in range(2):  # once leaves what rounding made of it
        vectors = vectors - others @ (others.T @ vectors)
        squares, turns = torch.linalg.eigh(_squares(vectors))
        kept = squares > least**2
        vectors = vectors @ (turns[:, kept] / squares[kept].sqrt()).float()
        least = 0.5
    return vectors


def _squares(vectors: Tensor) -> Tensor:
    """Inner products (m, m), float64, of vectors (n, m)."""
    return (vectors.T @ vectors).double()
