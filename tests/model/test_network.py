"""Every trunk with every combination of inputs: shapes, gradients, dropout of types, precision."""

from collections.abc import Sequence
from typing import Any, get_args

import pytest
import torch
from pydantic import TypeAdapter
from torch import Tensor

from product_length.features.config import DimensionOptions, KnnOptions, TypeOptions
from product_length.model.config import ModelOptions
from product_length.model.gated_fusion import GatedFusionTrunk
from product_length.model.network import Batch, LengthNetwork
from product_length.model.target import LinearTarget, LogTarget
from product_length.model.trunk import parameter_count

MODELS: list[dict[str, Any]] = [
    {"name": "mlp", "hidden": [16, 8]},
    {"name": "mlp", "hidden": [16], "batch_norm": False},
    {"name": "residual_mlp", "width": 12, "blocks": 2},
    {"name": "gated_fusion", "width": 12, "hidden": [8]},
    {"name": "attention", "width": 12, "heads": 3, "layers": 2, "hidden": [8]},
]
every_model = pytest.mark.parametrize("model", MODELS, ids=lambda m: "-".join(map(str, m.values())))
INPUTS = [  # encoder dimensions, types, neighbours
    ([6], False, False),
    ([6, 4, 5], False, False),
    ([6, 4], True, True),
    ([6], True, False),
    ([6], False, True),
    ([], True, True),
    ([], True, False),
    ([], False, True),
]
every_input = pytest.mark.parametrize(("dims", "types", "neighbours"), INPUTS)
TYPES, NEIGHBOURS = 11, 7


def options_of(model: dict[str, Any]) -> ModelOptions:
    options: ModelOptions = TypeAdapter(ModelOptions).validate_python(model)
    return options


def build(
    model: dict[str, Any],
    dims: Sequence[int] = (6, 4),
    types: bool = True,
    neighbours: bool = True,
    dropout: float = 0.0,
    **extra: Any,
) -> LengthNetwork:
    torch.manual_seed(0)
    given: dict[str, Any] = {
        "options": options_of(model),
        "embedding_dims": dims,
        "type_count": TYPES if types else None,
        "type_options": TypeOptions(dimensions=3, dropout=dropout) if types else None,
        "neighbour_width": NEIGHBOURS if neighbours else None,
        "knn_options": KnnOptions(projection=5) if neighbours else None,
        "outputs": 1,
    }
    return LengthNetwork(**(given | extra))


def rows(
    count: int,
    dims: Sequence[int] = (6, 4),
    types: bool = True,
    neighbours: bool = True,
    dtype: torch.dtype = torch.float16,
) -> Batch:
    random = torch.Generator().manual_seed(1)
    return Batch(
        embeddings=tuple(torch.randn(count, dim, generator=random).to(dtype) for dim in dims),
        types=torch.randint(0, TYPES, (count,), generator=random) if types else None,
        neighbours=torch.randn(count, NEIGHBOURS, generator=random) if neighbours else None,
        lengths=torch.rand(count, generator=random) * 1000 + 1,
    )


def awake(network: LengthNetwork) -> LengthNetwork:
    """With a head that is no longer zero, as after a step of training."""
    torch.nn.init.normal_(network.head.weight)
    return network


def test_every_choice_is_tried() -> None:
    choices = get_args(get_args(ModelOptions)[0])
    assert {type(options_of(model)) for model in MODELS} == set(choices)
    assert len(choices) == 4


@every_model
@every_input
def test_any_combination_of_inputs(
    model: dict[str, Any], dims: list[int], types: bool, neighbours: bool
) -> None:
    network = awake(build(model, dims, types, neighbours, outputs=3))
    batch = rows(9, dims, types, neighbours)
    raw = network(batch)
    assert raw.shape == (9, 3)
    assert raw.dtype == torch.float32
    raw.square().sum().backward()
    unreached = [
        name
        for name, weight in network.named_parameters()
        if weight.grad is None or not weight.grad.abs().sum() > 0
    ]
    # A bias in front of a softmax or of a key is redundant, none here starts beyond a dead ReLU.
    assert not [name for name in unreached if "bias" not in name]


@every_model
def test_stated_measurements_stand_beside_any_inputs(model: dict[str, Any]) -> None:
    options = DimensionOptions(projection=4)
    for dims in ([6, 4], []):
        network = build(model, dims, dimension_width=9, dimension_options=options)
        awake(network).eval()
        batch = rows(8, dims)._replace(dimensions=torch.randn(8, 9))
        zeros = batch._replace(dimensions=torch.zeros(8, 9))
        assert (network(batch) - network(zeros)).abs().min() > 0
        with pytest.raises(ValueError, match="dimensions are given"):
            network(rows(8, dims))
        with pytest.raises(ValueError, match="dimensions are given"):
            build(model, dims)(batch)
    alone = build(model, (), False, False, dimension_width=9, dimension_options=options)
    assert alone(Batch((), None, None, None, torch.randn(3, 9))).shape == (3, 1)
    with pytest.raises(ValueError, match="dimension_width and dimension_options"):
        build(model, dimension_width=9)


