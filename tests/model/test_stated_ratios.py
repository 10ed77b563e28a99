"""The prior of ratios against sums by hand, in float64."""

import numpy as np
import pytest
import torch

from product_length.model.mixture import Mixture
from product_length.model.outputs import Outputs, Scale
from product_length.model.stated_prior import StatedRatios

EDGES = torch.tensor([50.0, 100.0, 200.0, 400.0]).log()
BLUR = torch.eye(5) * 0.8 + 0.04
WHOLE = torch.tensor([0.1, 0.3, 0.3, 0.2, 0.1])
TO = Outputs(EDGES, BLUR, WHOLE)
# Column 1 of the block is no length. 0: not stated, once standardised.
SCALE = Scale(torch.tensor([5.0, 9.0, 4.0]), torch.tensor([0.5, 9.0, 2.0]))
STATED = torch.tensor(
    [[100.0, 0.0], [100.0, 30.0], [300.0, 0.0], [80.0, 90.0], [0.0, 20.0], [60.0, 0.0]]
)
LENGTHS = torch.tensor([100.0, 50.0, 150.0, 40.0, 60.0, 152.4])
CODES = torch.tensor([1, 1, 1, 2, 2, 0])


def block_of(stated):
    logs = torch.log1p(
        torch.stack([stated[:, 0], torch.full((len(stated),), 7.0), stated[:, 1]], 1)
    )
    block = (logs - SCALE.mean) / SCALE.deviation
    block[:, [0, 2]] *= stated > 0
    return block


def filled(codes=CODES, width=2):
    torch.manual_seed(0)
    prior = StatedRatios([0, 2], None if codes is None else 3, width)
    prior.tell(SCALE)
    prior.fill(block_of(STATED)[:, [0, 2]], LENGTHS, codes)
    torch.nn.init.normal_(prior.score.weight)
    with torch.no_grad():
        prior.log_whole_ratios.copy_(torch.tensor([2.0, 5.0]).log())
    return prior


def by_hand(prior, stated, features, code, left_out=None):
    """One row; `left_out`: of which training row the ratios do not count."""
    scores = prior.score(features).detach().double().numpy()
    added = prior.log_whole_ratios.detach().double().exp().numpy()
    known = [column for column in (0, 1) if stated[column] > 0]
    trust = np.exp(scores) / sum(np.exp(scores[column]) for column in known)
    found = np.zeros(5)
    for column in known:
        rows = [row for row in range(6) if STATED[row, column] > 0]
        usual = [float(LENGTHS[row] / STATED[row, column]) for row in rows if row != left_out]
        own = [
            float(LENGTHS[row] / STATED[row, column])
            for row in rows
            if code and CODES[row] == code and row != left_out
        ]
        weights = [1.0] * len(own) + [added[column] / len(usual)] * len(usual)
        for ratio, weight in zip(own + usual, weights, strict=True):
            place = int(np.searchsorted(EDGES.numpy(), np.log(float(stated[column]) * ratio)))
            share = trust[column] * weight / (len(own) + added[column])
            found += share * BLUR[place].double().numpy()
    return 0.98 * found + 0.02 * WHOLE.double().numpy()


@pytest.mark.parametrize("training", [False, True])
def test_stated_lengths_are_multiplied_by_what_was_counted(training):
    prior = filled()
    features = torch.randn(6, 2, generator=torch.Generator().manual_seed(2))
    own = LENGTHS if training else None
    with torch.no_grad():
        logs, some = prior(block_of(STATED), features, CODES, own, TO)
    assert some.all()
    for row in range(6):
        wanted = by_hand(
            prior, STATED[row], features[row], int(CODES[row]), row if training else None
        )
        np.testing.assert_allclose(logs[row].exp().numpy(), wanted, rtol=1e-4)


def test_a_twin_s_ratio_still_counts():
    """Two rows of type 1 with one ratio: each is told of the other's."""
    prior = StatedRatios([0, 2], 3, 2)
    prior.tell(SCALE)
    stated = torch.tensor([[100.0, 0.0], [100.0, 0.0]])
    lengths, codes = torch.tensor([250.0, 250.0]), torch.tensor([1, 1])
    prior.fill(block_of(stated)[:, [0, 2]], lengths, codes)
    prior.usual[:] = torch.nan
    prior.usual[:, 0] = 0.0
    with torch.no_grad():
        prior.log_whole_ratios.fill_(-20.0)
        told, _ = prior(block_of(stated), torch.zeros(2, 2), codes, lengths, TO)
        alone, _ = prior(block_of(stated[:1]), torch.zeros(1, 2), codes[:1], None, TO)
    torch.testing.assert_close(told[0].exp(), 0.98 * BLUR[3] + 0.02 * WHOLE)
    torch.testing.assert_close(told[0], alone[0])


