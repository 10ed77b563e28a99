"""The prior of terms against a product by hand."""

import numpy as np
import pytest
import torch

from product_length.model.mixture import Mixture
from product_length.model.outputs import Members, Outputs
from product_length.model.term_prior import TermPrior

WHOLE = torch.tensor([0.1, 0.4, 0.3, 0.2])
BLUR = torch.tensor(
    [[0.9, 0.1, 0.0, 0.0], [0.1, 0.8, 0.1, 0.0], [0.0, 0.1, 0.8, 0.1], [0.0, 0.0, 0.1, 0.9]]
)
TOLD = Outputs(torch.tensor([100.0, 200.0, 400.0]).log(), BLUR, WHOLE)
# 1: a type; 2, 3: words; 4, 5: words within the type.
PARENTS = torch.tensor([0, 0, 0, 0, 1, 1])
COUNTS = torch.tensor(
    [
        [7.0, 7.0, 7.0, 7.0],
        [2.0, 5.0, 4.0, 0.0],
        [9.0, 1.0, 0.0, 0.0],
        [0.0, 0.0, 3.0, 6.0],
        [2.0, 3.0, 0.0, 0.0],
        [0.0, 1.0, 4.0, 0.0],
    ]
)


def filled(width=3):
    torch.manual_seed(4)
    prior = TermPrior(5, width, 4)
    prior.fill(COUNTS, PARENTS, WHOLE)
    torch.nn.init.normal_(prior.of_product.weight)
    return prior


def shrunk(counts, towards, rows):
    return (counts + rows * towards) / (counts.sum() + rows)


def by_hand(prior, entries, features, own=None):
    """float64, entry by entry."""
    left_out = np.zeros(4) if own is None else BLUR[own].numpy()
    parent_rows = float(prior.log_parent_rows.detach().exp())
    counts = COUNTS.double().numpy().copy()
    counts[0] = 0

    def rest(entry):
        return (counts[entry] - left_out).clip(min=0)

    base = shrunk(rest(entries[0]), WHOLE.double().numpy(), 3.0)
    logs = np.log(base)
    for entry in entries[1:]:
        if entry == 0:
            continue
        above = base if PARENTS[entry] else WHOLE.double().numpy()
        facts = prior.facts[entry]
        given = prior.of_product(features)
        score = prior.weight(facts)[0] + given[0] + (facts * given[1:]).sum()
        weight = float(score.detach().sigmoid())
        logs += weight * np.log(shrunk(rest(entry), above, parent_rows) / above)
    return np.exp(logs) / np.exp(logs).sum()


@pytest.mark.parametrize("own", [None, [1, 3, 0, 2]])
def test_each_word_multiplies_by_what_it_changes(own):
    prior = filled()
    entries = torch.tensor([[1, 2, 3, 4, 5], [1, 2, 0, 5, 0], [0, 3, 2, 0, 0], [0, 0, 0, 0, 0]])
    features = torch.randn(4, 3, generator=torch.Generator().manual_seed(1))
    outputs = None if own is None else torch.tensor(own)
    with torch.no_grad():
        found = prior(entries.int(), features, outputs, WHOLE, BLUR).exp()
    for row in range(4):
        wanted = by_hand(
            prior, entries[row].tolist(), features[row], None if own is None else own[row]
        )
        np.testing.assert_allclose(found[row].numpy(), wanted, rtol=1e-4)
    if own is None:
        torch.testing.assert_close(found[3], WHOLE)  # nothing is known of it


def test_facts_are_standardised_and_tell_types_apart():
    facts = filled().facts
    torch.testing.assert_close(facts[1:, :3].mean(dim=0), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(facts[1:, :3].std(dim=0, correction=0), torch.ones(3))
    assert facts[:, 3].tolist() == [-1, -1, -1, -1, 1, 1]
    gains = facts[:, 1]
    assert gains[2] == gains[1:].max()  # the word whose rows are least like the catalogue's


@pytest.mark.parametrize("entries", [0, 1])
def test_few_entries_or_none(entries):
    prior = TermPrior(entries, 2, 4)
    prior.fill(torch.ones(entries + 1, 4), torch.zeros(entries + 1, dtype=torch.int64), WHOLE)
    given = torch.full((2, 3), entries, dtype=torch.int32)
    found = prior(given, torch.zeros(2, 2), None, WHOLE, BLUR)
    assert found.isfinite().all()
    torch.testing.assert_close(found.exp().sum(dim=1), torch.ones(2))


def test_a_mixture_counts_the_rows_of_entries():
    mixture = Mixture(["terms"], 2, 4, entries=2)
    lengths = torch.tensor([50.0, 150.0, 150.0, 999.0])
    members = Members(
        torch.tensor([0, 1, 1, 3]), torch.tensor([1, 1, 2, 2]), torch.tensor([0, 0, 1])
    )
    mixture.fill(TOLD, lengths=lengths, members=members)
    assert mixture.terms is not None
    torch.testing.assert_close(
        mixture.terms.counts, torch.stack([torch.zeros(4), BLUR[0] + BLUR[1], BLUR[1] + BLUR[3]])
    )
    raw, features = torch.randn(4, 4), torch.randn(4, 2)
    terms = torch.tensor([[1, 0], [1, 2], [0, 0], [0, 2]], dtype=torch.int32)
    with torch.no_grad():
        blind = mixture(raw, features, terms=terms)
        told = mixture(raw, features, terms=terms, lengths=lengths)
        alone = mixture.terms(terms, features, None, WHOLE, BLUR).exp()
    torch.testing.assert_close(blind.exp(), (raw.softmax(dim=1) + alone) / 2)
    assert not torch.allclose(blind[1], told[1])  # it is left out of its own entries
