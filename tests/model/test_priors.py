"""The priors against sums by hand, and their mixture inside a network."""

import math

import numpy as np
import pyarrow as pa
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from product_length.catalogue.text import FIELDS
from product_length.features.config import DimensionOptions, KnnOptions, TypeOptions
from product_length.features.dimension_features import (
    DimensionScaler,
    dimension_feature_names,
    dimension_features,
    pointer_columns,
)
from product_length.features.dimension_stage import StatedByRows
from product_length.features.scaler import FeatureScaler
from product_length.loss.histogram import Histogram
from product_length.loss.point import Mape
from product_length.measurements.candidates import parse_fields
from product_length.model.config import Mlp, Prior
from product_length.model.mixture import Mixture
from product_length.model.neighbour_prior import NeighbourPrior
from product_length.model.network import Batch, LengthNetwork
from product_length.model.outputs import Outputs, Scale
from product_length.model.stated_prior import StatedLengths
from product_length.model.type_prior import TypePrior
from product_length.training.objective import HistogramObjective, PointObjective, build_objective
from product_length.training.priors import describe_outputs, fill_priors

# Outputs: below 100, to 200, to 400, above.
EDGES = torch.tensor([100.0, 200.0, 400.0]).log()
WHOLE = torch.tensor([0.1, 0.4, 0.3, 0.2])
BLURRED = torch.tensor(
    [[0.9, 0.1, 0.0, 0.0], [0.1, 0.8, 0.1, 0.0], [0.0, 0.1, 0.8, 0.1], [0.0, 0.0, 0.1, 0.9]]
)
TOLD = Outputs(EDGES, BLURRED, WHOLE)
K = 3
WIDTH = len(dimension_feature_names())
ALL: list[Prior] = ["neighbours", "types", "dimensions", "ratios"]


def block_of(lengths: Tensor, cosines: Tensor, same: Tensor, scaler: FeatureScaler) -> Tensor:
    """A standardised block as `neighbour_features` orders it; two statistics follow."""
    plain = torch.cat([torch.log1p(lengths), cosines, same, torch.full((len(same), 2), 9.0)], 1)
    return torch.from_numpy(((plain.numpy() - scaler.mean) / scaler.deviation).astype(np.float32))


def scaler_of(width: int = 3 * K + 2) -> FeatureScaler:
    random = np.random.default_rng(3)
    return FeatureScaler(random.normal(4, 2, width), random.uniform(0.2, 2, width))


def scale_of(scaler: FeatureScaler) -> Scale:
    return Scale(torch.from_numpy(scaler.mean), torch.from_numpy(scaler.deviation))


def neighbour_prior(scaler: FeatureScaler) -> NeighbourPrior:
    prior = NeighbourPrior(K)
    prior.mean.copy_(torch.from_numpy(scaler.mean[: 3 * K]))
    prior.deviation.copy_(torch.from_numpy(scaler.deviation[: 3 * K]))
    return prior


