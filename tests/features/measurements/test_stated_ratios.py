"""Ratios of lengths to stated lengths against sums by hand, in float64."""

import numpy as np
import pytest
import torch
from builders import batch_of, small_grid, training_of

from product_length.features.measurements.columns import column_names, pointer_columns
from product_length.features.measurements.expert import MeasurementsExpert, Ratios

GRID = small_grid()
EDGES, BLUR, MARGINAL = GRID.edges, GRID.smoothing, GRID.marginal
NONE = torch.nan
STATED = torch.tensor(
    [[100.0, NONE], [100.0, 30.0], [300.0, NONE], [80.0, 90.0], [NONE, 20.0], [60.0, NONE]]
)
LENGTHS = torch.tensor([110.0, 50.0, 150.0, 40.0, 60.0, 152.4])
CODES = torch.tensor([1, 1, 1, 2, 2, 0])


def fitted(codes=CODES, width=2):
    torch.manual_seed(0)
    ratios = Ratios(2, None if codes is None else 3, width)
    ratios.fit(STATED.log(), LENGTHS.log(), codes)
    torch.nn.init.normal_(ratios.score.weight)
    with torch.no_grad():
        ratios.log_added_ratios.copy_(torch.tensor([2.0, 5.0]).log())
    return ratios


def said(ratios, stated, hidden=None, codes=None, own=None):
    hidden = torch.zeros(len(stated), 2) if hidden is None else hidden
    with torch.no_grad():
        return ratios(
            stated.log(), ~stated.isnan(), hidden, codes, None if own is None else own.log(), GRID
        )


def by_hand(ratios, stated, hidden, code, left_out=None):
    """One row; `left_out`: of which training row the ratios do not count."""
    scores = ratios.score(hidden).detach().double().numpy()
    added = ratios.log_added_ratios.detach().double().exp().numpy()
    known = [column for column in (0, 1) if not stated[column].isnan()]
    trust = np.exp(scores) / sum(np.exp(scores[column]) for column in known)
    found = np.zeros(4)
    for column in known:
        rows = [row for row in range(6) if not STATED[row, column].isnan()]
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
    return 0.98 * found + 0.02 * MARGINAL.double().numpy()


@pytest.mark.parametrize("training", [False, True])
def test_stated_lengths_are_multiplied_by_what_was_counted(training):
    ratios = fitted()
    hidden = torch.randn(6, 2, generator=torch.Generator().manual_seed(2))
    found = said(ratios, STATED, hidden, CODES, LENGTHS if training else None)
    for row in range(6):
        left_out = row if training else None
        wanted = by_hand(ratios, STATED[row], hidden[row], int(CODES[row]), left_out)
        np.testing.assert_allclose(found[row].exp().numpy(), wanted, rtol=1e-4)


def test_a_twin_s_ratio_still_counts():
    """Two rows of type 1 with one ratio: each hears of the other's."""
    ratios = Ratios(2, 3, 2)
    stated = torch.tensor([[100.0, NONE]] * 2)
    lengths, codes = torch.tensor([250.0, 250.0]), torch.tensor([1, 1])
    ratios.fit(stated.log(), lengths.log(), codes)
    ratios.usual[:] = NONE
    ratios.usual[:, 0] = 0.0
    with torch.no_grad():
        ratios.log_added_ratios.fill_(-20.0)
    twin = said(ratios, stated, None, codes, lengths)[0]
    torch.testing.assert_close(twin.exp(), 0.98 * BLUR[2] + 0.02 * MARGINAL)
    torch.testing.assert_close(twin, said(ratios, stated[:1], None, codes[:1])[0])


def test_where_no_other_ratio_is_known_it_is_the_marginal():
    ratios = Ratios(2, 3, 2)
    stated, lengths = torch.tensor([[100.0, NONE]]), torch.tensor([250.0])
    ratios.fit(stated.log(), lengths.log(), CODES[:1])
    for asked, own in ((stated, lengths), (torch.tensor([[NONE, 50.0], [NONE, NONE]]), None)):
        found = said(ratios, asked, None, CODES[:1].expand(len(asked)), own).exp()
        torch.testing.assert_close(found, MARGINAL.expand(len(asked), -1))


def test_of_many_ratios_as_many_quantiles_are_kept():
    counted = np.random.default_rng(3).lognormal(0, 1, 999).astype(np.float32)
    stated = torch.tensor([[100.0, NONE]]).expand(999, -1)
    ratios = Ratios(2, 2, 2)
    ratios.fit(stated.log(), torch.from_numpy(100 * counted).log(), torch.tensor([1] * 998 + [0]))
    for found, some in ((ratios.usual[0], counted), (ratios.of_type[1, 0], counted[:998])):
        spaced = (np.arange(32) + 0.5) / 32
        wanted = np.quantile(np.log(some), spaced, method="inverted_cdf")
        ordered = np.sort(np.log(some))
        at = np.searchsorted(ordered, found.numpy() - 1e-5)
        np.testing.assert_allclose(at, np.searchsorted(ordered, wanted), atol=1)
    assert ratios.of_type[0].isnan().all()  # unknown types are no type
    assert ratios.of_type[:, 1].isnan().all()  # nobody states the other column


def test_a_type_that_is_unknown_or_that_there_is_not_has_the_usual_ratios():
    hidden = torch.randn(6, 2, generator=torch.Generator().manual_seed(2))
    unknown = said(fitted(), STATED, hidden, torch.zeros_like(CODES), LENGTHS)
    torch.testing.assert_close(unknown, said(fitted(codes=None), STATED, hidden, None, LENGTHS))


def test_what_is_said_is_combined_with_what_is_expected():
    ratios = fitted()
    with torch.no_grad():
        ratios.powers.copy_(torch.tensor([0.7, -0.4]))
        found = ratios.combined(BLUR[1].clamp(min=1e-9).log()[None], MARGINAL.log()[None]).exp()[0]
    first, second = 2 / (1 + np.exp(-0.7)), 2 / (1 + np.exp(0.4))
    wanted = BLUR[1].clamp(min=1e-9).double().numpy() ** first * MARGINAL.double().numpy() ** second
    np.testing.assert_allclose(found.numpy(), wanted / wanted.sum(), rtol=1e-5)


def test_packages_tell_the_length_of_what_is_in_them():
    """100 products whose package is 1.25 times as long: the next one's length is known."""
    lengths = np.random.default_rng(0).uniform(60, 380, 100).astype(np.float32)
    column = np.full((102, len(column_names())), np.nan, np.float32)
    package = pointer_columns()[-1]
    column[:100, package] = np.log(1.25 * lengths)
    column[100:, package] = np.log([90, 300])
    expert = MeasurementsExpert(GRID, 2, 2, ratios=True).eval()
    codes = np.ones(102, np.int64)
    expert.fit(training_of(lengths, types=codes, measurements=column))
    batch = batch_of(types=torch.ones(2).long(), measurements=torch.from_numpy(column[100:]))
    expected = MARGINAL.log().expand(2, -1)
    with torch.no_grad():
        opinion = expert(batch, torch.zeros(2, 2), expected)
    shares = opinion.log_probs[:, 1].exp()
    wanted = 0.98 * BLUR[[0, 2]] + 0.02 * MARGINAL  # of 72 and of 240
    torch.testing.assert_close(shares, wanted, atol=0.02, rtol=0)
    combined = expert.ratios.combined(opinion.log_probs[:, 1], expected)
    torch.testing.assert_close(opinion.log_probs[:, 2], combined)
