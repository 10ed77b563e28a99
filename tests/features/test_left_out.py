"""What an expert counts of a training row is not what it tells that row in training."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from builders import batch_of, fit_demo, small_grid

from product_length.features.columns import Batch
from product_length.features.terms.index import Pairs

GRID = small_grid()


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    """Few rows: of each ratio all are kept."""
    features = {
        "types": {"expert": True, "min_rows": 1},
        "terms": {"min_rows": 2},
        "measurements": {"expert": True},
    }
    return fit_demo(tmp_path_factory.mktemp("cache"), features, rows=100)


@pytest.mark.parametrize("name", ["types", "terms", "measurements"])
def test_in_training_it_says_what_it_would_say_without_the_row(fitted, name):
    feature = next(each for each in fitted.features if each.name == name)
    training = fitted.training
    expert = feature.expert(GRID, 3)
    expert.fit(training)
    lengths = torch.from_numpy(training.lengths)
    batch = batch_of(
        lengths, **{key: torch.from_numpy(c[training.rows]) for key, c in fitted.columns.items()}
    )
    hidden = torch.randn(len(lengths), 3, generator=torch.Generator().manual_seed(0))
    expected = GRID.marginal.log().expand(len(lengths), -1)

    def said(expert, batch):
        return expert(batch, hidden, expected).log_probs.detach()

    in_training, later = said(expert.train(), batch), said(expert.eval(), batch)
    blind = Batch(batch.columns, None)
    torch.testing.assert_close(later, said(expert, blind), rtol=0, atol=0)
    changed = ~torch.isclose(in_training, later, atol=1e-4).all(dim=2).all(dim=1)
    assert changed.sum() > 10
    for row in changed.nonzero()[:10, 0].tolist():
        without = feature
        if name == "terms":
            rows, entries = feature.members
            kept = rows != row
            members = Pairs(rows[kept] - (rows[kept] > row), entries[kept])
            without = replace(feature, members=members)
        other = without.expert(GRID, 3).eval()
        other.load_state_dict(dict(expert.named_parameters()), strict=False)
        other.fit(
            replace(
                training,
                rows=np.delete(training.rows, row),
                lengths=np.delete(training.lengths, row),
            )
        )
        if name == "terms":
            other.facts.copy_(expert.facts)  # how words weigh: nothing of a single length
        torch.testing.assert_close(said(other, blind)[row], in_training[row], rtol=1e-3, atol=1e-3)