def test_neighbours_weigh_by_similarity_and_type() -> None:
    lengths = torch.tensor([[50.0, 150.0, 500.0], [300.0, 300.0, 150.0]])
    cosines = torch.tensor([[0.9, 0.8, 0.7], [0.5, 0.4, 0.3]])
    same = torch.tensor([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
    places = [[0, 1, 3], [2, 2, 1]]
    scaler = scaler_of()
    prior = neighbour_prior(scaler)
    with torch.no_grad():
        prior.log_sharpness.copy_(torch.tensor([4.0, 12.0]).log())
        prior.same_type.copy_(torch.tensor([1.5, -0.5]))
    found = prior(block_of(lengths, cosines, same, scaler), TOLD)
    assert len(found) == 2
    for got, sharpness, bonus in zip(found, (4.0, 12.0), (1.5, -0.5), strict=True):
        for row in range(2):
            weights = [
                math.exp(sharpness * float(c) + bonus * float(s))
                for c, s in zip(cosines[row], same[row], strict=True)
            ]
            shares = np.zeros(4)
            for place, weight in zip(places[row], weights, strict=True):
                shares += weight / sum(weights) * BLURRED[place].numpy()
            wanted = 0.98 * shares + 0.02 * WHOLE.numpy()
            np.testing.assert_allclose(got[row].detach().numpy(), wanted, rtol=1e-4)


def test_a_popular_length_falls_in_its_narrow_bin() -> None:
    """The block was standardised in float32: the length has to come back that exactly."""
    lengths = np.array([590.55] * 40 + [393.7] * 40 + list(range(1, 3000, 7)), np.float32)
    objective = HistogramObjective.build(Histogram(name="histogram"), lengths)
    told = describe_outputs(objective, lengths)
    scaler = scaler_of()
    asked = torch.tensor([[590.55, 393.7, 603.0]])
    with torch.no_grad():
        shares = neighbour_prior(scaler)(
            block_of(asked, torch.ones(1, 3), torch.zeros(1, 3), scaler), told
        )[0][0]
    own = torch.searchsorted(told.edges, asked.log())[0]
    width = told.edges[own[0]] - told.edges[own[0] - 1]
    assert width < 0.006
    # A third each, of which smoothing leaves a good part where it was.
    assert (shares[own[:2]] > 0.15).all()


def test_types_are_shrunk_to_the_whole_and_a_row_does_not_see_itself() -> None:
    prior = TypePrior(3, 4)
    prior.counts.copy_(torch.stack([torch.zeros(4), BLURRED[1] * 2 + BLURRED[3], BLURRED[0]]))
    with torch.no_grad():
        prior.log_whole_rows.copy_(torch.tensor(2.0).log())
    codes = torch.tensor([0, 1, 2, 1])
    seen = prior(codes, None, TOLD).detach()
    torch.testing.assert_close(seen[0], WHOLE)  # a type without rows
    torch.testing.assert_close(seen[1], (BLURRED[1] * 2 + BLURRED[3] + 2 * WHOLE) / 5)
    torch.testing.assert_close(seen[2], (BLURRED[0] + 2 * WHOLE) / 3)
    left_out = prior(codes[1:], torch.tensor([1, 0, 3]), TOLD).detach()
    torch.testing.assert_close(left_out[0], (BLURRED[1] + BLURRED[3] + 2 * WHOLE) / 4)
    torch.testing.assert_close(left_out[1], WHOLE)
    torch.testing.assert_close(left_out[2], (BLURRED[1] * 2 + 2 * WHOLE) / 4)


def test_each_stated_length_has_a_share_and_none_where_nothing_is_stated() -> None:
    mixture = Mixture(["dimensions"], 2, 4, columns=[0, 2])
    scale = Scale(torch.tensor([5.0, 9.0, 6.0]), torch.tensor([0.5, 9.0, 2.0]))
    mixture.fill(TOLD, lengths=torch.tensor([1000.0]), stated=scale)
    assert mixture.stated is not None
    with torch.no_grad():
        mixture.stated.score.weight.copy_(torch.tensor([[1.0, 0.0], [0.0, 1.0]]))
    lengths = torch.tensor([[150.0, 7.0, 500.0], [150.0, 7.0, 1.0]])
    block = (torch.log1p(lengths) - scale.mean) / scale.deviation
    block[1, 2] = 0  # not stated
    block = torch.cat([block, torch.zeros(1, 3)])
    features = torch.tensor([[3.0, 5.0], [2.0, 9.0], [1.0, 1.0]])
    raw = torch.tensor([[1.0, 2.0, 3.0, 4.0]]).expand(3, 4)
    found = mixture(raw, features, dimensions=block).exp().detach()
    own = raw.softmax(dim=1)[0]
    first, second = math.exp(3 - 4), math.exp(5 - 4)  # beside exp(0) for the network's own
    wanted = (own + first * BLURRED[1] + second * BLURRED[3]) / (1 + first + second)
    torch.testing.assert_close(found[0], wanted)
    first = math.exp(2 - 4)
    torch.testing.assert_close(found[1], (own + first * BLURRED[1]) / (1 + first))
    torch.testing.assert_close(found[2], own)


def test_a_number_that_was_cut_off_is_no_length() -> None:
    stated = StatedLengths([0, 1], 2)
    _, scores = stated(torch.tensor([[8.0, 7.9], [-8.0, -7.9]]), torch.zeros(2, 2))
    assert torch.isneginf(scores).tolist() == [[True, False], [True, False]]


def test_a_stated_length_falls_in_its_narrow_bin() -> None:
    """From texts to the distribution: what is stated, is mostly predicted if pointed at."""
    lengths = np.array([590.55] * 40 + [393.7] * 40 + list(range(1, 3000, 7)), np.float32)
    objective = HistogramObjective.build(Histogram(name="histogram"), lengths)
    texts = ["poster 15 cm long", "shelf 10 cm long", "a rug 14 inch wide", "a book"]
    fields = pa.record_batch({name: pa.array(texts) for name in FIELDS})
    features = dimension_features(parse_fields(fields, FIELDS[:1], 4))
    scaler = DimensionScaler.fit(features, np.arange(4))
    block = torch.from_numpy(scaler.standardise(features))
    columns = pointer_columns()
    prior = Mixture(["dimensions"], 2, objective.outputs, columns=columns)
    prior.fill(
        describe_outputs(objective, lengths),
        lengths=torch.from_numpy(lengths),
        stated=scale_of(scaler),
    )
    assert prior.stated is not None
    with torch.no_grad():
        prior.stated.score.bias.fill_(20)
        shares = prior(torch.zeros(4, objective.outputs), torch.zeros(4, 2), dimensions=block).exp()
    own = torch.searchsorted(prior.edges, torch.tensor([590.55, 393.7, 1400.0]).log())
    assert (shares[torch.arange(3), own] > 0.4).all()
    torch.testing.assert_close(shares[3], torch.full_like(shares[3], 1 / objective.outputs))


def test_filling_counts_the_training_rows_of_each_type() -> None:
    mixture = Mixture(["types"], 2, 4, types=3)
    lengths = torch.tensor([99.5, 150.0, 150.0, 1000.0, 250.0])
    codes = torch.tensor([1, 1, 1, 1, 2])
    mixture.fill(TOLD, lengths=lengths, codes=codes)
    assert mixture.types is not None
    wanted = torch.stack([torch.zeros(4), BLURRED[0] + 2 * BLURRED[1] + BLURRED[3], BLURRED[2]])
    torch.testing.assert_close(mixture.types.counts, wanted)


def test_filling_tells_how_blocks_were_standardised() -> None:
    mixture = Mixture(["neighbours", "dimensions"], 2, 4, k=K, columns=[1, 3])
    near, stated = scale_of(scaler_of()), scale_of(scaler_of(5))
    mixture.fill(TOLD, lengths=torch.tensor([1000.0]), near=near, stated=stated)
    assert mixture.neighbours is not None
    assert mixture.stated is not None
    for part, scale, columns in (
        (mixture.neighbours, near, list(range(3 * K))),
        (mixture.stated, stated, [1, 3]),
    ):
        torch.testing.assert_close(part.mean, scale.mean[columns].float())
        torch.testing.assert_close(part.deviation, scale.deviation[columns].float())


@given(st.integers(0, 2**32 - 1))
def test_every_mixture_is_a_distribution(seed: int) -> None:
    torch.manual_seed(seed)
    mixture = Mixture(ALL, 5, 4, k=K, types=3, columns=[1, 2, 4])
    rows = 6
    lengths = torch.rand(rows) * 2000 + 0.01
    mixture.fill(
        TOLD,
        lengths=lengths,
        codes=torch.randint(0, 3, (rows,)),
        near=scale_of(scaler_of()),
        stated=scale_of(scaler_of(6)),
    )
    assert mixture.stated is not None
    torch.nn.init.normal_(mixture.gate.weight, std=3)
    torch.nn.init.normal_(mixture.stated.score.weight, std=3)
    logs = mixture(
        torch.randn(rows, 4) * 10,
        torch.randn(rows, 5),
        neighbours=torch.randn(rows, 3 * K + 2) * 3,
        types=torch.randint(0, 3, (rows,)),
        dimensions=torch.randn(rows, 6) * torch.randint(0, 2, (rows, 1)),
        lengths=lengths if seed % 2 else None,
    )
    torch.testing.assert_close(logs.exp().sum(dim=1), torch.ones(rows))


def test_the_gate_starts_with_equal_shares() -> None:
    mixture = Mixture(["types"], 2, 4, types=1)
    mixture.fill(TOLD, lengths=torch.tensor([1000.0]), codes=torch.tensor([0]))
    raw = torch.tensor([[1.0, 2.0, 3.0, 4.0]])
    logs = mixture(raw, torch.randn(1, 2), types=torch.tensor([0]))
    of_type = (BLURRED[3] + 3 * WHOLE) / 4
    equal = (raw.softmax(dim=1)[0] + 2 * of_type) / 3  # as counted, and tilted, by nothing yet
    torch.testing.assert_close(logs.exp()[0], equal)


def network_of(priors: list[Prior]) -> tuple[LengthNetwork, HistogramObjective, Batch]:
    random = np.random.default_rng(0)
    lengths = random.lognormal(6, 1, 60).astype(np.float32)
    objective = HistogramObjective.build(Histogram(name="histogram", bins=12), lengths)
    torch.manual_seed(0)
    network = LengthNetwork(
        options=Mlp(name="mlp", hidden=[8], dropout=0, batch_norm=False, priors=priors),
        embedding_dims=[6],
        type_count=4,
        type_options=TypeOptions(dimensions=3, dropout=0),
        neighbour_width=3 * K + 2,
        knn_options=KnnOptions(k=K, projection=5),
        dimension_width=WIDTH,
        dimension_options=DimensionOptions(projection=5),
        outputs=objective.outputs,
        initial_bias=objective.initial_bias(lengths),
    )
    codes = random.integers(0, 4, 60)
    scaler = scaler_of(WIDTH)
    block = random.normal(size=(60, WIDTH)).astype(np.float32)
    stated = StatedByRows(block, np.arange(60), DimensionScaler(scaler.mean, scaler.deviation))
    fill_priors(network, objective, lengths, codes, scaler_of(), stated)
    batch = Batch(
        (torch.from_numpy(random.normal(size=(60, 6)).astype(np.float32)),),
        torch.from_numpy(codes),
        torch.from_numpy(random.normal(size=(60, 3 * K + 2)).astype(np.float32)),
        torch.from_numpy(lengths),
        torch.from_numpy(block),
    )
    return network, objective, batch


def test_lengths_matter_in_training_only() -> None:
    network, _, batch = network_of(ALL)
    blind = batch._replace(lengths=None)
    with torch.no_grad():
        assert not torch.equal(network.train()(batch), network(blind))
        assert torch.equal(network.eval()(batch), network(blind))


def test_all_parts_learn() -> None:
    network, objective, batch = network_of(ALL)
    assert batch.lengths is not None
    torch.nn.init.normal_(network.head.weight)
    objective.cost(network.train()(batch), batch.lengths).backward()
    for name, weight in network.named_parameters():
        assert weight.grad is not None
        assert weight.grad.abs().sum() > 0, name


def test_weights_carry_what_priors_were_told() -> None:
    network, _, batch = network_of(ALL)
    other, _, _ = network_of(ALL)
    assert other.mixture is not None
    for buffer in other.mixture.buffers():
        buffer.zero_()
    other.load_state_dict(network.state_dict())
    with torch.no_grad():
        assert torch.equal(network.eval()(batch), other.eval()(batch))


def test_a_network_with_other_priors_is_another_network() -> None:
    kinds: list[list[Prior]] = [[], *([each] for each in ALL), ALL]
    assert len({str(network_of(priors)[0]) for priors in kinds}) == len(kinds)


@pytest.mark.parametrize(
    ("prior", "needed"),
    [*((name, name) for name in ALL[:3]), ("ratios", "dimensions"), ("terms",) * 2],
)
def test_a_prior_without_its_input_is_refused(prior: Prior, needed: str) -> None:
    with pytest.raises(ValueError, match=f"the prior of {prior} needs {needed}"):
        Mixture([prior], 2, 4)


def test_one_length_cannot_be_mixed() -> None:
    network, _, _ = network_of(["types"])
    lengths = np.ones(3, np.float32)
    point = build_objective(Mape(name="mape"), lengths, log_target=False)
    assert isinstance(point, PointObjective)
    with pytest.raises(ValueError, match="only a predicted distribution"):
        fill_priors(network, point, lengths, None, None, None)
