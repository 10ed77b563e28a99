"""Numbers that are left out in training, and only there; how many, by the training rows."""

import pytest
import torch
from builders import batch_of, network_of, text_of

from product_length.model.config import Attention, GatedFusion, Mlp, ResidualMlp

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
