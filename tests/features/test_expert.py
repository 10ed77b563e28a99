"""What experts share: counts of few rows beside those of what they are part of."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from product_length.features.expert import log_shrunk_ratios, shrunk, weighted_sum


@given(st.integers(0, 2**32 - 1), st.floats(0.1, 50))
def test_ratios_are_those_of_shrunk_shares_but_for_a_number_of_each(seed, added):
    random = torch.Generator().manual_seed(seed)
    counts = torch.randint(0, 30, (5, 3, 7), generator=random).double()
    above = torch.rand(5, 1, 7, generator=random, dtype=torch.float64) + 0.01
    above = above / above.sum(dim=-1, keepdim=True)
    rows = torch.tensor(added, dtype=torch.float64, requires_grad=True)
    wanted = (shrunk(counts, above, rows) / above).log().log_softmax(dim=-1)
    found = log_shrunk_ratios(counts, above, rows).log_softmax(dim=-1)
    torch.testing.assert_close(found, wanted)
    # What is learned gets the same gradient.
    weights = torch.rand(5, 3, 7, generator=random, dtype=torch.float64)
    gradients = [
        torch.autograd.grad((weights * each).sum(), rows, retain_graph=True)[0]
        for each in (found, wanted)
    ]
    torch.testing.assert_close(*gradients)


def test_a_weighted_sum_is_over_what_each_says():
    weights, said = torch.rand(4, 3), torch.rand(4, 3, 5)
    wanted = torch.einsum("rn,rnb->rb", weights, said)
    torch.testing.assert_close(weighted_sum(weights, said), wanted)
