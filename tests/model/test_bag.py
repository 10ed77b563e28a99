"""Learned n-grams in the network: means by hand, sparse gradients, dropout of n-grams."""

from typing import Any

import pytest
import torch
from pydantic import TypeAdapter
from torch import Tensor

from product_length.embeddings.config import BagOptions
from product_length.model.architecture import Architecture
from product_length.model.bag import NgramBag
from product_length.model.config import Mlp, ModelOptions
from product_length.model.network import Batch, LengthNetwork

IDS = torch.tensor([[3, 1, 0, 0], [7, 0, 0, 0], [0, 0, 0, 0], [9, 3, 2, 1]], dtype=torch.int32)


def bag(dropout: float = 0.0, buckets: int = 16, dimensions: int = 5) -> NgramBag:
    torch.manual_seed(0)
    return NgramBag(BagOptions(buckets=buckets, dimensions=dimensions, dropout=dropout))


def network(bags: dict[int, BagOptions], dims: list[int], **model: Any) -> LengthNetwork:
    torch.manual_seed(0)
    chosen: ModelOptions = TypeAdapter(ModelOptions).validate_python(
        model or {"name": "mlp", "hidden": [8]}
    )
    made = LengthNetwork(
        options=chosen,
        embedding_dims=dims,
        type_count=None,
        type_options=None,
        neighbour_width=None,
        knn_options=None,
        outputs=1,
        bags=bags,
    )
    torch.nn.init.normal_(made.head.weight)
    return made


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


@pytest.mark.parametrize(
    "model",
    [
        {"name": "mlp", "hidden": [8]},
        {"name": "residual_mlp", "width": 12, "blocks": 2},
        {"name": "gated_fusion", "width": 12, "hidden": [8]},
        {"name": "attention", "width": 12, "heads": 3, "layers": 1, "hidden": [8]},
    ],
    ids=lambda m: m["name"],
)
def test_it_stands_beside_frozen_vectors_in_every_model(model: dict[str, Any]) -> None:
    options = BagOptions(buckets=16, dimensions=5, dropout=0)
    made = network({1: options}, [6, 5], **model).eval()
    vectors: Tensor = torch.randn(4, 6).half()
    whole = made(Batch((vectors, IDS), None, None, None))
    assert whole.shape == (4, 1)
    other = made(Batch((vectors, torch.zeros_like(IDS)), None, None, None))
    changed = (whole != other).flatten().tolist()
    assert changed == [True, True, False, True]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = made(Batch((vectors, IDS), None, None, None))
    assert mixed.dtype == torch.float32
    torch.testing.assert_close(mixed, whole, rtol=0.1, atol=0.1)


def test_the_architecture_builds_it_again() -> None:
    architecture = Architecture(
        options=Mlp(name="mlp", hidden=[8]),
        embedding_dims=[6, 5],
        type_count=None,
        type_options=None,
        neighbour_width=None,
        knn_options=None,
        outputs=1,
        bags={1: BagOptions(buckets=16, dimensions=5, dropout=0.3)},
    )
    kept = architecture.model_dump(mode="json")
    again = Architecture.model_validate(kept).build()
    again.load_state_dict(architecture.build().state_dict())
    assert "dropout=0.3" in str(again)
    assert "Embedding(17, 5, sparse=True)" in str(again)
    del kept["bags"]  # as before there were any
    assert isinstance(Architecture.model_validate(kept).build().norms[1], torch.nn.LayerNorm)
