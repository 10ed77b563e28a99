"""From a `model=` choice to its trunk. mypy fails here when a choice has none."""

from collections.abc import Sequence

from torch import nn
from typing_extensions import assert_never

from product_length.model.attention import AttentionTrunk
from product_length.model.config import Attention, GatedFusion, Mlp, ModelOptions, ResidualMlp
from product_length.model.gated_fusion import GatedFusionTrunk
from product_length.model.mlp import MlpTrunk
from product_length.model.residual_mlp import ResidualTrunk


def build_trunk(
    options: ModelOptions, block_widths: Sequence[int], encoders: int
) -> MlpTrunk | ResidualTrunk | GatedFusionTrunk | AttentionTrunk:
    """The trunk that `options` describe, untrained, for encoded features of these widths.

    The first `encoders` of them are readings of the text. A trunk has a `width`, and makes numbers
    (rows, width) of the encoded features, each float32 (rows, its width).
    """
    match options:
        case Mlp():
            return MlpTrunk(options, block_widths)
        case ResidualMlp():
            return ResidualTrunk(options, block_widths)
        case GatedFusion():
            return GatedFusionTrunk(options, block_widths, encoders)
        case Attention():
            return AttentionTrunk(options, block_widths)
        case _:
            assert_never(options)


def parameter_count(module: nn.Module) -> int:
    """How many numbers training adjusts."""
    return sum(weight.numel() for weight in module.parameters() if weight.requires_grad)
