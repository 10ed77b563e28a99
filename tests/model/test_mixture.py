"""The mixture of the head's distribution with those of experts, by hand and as it is trained."""

import math

import numpy as np
import pytest
import torch
from builders import Given, batch_of, fit_demo, network_of, small_grid, training_of, types_of
from hypothesis import given
from hypothesis import strategies as st

from product_length.features.encoder import NumbersEncoder
from product_length.features.expert import Expert, Opinion
from product_length.features.scaler import Scaler
from product_length.loss.histogram import Histogram
from product_length.model.config import Mlp
from product_length.model.mixture import Mixture
from product_length.training.config import TrainerOptions
from product_length.training.module import FitModule
from product_length.training.objective import HistogramObjective

GRID = small_grid()
LOGITS = torch.tensor([[1.0, 2.0, 3.0, 4.0]])
ANY = torch.zeros(1, 3)
NONE = -math.inf


class Says(Expert):
    """Always the same: a distribution for each part, scores, and what later experts start from."""

    def __init__(self, probs, scores, expected=None, bins=GRID):
        super().__init__(bins)
        self.probs, self.given, self.then = torch.tensor(probs), torch.tensor(scores), expected

    def forward(self, _batch, hidden, expected):
        self.heard = expected
        rows = len(hidden)
        then = expected if self.then is None else self.then.log().expand(rows, -1)
        log_probs, scores = self.probs.log(), self.given
        return Opinion(log_probs.expand(rows, -1, -1), scores.expand(rows, -1), then)


def mixed(*experts, logits=LOGITS):
    named = {f"expert_{place}": expert for place, expert in enumerate(experts)}
    return Mixture(named, GRID, 3)(logits, ANY.expand(len(logits), -1), batch_of(x=logits)).exp()


def test_by_hand_in_a_network():
    """Scores ln 2 and ln 3 beside the head's own 0: shares of 1/6, 2/6 and 3/6."""
    parts = [[0.7, 0.1, 0.1, 0.1], [0.0, 0.0, 0.5, 0.5]]
    feature = Given(
        "given",
        make_encoder=lambda: NumbersEncoder(Scaler(np.zeros(1), np.ones(1)), 2),
        make_expert=lambda bins, _width: Says(parts, [math.log(2), math.log(3)], bins=bins),
    )
    network = network_of(feature, outputs=4, bins=GRID, initial_bias=LOGITS[0])
    with torch.no_grad():
        found = network.eval()(batch_of(given=torch.tensor([[5.0], [6.0]])))
    wanted = (LOGITS.softmax(1)[0] + 2 * torch.tensor(parts[0]) + 3 * torch.tensor(parts[1])) / 6
    torch.testing.assert_close(found.exp(), wanted.expand(2, -1))


@given(
    st.lists(st.lists(st.floats(-50, 50) | st.just(NONE), min_size=1, max_size=3), max_size=3),
    st.integers(0, 2**32 - 1),
)
def test_every_mixture_is_a_distribution(scores, seed):
    random = np.random.default_rng(seed)
    experts = [Says(random.dirichlet(np.ones(4), len(s)).astype(np.float32), s) for s in scores]
    logits = torch.from_numpy(random.normal(0, 10, (5, 4)).astype(np.float32))
    torch.testing.assert_close(mixed(*experts, logits=logits).sum(dim=1), torch.ones(5))


def test_an_expert_that_knows_nothing_has_no_share():
    silent = Says([[1.0, 0.0, 0.0, 0.0]], [NONE])
    torch.testing.assert_close(mixed(silent), LOGITS.softmax(dim=1))
    loud = Says([[0.0, 1.0, 0.0, 0.0]], [0.0])
    torch.testing.assert_close(mixed(silent, loud), mixed(loud))


def test_shares_are_equal_at_the_start():
    feature = types_of(["a"], expert=True)
    mixture = Mixture({"types": feature.expert(GRID, 3)}, GRID, 3)
    mixture.fit(training_of(np.array([999.0]), types=np.array([1])))
    with torch.no_grad():
        found = mixture.eval()(LOGITS, torch.randn(1, 3), batch_of(types=torch.tensor([1])))
    of_type = (GRID.smoothing[3] + 3 * GRID.marginal) / 4
    equal = (LOGITS.softmax(dim=1)[0] + 2 * of_type) / 3  # as counted, and tilted, by nothing yet
    torch.testing.assert_close(found.exp()[0], equal)


