"""What an expert counts of a training row, and of its text, is not what it tells that row."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from builders import batch_of, fit_demo, small_grid

from product_length.features.columns import Batch
from product_length.features.left_out import repeated_texts
from product_length.features.terms.index import Pairs

GRID = small_grid()
COPIED = 30


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    """Few rows: of each ratio all are kept."""
    features = {
        "types": {"expert": True, "min_rows": 1},
        "terms": {"min_rows": 2},
        "measurements": {"expert": True},
    }
    return fit_demo(tmp_path_factory.mktemp("cache"), features, rows=100)


def with_copies(training, feature, factor):
    """The first training rows once more, with lengths so many times as long."""
    rows = np.concatenate([training.rows, training.rows[:COPIED]])
    lengths = np.concatenate([training.lengths, training.lengths[:COPIED] * np.float32(factor)])
    texts = np.zeros(len(training.products), np.int64)
    texts[training.rows[:COPIED]] = np.arange(1, COPIED + 1)
    if feature.name == "terms":
        of_rows, entries = feature.members
        some = of_rows < COPIED
        members = Pairs(
            np.concatenate([of_rows, of_rows[some] + len(training.rows)]),
            np.concatenate([entries, entries[some]]),
        )
        feature = replace(feature, members=members)
    return replace(training, rows=rows, lengths=lengths, repeated_texts=texts), feature


def without(training, feature, places):
    """The same without some training rows."""
    kept = np.delete(np.arange(len(training.rows)), places)
    if feature.name == "terms":
        of_rows, entries = feature.members
        some = np.isin(of_rows, kept)
        places_now = np.searchsorted(kept, of_rows[some])
        feature = replace(feature, members=Pairs(places_now, entries[some]))
    training = replace(training, rows=training.rows[kept], lengths=training.lengths[kept])
    return training, feature


def said(expert, batch):
    hidden = torch.randn(len(batch), 3, generator=torch.Generator().manual_seed(0))
    expected = GRID.marginal.log().expand(len(batch), -1)
    return expert(batch, hidden, expected).log_probs.detach()


def check(training, feature, columns, rows_of):
    """In training each of some rows hears what it would without those that `rows_of` gives."""
    expert = feature.expert(GRID, 3)
    expert.fit(training)
    texts = training.repeated_texts
    batch = Batch(
        {key: torch.from_numpy(column[training.rows]) for key, column in columns.items()},
        torch.from_numpy(training.lengths),
        None if texts is None else torch.from_numpy(texts[training.rows]),
    )
    in_training, later = said(expert.train(), batch), said(expert.eval(), batch)
    blind = batch_of(**batch.columns)
    torch.testing.assert_close(later, said(expert, blind), rtol=0, atol=0)
    changed = ~torch.isclose(in_training, later, atol=1e-4).all(dim=2).all(dim=1)
    assert changed.sum() > 10
    for row in changed.nonzero()[:10, 0].tolist():
        fewer, known = without(training, feature, rows_of(row))
        other = known.expert(GRID, 3).eval()
        other.load_state_dict(dict(expert.named_parameters()), strict=False)
        other.fit(fewer)
        if feature.name == "terms":
            other.facts.copy_(expert.facts)  # how words weigh: nothing of a single length
        torch.testing.assert_close(said(other, blind)[row], in_training[row], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("name", ["types", "terms", "measurements"])
def test_in_training_it_says_what_it_would_say_without_the_row(fitted, name):
    feature = next(each for each in fitted.features if each.name == name)
    check(fitted.training, feature, fitted.columns, lambda row: [row])


@pytest.mark.parametrize(
    ("name", "factor"),
    [("types", 1), ("types", 2), ("terms", 1), ("terms", 2), ("measurements", 1)],
)
def test_in_training_it_says_what_it_would_say_without_the_text(fitted, name, factor):
    feature = next(each for each in fitted.features if each.name == name)
    first = len(fitted.training.rows)

    def same_text(row):
        return [row, first + row] if row < COPIED else [row]

    training, feature = with_copies(fitted.training, feature, factor)
    check(training, feature, fitted.columns, same_text)


def test_texts_are_numbered_that_several_training_rows_have():
    keys = np.array([7, 5, 7, 9, 5, 7, 9], np.uint64)
    found = repeated_texts(keys, np.array([0, 1, 2, 3, 4]))
    assert found[0] == found[2] > 0
    assert found[1] == found[4] > 0
    assert found[0] != found[1]
    assert found[[3, 5, 6]].tolist() == [0, 0, 0]
    assert repeated_texts(keys, np.array([0, 1, 3])) is None
