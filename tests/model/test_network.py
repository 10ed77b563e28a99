"""Every trunk with every combination of features: shapes, gradients, the first row, precision."""

from typing import get_args

import numpy as np
import pytest
import torch
from builders import MLP, Given, batch_of, network_of, text_of, types_of
from pydantic import TypeAdapter

from product_length.embeddings.config import BagOptions
from product_length.features.columns import Batch
from product_length.features.encoder import NumbersEncoder
from product_length.features.scaler import Scaler
from product_length.features.text.bag import NgramBag
from product_length.model.config import ModelOptions
from product_length.model.gated_fusion import GatedFusionTrunk
from product_length.model.target import LinearTarget, LogTarget
from product_length.model.trunk import parameter_count

MODELS = [
    TypeAdapter(ModelOptions).validate_python(model)
    for model in (
        {"name": "mlp", "hidden": [16, 8]},
        {"name": "mlp", "hidden": [16], "batch_norm": False},
        {"name": "residual_mlp", "width": 12, "blocks": 2},
        {"name": "gated_fusion", "width": 12, "hidden": [8]},
        {"name": "attention", "width": 12, "heads": 3, "layers": 2, "hidden": [8]},
    )
]
every_model = pytest.mark.parametrize("options", MODELS, ids=lambda m: f"{m.name}-{m.dropout}")
TYPES, NUMBERS = 11, 7
FEATURES = {
    "a": text_of("a", 6),
    "b": text_of("b", 4),
    "ngrams": Given("ngrams", lambda: NgramBag(BagOptions(buckets=16, dimensions=5, dropout=0))),
    "types": types_of([f"t{code}" for code in range(1, TYPES)], width=3, dropout=0),
    "numbers": Given(
        "numbers", lambda: NumbersEncoder(Scaler(np.zeros(NUMBERS), np.ones(NUMBERS)), 5)
    ),
}


def build(options, names="a b types numbers", **chosen):
    return network_of(*(FEATURES[name] for name in names.split()), options=options, **chosen)


def awake(network):
    """With a head that is no longer zero, as after a step of training."""
    torch.nn.init.normal_(network.head.weight)
    return network


def rows(count, dtype=torch.float16):
    """A batch of all features' columns."""
    random = torch.Generator().manual_seed(1)
    return batch_of(
        torch.rand(count, generator=random) * 1000 + 1,
        a=torch.randn(count, 6, generator=random).to(dtype),
        b=torch.randn(count, 4, generator=random).to(dtype),
        ngrams=torch.randint(0, 17, (count, 3), generator=random).int(),
        types=torch.randint(0, TYPES, (count,), generator=random),
        numbers=torch.randn(count, NUMBERS, generator=random),
    )


def test_every_choice_is_tried():
    choices = get_args(get_args(ModelOptions)[0])
    assert {type(options) for options in MODELS} == set(choices)
    assert len(choices) == 4


@every_model
@pytest.mark.parametrize(
    "names",
    ["a", "a b ngrams", "a b types numbers", "a types", "ngrams numbers", "types numbers", "types",
     "numbers"],
)  # fmt: skip
def test_any_combination_of_features(options, names):
    network = awake(build(options, names, outputs=3))
    raw = network(rows(9))
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
def test_first_prediction_is_the_bias_whatever_the_row(options):
    for target in (LinearTarget(113.0), LogTarget()):
        bias = torch.tensor([target.from_length(746.0)])
        network = build(options, initial_bias=bias)
        for training in (True, False):
            lengths = target.to_length(network.train(training)(rows(5))[:, 0])
            torch.testing.assert_close(lengths, torch.full((5,), 746.0))


@every_model
def test_rows_do_not_see_each_other_in_evaluation(options):
    network = awake(build(options)).eval()
    batch = rows(8)
    whole = network(batch)
    assert whole.std() > 0
    for part in (slice(0, 1), slice(3, 8)):
        torch.testing.assert_close(network(batch.map(lambda t, part=part: t[part])), whole[part])


@every_model
def test_half_precision_rows_cost_no_more_than_their_own_rounding(options):
    network = awake(build(options)).eval()
    batch = rows(8)
    full = batch.map(lambda tensor: tensor.float() if tensor.is_floating_point() else tensor)
    torch.testing.assert_close(network(batch), network(full), rtol=0, atol=0)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = network(batch)
    assert mixed.dtype == torch.float32
    assert len(mixed.unique()) == 8
    torch.testing.assert_close(mixed, network(batch), rtol=0.1, atol=0.1)


@every_model
def test_scale_of_an_encoder_does_not_matter(options):
    network = awake(build(options, "a b")).eval()
    batch = rows(8, dtype=torch.float32)
    larger = Batch({name: batch[name] * 50 for name in "ab"}, None)
    torch.testing.assert_close(network(larger), network(batch), rtol=1e-3, atol=1e-3)


def test_gate_is_a_share_that_depends_on_the_row():
    network = build(MODELS[3], "a b ngrams types")
    trunk = network.trunk
    assert isinstance(trunk, GatedFusionTrunk)
    batch = rows(10)
    pairs = zip(network.widths, network.encoders, strict=True)
    weights = trunk.weights([encode(batch[name]) for name, encode in pairs])
    assert weights.shape == (10, 3)
    torch.testing.assert_close(weights.sum(1), torch.ones(10))
    assert (weights.std(0) > 0.01).all()


def test_parameter_count_by_hand():
    network = build(MODELS[0], outputs=2)
    norms = 2 * (6 + 4)
    types = TYPES * 3
    numbers = NUMBERS * 5 + 5
    trunk = (6 + 4 + 3 + 5) * 16 + 2 * 16 + 16 * 8 + 2 * 8
    head = 8 * 2 + 2
    assert parameter_count(network) == norms + types + numbers + trunk + head
    network.head.bias.requires_grad_(False)
    assert parameter_count(network) == norms + types + numbers + trunk + head - 2


def test_networks_that_differ_are_told_apart():
    networks = [
        build(MLP),
        build(MLP.model_copy(update={"input_dropout": 0.1})),
        build(MLP, "a b types"),
        network_of(FEATURES["a"], types_of(["t"], dropout=0.3)),
        network_of(FEATURES["a"], types_of(["t"], dropout=0.2)),
        network_of(Given("n", lambda: NgramBag(BagOptions(buckets=16, dropout=0.1)))),
        network_of(Given("n", lambda: NgramBag(BagOptions(buckets=16, dropout=0.2)))),
    ]
    assert len({str(network) for network in networks}) == len(networks)


def test_faults():
    with pytest.raises(ValueError, match="a feature that it can see"):
        network_of(Given("terms"))
    with pytest.raises(ValueError, match=r"initial_bias \(2,\) is not \(1,\)"):
        build(MLP, initial_bias=torch.zeros(2))
    with pytest.raises(KeyError, match="types"):
        build(MLP)(batch_of(a=rows(4)["a"], b=rows(4)["b"]))
