"""Numbers that are left out in training, and only there; how many, by the training rows."""

import pytest
import torch
from builders import batch_of, network_of, text_of

from product_length.model.config import Attention, GatedFusion, Mlp, ResidualMlp
from product_length.model.dropout import Dropout

SHARE = 0.4
MODELS = [
    Mlp(name="mlp", hidden=[8], dropout=0, input_dropout=SHARE),
    ResidualMlp(name="residual_mlp", width=8, dropout=0, input_dropout=SHARE),
    GatedFusion(name="gated_fusion", width=8, hidden=[8], dropout=0, input_dropout=SHARE),
    Attention(name="attention", width=8, heads=2, hidden=[8], dropout=0, input_dropout=SHARE),
]


@pytest.mark.parametrize("options", MODELS, ids=lambda options: options.name)
def test_inputs_are_left_out_in_training_only(options):
    network = network_of(text_of("text", 64), options=options)
    seen = []
    network.trunk.register_forward_pre_hook(lambda _, blocks: seen.append(blocks[0][0]))
    vectors = torch.randn(500, 64)
    network.train()(batch_of(text=vectors))
    network.eval()(batch_of(text=vectors))
    normed = torch.nn.functional.layer_norm(vectors, (64,))
    torch.testing.assert_close(seen[1], normed)
    left_out = seen[0] == 0
    assert left_out.float().mean().item() == pytest.approx(SHARE, abs=0.02)
    # What stays is larger, so that sums stay as large on average.
    torch.testing.assert_close(seen[0][~left_out], normed[~left_out] / (1 - SHARE))


@pytest.mark.parametrize(("rows", "kept"), [(1, 1), (8_000, 1), (64_000, 0.5), (8_000_000, 0.1)])
@pytest.mark.parametrize("options", MODELS, ids=lambda options: options.name)
def test_the_more_rows_the_less_is_left_out(options, rows, kept):
    chosen = options.model_copy(update={"dropout": 0.3, "dropout_rows": 8_000}).for_rows(rows)
    assert chosen.dropout == pytest.approx(0.3 * kept)
    assert chosen.input_dropout == pytest.approx(SHARE * kept)
    assert options.for_rows(rows) is options  # which is what `dropout_rows: null` means


@pytest.mark.parametrize("share", [0.001, 0.31, 0.5, 0.97])
@pytest.mark.parametrize("shape", [(1_000_001,), (997, 1003)])
def test_as_many_are_left_out_as_torch_leaves_out(share, shape):
    torch.manual_seed(3)
    given = torch.ones(shape, requires_grad=True)
    found = Dropout(share)(given)
    left_out = (found == 0).double()
    deviation = (share * (1 - share) / found.numel()) ** 0.5
    assert left_out.mean().item() == pytest.approx(share, abs=5 * deviation + 2**-16)
    torch.testing.assert_close(found[found != 0].unique(), torch.tensor([1 / (1 - share)]))
    # Neighbours know nothing of each other, in whichever place of a random word they lie.
    flat = left_out.flatten()
    for apart in (1, 2, 3, 4):
        both = (flat[apart:] * flat[:-apart]).mean().item()
        assert both == pytest.approx(share**2, abs=6 * deviation * share**0.5 + 2**-15)
    found.sum().backward()
    torch.testing.assert_close(given.grad, found.detach())


def test_the_seed_decides_what_is_left_out():
    drop, given = Dropout(0.5), torch.ones(100)
    torch.manual_seed(1)
    first, second = drop(given), drop(given)
    torch.manual_seed(1)
    assert torch.equal(drop(given), first)
    assert not torch.equal(first, second)


@pytest.mark.parametrize(("share", "kept"), [(0.0, 1.0), (1.0, 0.0)])
def test_none_or_all(share, kept):
    torch.testing.assert_close(Dropout(share)(torch.ones(50)), torch.full((50,), kept))