def test_what_is_expected_goes_from_one_expert_to_the_next():
    then = torch.tensor([0.1, 0.2, 0.3, 0.4])
    first, second, third = (Says([[0.25] * 4], [0.0], each) for each in (then, None, None))
    mixed(first, second, third)
    torch.testing.assert_close(first.heard.exp(), GRID.marginal[None])
    torch.testing.assert_close(second.heard.exp(), then[None])
    torch.testing.assert_close(third.heard.exp(), then[None])


def test_the_head_learns_its_own_distribution_where_the_gate_gives_it_no_share():
    lengths = np.random.default_rng(0).lognormal(6, 1, 60).astype(np.float32)
    objective = HistogramObjective.build(Histogram(name="histogram", bins=12), lengths)
    count, bins = objective.outputs, objective.bin_grid(lengths)
    feature = Given(
        make_encoder=lambda: NumbersEncoder(Scaler(np.zeros(1), np.ones(1)), 2),
        make_expert=lambda bins, _width: Says([[1 / count] * count], [1e4], bins=bins),
    )
    network = network_of(feature, outputs=count, bins=bins)
    batch = batch_of(torch.from_numpy(lengths), given=torch.ones(60, 1))
    own, found = network.own_and_mixed(batch)
    objective.cost(found, batch.lengths).backward()
    assert network.head.bias.grad.abs().max() < 1e-6
    rows = np.arange(60)
    module = FitModule(network, objective, batch, rows, rows, TrainerOptions(), seed=0)
    module.training_step(batch, 0).backward()
    wanted = (own.softmax(dim=1) - objective.targets(batch.lengths)).mean(dim=0)
    torch.testing.assert_close(network.head.bias.grad, wanted.detach(), atol=1e-6, rtol=1e-4)
    assert torch.equal(network(batch), network.own_and_mixed(batch)[1])


EXPERTS = {
    "types": {"expert": True, "dropout": 0},
    "neighbours": {"expert": True, "k": 4},
    "terms": {"min_rows": 3},
    "measurements": {"expert": True},
}


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    return fit_demo(tmp_path_factory.mktemp("cache"), EXPERTS)


def network_over(fitted, *names, fit=True):
    lengths = fitted.training.lengths
    objective = HistogramObjective.build(Histogram(name="histogram", bins=12), lengths)
    network = network_of(
        *(each for each in fitted.features if each.name in ("text", *names)),
        outputs=objective.outputs,
        options=Mlp(name="mlp", hidden=[8], dropout=0, batch_norm=False),
        bins=objective.bin_grid(lengths),
        initial_bias=objective.initial_bias(lengths),
    )
    if fit:
        network.fit_experts(fitted.training)
    columns = {
        name: torch.from_numpy(column[fitted.training.rows])
        for name, column in fitted.columns.items()
    }
    return network, objective, batch_of(torch.from_numpy(lengths), **columns)


def test_all_parts_learn(fitted):
    network, objective, batch = network_over(fitted, *EXPERTS)
    torch.nn.init.normal_(network.head.weight)
    objective.cost(network.train()(batch), batch.lengths).backward()
    for name, weight in network.named_parameters():
        assert weight.grad is not None, name
        assert weight.grad.abs().sum() > 0, name


def test_weights_carry_what_experts_counted(fitted):
    network, _, batch = network_over(fitted, *EXPERTS)
    other, _, _ = network_over(fitted, *EXPERTS, fit=False)
    other.load_state_dict(network.state_dict())
    with torch.no_grad():
        assert torch.equal(network.eval()(batch), other.eval()(batch))


def test_other_experts_are_another_network(fitted):
    chosen = [(), *((name,) for name in EXPERTS), tuple(EXPERTS)]
    assert len({str(network_over(fitted, *names)[0]) for names in chosen}) == len(chosen)