@every_model
def test_first_prediction_is_the_bias_whatever_the_row(model: dict[str, Any]) -> None:
    for target in (LinearTarget(113.0), LogTarget()):
        bias = torch.tensor([target.from_length(746.0)])
        network = build(model, initial_bias=bias)
        for training in (True, False):
            lengths = target.to_length(network.train(training)(rows(5))[:, 0])
            torch.testing.assert_close(lengths, torch.full((5,), 746.0))


@every_model
def test_rows_do_not_see_each_other_in_evaluation(model: dict[str, Any]) -> None:
    network = awake(build(model)).eval()
    batch = rows(8)
    whole = network(batch)
    assert whole.std() > 0
    for start, stop in [(0, 1), (3, 8)]:
        part = Batch(
            tuple(vectors[start:stop] for vectors in batch.embeddings),
            *(None if block is None else block[start:stop] for block in batch[1:]),
        )
        torch.testing.assert_close(network(part), whole[start:stop])


@every_model
def test_half_precision_rows_cost_no_more_than_their_own_rounding(model: dict[str, Any]) -> None:
    network = awake(build(model)).eval()
    batch = rows(8)
    full = batch._replace(embeddings=tuple(vectors.float() for vectors in batch.embeddings))
    torch.testing.assert_close(network(batch), network(full), rtol=0, atol=0)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = network(batch)
    assert mixed.dtype == torch.float32
    assert len(mixed.unique()) == 8
    torch.testing.assert_close(mixed, network(batch), rtol=0.1, atol=0.1)


@every_model
def test_scale_of_an_encoder_does_not_matter(model: dict[str, Any]) -> None:
    network = awake(build(model)).eval()
    batch = rows(8, dtype=torch.float32)
    larger = batch._replace(embeddings=tuple(vectors * 50 for vectors in batch.embeddings))
    torch.testing.assert_close(network(larger), network(batch), rtol=1e-3, atol=1e-3)


def test_type_dropout_trains_the_shared_vector() -> None:
    network = awake(build({"name": "mlp", "hidden": [8]}, (), neighbours=False, dropout=0.25))
    count = 4000
    batch = Batch((), torch.full((count,), 5), None, None)
    assert network.types is not None
    looked_up: list[Tensor] = []
    network.types.register_forward_hook(lambda _, given, __: looked_up.append(given[0]))
    network(batch).sum().backward()
    share = (looked_up[0] == 0).float().mean().item()
    assert share == pytest.approx(0.25, abs=0.03)
    assert set(looked_up[0].tolist()) == {0, 5}
    gradient = network.types.weight.grad
    assert gradient is not None
    assert (gradient.abs().sum(1) > 0).nonzero().flatten().tolist() == [0, 5]
    network.eval()(batch)
    assert (looked_up[1] == 5).all()
    assert (batch.types == 5).all()  # the caller's tensor is left as it was


def test_gate_is_a_share_that_depends_on_the_row() -> None:
    network = build(MODELS[3], (6, 4, 5))
    trunk = network.trunk
    assert isinstance(trunk, GatedFusionTrunk)
    weights = trunk.weights(network._blocks(rows(10, (6, 4, 5))))
    assert weights.shape == (10, 3)
    torch.testing.assert_close(weights.sum(1), torch.ones(10))
    assert (weights.std(0) > 0.01).all()


def test_parameter_count_by_hand() -> None:
    network = build(MODELS[0], (6, 4), outputs=2)
    norms = 2 * (6 + 4)
    types = TYPES * 3
    neighbours = NEIGHBOURS * 5 + 5
    trunk = (6 + 4 + 3 + 5) * 16 + 2 * 16 + 16 * 8 + 2 * 8
    head = 8 * 2 + 2
    assert parameter_count(network) == norms + types + neighbours + trunk + head
    network.head.bias.requires_grad_(False)
    assert parameter_count(network) == norms + types + neighbours + trunk + head - 2


def test_faults() -> None:
    mlp = MODELS[0]
    with pytest.raises(ValueError, match="at least one of"):
        build(mlp, (), types=False, neighbours=False)
    with pytest.raises(ValueError, match="type_count and type_options"):
        build(mlp, type_options=None)
    with pytest.raises(ValueError, match="neighbour_width and knn_options"):
        build(mlp, knn_options=None)
    with pytest.raises(ValueError, match=r"initial_bias \(2,\) is not \(1,\)"):
        build(mlp, initial_bias=torch.zeros(2))
    network = build(mlp)
    with pytest.raises(ValueError, match="1 embeddings for 2 encoders"):
        network(rows(4, (6,)))
    with pytest.raises(ValueError, match="types are given"):
        network(rows(4, types=False))
    with pytest.raises(ValueError, match="neighbours are given"):
        network(rows(4, neighbours=False))
    with pytest.raises(ValueError, match="types are given"):
        build(mlp, types=False)(rows(4))
