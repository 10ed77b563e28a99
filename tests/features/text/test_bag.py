"""Learned n-grams in the network: means by hand, sparse gradients, dropout of n-grams."""

import pytest
import torch

from product_length.embeddings.config import BagOptions
from product_length.features.text.bag import NgramBag

IDS = torch.tensor([[3, 1, 0, 0], [7, 0, 0, 0], [0, 0, 0, 0], [9, 3, 2, 1]], dtype=torch.int32)


def bag(dropout: float = 0.0, buckets: int = 16, dimensions: int = 5) -> NgramBag:
    torch.manual_seed(0)
    return NgramBag(BagOptions(buckets=buckets, dimensions=dimensions, dropout=dropout))


def test_a_row_is_the_mean_of_its_own_vectors() -> None:
    made = bag()
    vectors = made.vectors.weight.detach()
    means = made(IDS)
    torch.testing.assert_close(means[0], (vectors[3] + vectors[1]) / 2)
    torch.testing.assert_close(means[1], vectors[7])
    assert not means[2].any()
    torch.testing.assert_close(means[3], (vectors[9] + vectors[3] + vectors[2] + vectors[1]) / 4)
    assert means.dtype == torch.float32
    torch.testing.assert_close(made(IDS[3:]), means[3:])  # without a 0 in the batch
    assert not made(IDS[2:3]).any()


def test_the_gradient_is_of_the_used_vectors_and_right() -> None:
    made = bag()
    weights = torch.randn(4, 5, generator=torch.Generator().manual_seed(1))
    (made(IDS) * weights).sum().backward()
    gradient = made.vectors.weight.grad
    assert gradient is not None
    assert gradient.is_sparse
    assert gradient.coalesce().indices()[0].tolist() == [0, 1, 2, 3, 7, 9]
    wanted = torch.zeros(17, 5)
    for row, ids in enumerate(IDS.tolist()):
        known = [each for each in ids if each]
        for each in known:
            wanted[each] += weights[row] / len(known)
    torch.testing.assert_close(gradient.to_dense(), wanted)
    assert not gradient.to_dense()[0].any()  # "no n-gram" is never learned


def test_training_leaves_out_n_grams() -> None:
    made = bag(dropout=0.25)
    ids = torch.full((4000, 1), 5, dtype=torch.int32)
    lost = (made(ids) == 0).all(dim=1).float().mean().item()
    assert lost == pytest.approx(0.25, abs=0.03)
    assert (ids == 5).all()
    torch.testing.assert_close(made.eval()(IDS), bag()(IDS))