def test_the_only_row_that_states_such_a_length_is_told_of_the_whole_catalogue():
    prior = StatedRatios([0, 2], 3, 2)
    prior.tell(SCALE)
    stated, lengths = torch.tensor([[100.0, 0.0]]), torch.tensor([250.0])
    prior.fill(block_of(stated)[:, [0, 2]], lengths, CODES[:1])
    with torch.no_grad():
        told, some = prior(block_of(stated), torch.zeros(1, 2), CODES[:1], lengths, TO)
        other, _ = prior(block_of(torch.tensor([[0.0, 50.0]])), torch.zeros(1, 2), None, None, TO)
    assert some.all()
    torch.testing.assert_close(told[0].exp(), WHOLE)
    torch.testing.assert_close(other[0].exp(), WHOLE)  # of no row is a ratio known


def test_of_many_ratios_as_many_quantiles_are_kept():
    ratios = np.random.default_rng(3).lognormal(0, 1, 999).astype(np.float32)
    stated = torch.stack([torch.full((999,), 100.0), torch.zeros(999)], dim=1)
    prior = StatedRatios([0, 2], 2, 2)
    prior.tell(SCALE)
    codes = torch.tensor([1] * 998 + [0])
    prior.fill(block_of(stated)[:, [0, 2]], torch.from_numpy(100 * ratios), codes)
    for found, some in ((prior.usual[0], ratios), (prior.of_type[1, 0], ratios[:998])):
        spaced = (np.arange(32) + 0.5) / 32
        wanted = np.quantile(np.log(some), spaced, method="inverted_cdf")
        gap = np.sort(np.log(some))
        at = np.searchsorted(gap, found.numpy() - 1e-5)
        np.testing.assert_allclose(at, np.searchsorted(gap, wanted), atol=1)
    assert prior.of_type[0].isnan().all()  # unknown types are no type
    assert prior.of_type[:, 1].isnan().all()  # nobody states the other column


def test_a_type_that_is_unknown_or_that_there_is_not_has_the_usual_ratios():
    features = torch.randn(6, 2, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        unknown, _ = filled()(block_of(STATED), features, torch.zeros_like(CODES), LENGTHS, TO)
        without, _ = filled(codes=None)(block_of(STATED), features, None, LENGTHS, TO)
    torch.testing.assert_close(unknown, without)


def test_who_states_nothing_is_told_of_the_whole_catalogue_and_gives_the_prior_no_share():
    prior = filled()
    nothing = block_of(torch.zeros(1, 2))
    logs, some = prior(nothing, torch.randn(1, 2), CODES[:1], None, TO)
    assert not some.any()
    torch.testing.assert_close(logs.exp(), WHOLE[None])
    mixture = Mixture(["ratios"], 2, 5, columns=[0, 2])
    mixture.fill(TO, lengths=LENGTHS, stated=SCALE, columns=block_of(STATED)[:, [0, 2]])
    raw = torch.tensor([[1.0, 2.0, 3.0, 2.0, 1.0]])
    with torch.no_grad():
        silent = mixture(raw, torch.zeros(1, 2), dimensions=nothing)
        told = mixture(raw, torch.zeros(1, 2), dimensions=block_of(STATED[:1]))
    torch.testing.assert_close(silent, raw.log_softmax(dim=1))
    assert not torch.allclose(told, silent)


def test_what_is_said_is_combined_with_what_is_expected():
    prior = filled()
    with torch.no_grad():
        prior.powers.copy_(torch.tensor([0.7, -0.4]))
        found = prior.combined(BLUR[1].log()[None], WHOLE.log()[None]).exp()[0]
    first, second = 2 / (1 + np.exp(-0.7)), 2 / (1 + np.exp(0.4))
    wanted = BLUR[1].double().numpy() ** first * WHOLE.double().numpy() ** second
    np.testing.assert_allclose(found.numpy(), wanted / wanted.sum(), rtol=1e-5)


def test_packages_tell_the_length_of_what_is_in_them():
    """100 products whose package is 1.25 times as long: the next one's length is known."""
    random = np.random.default_rng(0)
    lengths = torch.from_numpy(random.uniform(60, 380, 100).astype(np.float32))
    packages = torch.stack([torch.zeros(100), 1.25 * lengths], dim=1)
    mixture = Mixture(["types", "ratios"], 2, 5, types=2, columns=[0, 2])
    codes = torch.ones(100, dtype=torch.int64)
    told = Outputs(EDGES, torch.eye(5), WHOLE)
    columns = block_of(packages)[:, [0, 2]]
    mixture.fill(told, lengths=lengths, codes=codes, stated=SCALE, columns=columns)
    assert mixture.ratios is not None
    asked = torch.tensor([[0.0, 90.0], [0.0, 300.0]])
    said, _ = mixture.ratios(block_of(asked), torch.zeros(2, 2), codes[:2], None, told)
    assert said.exp()[0, 1] > 0.98
    assert said.exp()[1, 3] > 0.98
