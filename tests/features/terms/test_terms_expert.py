"""The expert of terms against a product by hand."""

import numpy as np
import pytest
import torch
from builders import batch_of, small_grid, training_of

from product_length.catalogue.vocabulary import Vocabulary
from product_length.features.terms.expert import TermsExpert
from product_length.features.terms.index import Pairs, TermIndex

GRID = small_grid()
BLUR, MARGINAL = GRID.smoothing, GRID.marginal
COUNTS = torch.tensor(
    [
        [7.0, 7.0, 7.0, 7.0],
        [9.0, 1.0, 0.0, 0.0],
        [0.0, 0.0, 3.0, 6.0],
        [2.0, 5.0, 4.0, 0.0],
        [2.0, 3.0, 0.0, 0.0],
        [0.0, 1.0, 4.0, 0.0],
    ]
)


def index_of(*keys):
    """Entries of a type and three words: 1, 2, 3 are words, 4 is the type, 5 … words within it."""
    gains = np.zeros(len(keys), np.float32)
    words = Vocabulary(["a", "b", "c"])
    return TermIndex("title", 120, 2, Vocabulary(["t"]), words, np.array(keys, np.int64), gains)


# 1, 2: words; 3: a type; 4, 5: words within the type.
INDEX = index_of(1, 2, 4, 5, 6)
PARENTS = [0, 0, 0, 0, 3, 3]


def counted(width=3):
    torch.manual_seed(4)
    expert = TermsExpert(GRID, width, INDEX, None, tilt=False)
    expert.set_counts(COUNTS)
    torch.nn.init.normal_(expert.of_product.weight)
    return expert


def shrunk(counts, towards, rows):
    return (counts + rows * towards) / (counts.sum() + rows)


def by_hand(expert, entries, hidden, own=None):
    """float64, entry by entry."""
    left_out = np.zeros(4) if own is None else BLUR[own].numpy()
    parent_rows = float(expert.log_parent_rows.detach().exp())
    counts = COUNTS.double().numpy().copy()
    counts[0] = 0

    def rest(entry):
        return (counts[entry] - left_out).clip(min=0)

    base = shrunk(rest(entries[0]), MARGINAL.double().numpy(), 3.0)
    logs = np.log(base)
    for entry in entries[1:]:
        if entry == 0:
            continue
        above = base if PARENTS[entry] else MARGINAL.double().numpy()
        facts = expert.facts[entry]
        given = expert.of_product(hidden)
        score = expert.weight(facts)[0] + given[0] + (facts * given[1:]).sum()
        weight = float(score.detach().sigmoid())
        logs += weight * np.log(shrunk(rest(entry), above, parent_rows) / above)
    return np.exp(logs) / np.exp(logs).sum()


@pytest.mark.parametrize("own", [None, [1, 3, 0, 2]])
def test_each_word_multiplies_by_what_it_changes(own):
    expert = counted()
    entries = torch.tensor([[3, 1, 2, 4, 5], [3, 1, 0, 5, 0], [0, 2, 1, 0, 0], [0, 0, 0, 0, 0]])
    hidden = torch.randn(4, 3, generator=torch.Generator().manual_seed(1))
    left_out = None if own is None else (BLUR[own], BLUR[own])
    with torch.no_grad():
        found = expert.reweighed(entries, hidden, left_out).exp()
    for row in range(4):
        wanted = by_hand(
            expert, entries[row].tolist(), hidden[row], None if own is None else own[row]
        )
        np.testing.assert_allclose(found[row].numpy(), wanted, rtol=1e-4)
    if own is None:
        torch.testing.assert_close(found[3], MARGINAL)  # nothing is known of it


def test_facts_are_standardised_and_tell_types_apart():
    facts = counted().facts
    torch.testing.assert_close(facts[1:, :3].mean(dim=0), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(facts[1:, :3].std(dim=0, correction=0), torch.ones(3))
    assert facts[:, 3].tolist() == [-1, -1, -1, -1, 1, 1]
    gains = facts[:, 1]
    assert gains[1] == gains[1:].max()  # the word whose rows are least like the catalogue's


@pytest.mark.parametrize("entries", [0, 1])
def test_few_entries_or_none(entries):
    expert = TermsExpert(GRID, 2, index_of(*range(1, 1 + entries)), None, tilt=False)
    expert.set_counts(torch.ones(entries + 1, 4))
    given = torch.full((2, 3), entries, dtype=torch.int32)
    found = expert.reweighed(given, torch.zeros(2, 2), None)
    assert found.isfinite().all()
    torch.testing.assert_close(found.exp().sum(dim=1), torch.ones(2))


def test_it_counts_the_rows_of_entries_and_later_experts_start_from_what_it_says():
    members = Pairs(np.array([0, 1, 1, 3]), np.array([1, 1, 2, 2]))
    expert = TermsExpert(GRID, 2, index_of(4, 5), members, tilt=True)
    expert.fit(training_of(np.array([50.0, 150.0, 150.0, 999.0])))
    wanted = torch.stack([torch.zeros(4), BLUR[0] + BLUR[1], BLUR[1] + BLUR[3]])
    torch.testing.assert_close(expert.counts, wanted)
    terms = torch.tensor([[1, 0], [1, 2], [0, 0], [0, 2]], dtype=torch.int32)
    hidden, expected = torch.randn(4, 2), MARGINAL.log().expand(4, -1)
    with torch.no_grad():
        opinion = expert.eval()(batch_of(terms=terms), hidden, expected)
        plain = expert.reweighed(terms, hidden, None)
    torch.testing.assert_close(opinion.log_probs[:, 0], plain)  # a tilt that learned nothing
    torch.testing.assert_close(opinion.expected, opinion.log_probs[:, 0])
    with pytest.raises(ValueError, match="not fitted again"):
        TermsExpert(GRID, 2, INDEX, None, tilt=True).fit(training_of(np.ones(4)))
