"""A distribution over bins of log length, trained by cross-entropy with smoothed targets.

Smoothed targets: HL-Gauss, Imani and White 2018, "Improving Regression Performance with
Distributional Losses"; Farebrother et al. 2024, "Stop Regressing: Training Value Functions via
Classification for Scalable Deep RL". Importing this module does not import torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from product_length.options import Options

if TYPE_CHECKING:
    from torch import Tensor


class Histogram(Options):
    """The loss of a predicted distribution of log length: cross-entropy with smoothed targets.

    `bins`: how many bins are shared out, `by_rows` of them by quantiles of the training rows, the
        others by width.
    `narrowest`: the least width of a bin in log length; a length that makes up more than a bin's
        share of the training rows gets a bin of that width around it.
    `smoothing`: standard deviation of the target around the truth, in widths of the truth's bin.
    `tail`: share of the training rows beyond the outermost edge, on either side.
    """

    name: Literal["histogram"]
    bins: Annotated[int, Field(ge=2, le=4096)] = 128
    by_rows: Annotated[float, Field(ge=0, le=1)] = 0.5
    narrowest: Annotated[float, Field(gt=0, le=1)] = 0.005
    smoothing: Annotated[float, Field(gt=0, le=100)] = 0.75
    tail: Annotated[float, Field(gt=0, lt=0.25)] = 0.001


def smoothed_targets(log_lengths: Tensor, edges: Tensor, smoothing: float) -> Tensor:
    """The share of each output in the target: float (rows, bins + 2), each row sums to 1.

    A normal distribution around the truth, cut at the edges; what lies beyond the outermost ones
    are the first and the last share. Its standard deviation is `smoothing` times the width of the
    bin that holds the truth, so that a narrow bin keeps its rows and a wide one shares them.

    log_lengths: float (rows,), ln of lengths; edges: float (bins + 1,), ascending, likewise.
    Raises ValueError for other shapes.
    """
    import torch

    if log_lengths.ndim != 1 or edges.ndim != 1 or len(edges) < 2:
        raise ValueError(
            f"log_lengths {tuple(log_lengths.shape)} must be (rows,), edges {tuple(edges.shape)} "
            "(bins + 1,)"
        )
    widths = edges.diff()
    own = (torch.searchsorted(edges, log_lengths) - 1).clamp(0, len(widths) - 1)
    spread = smoothing * widths[own]
    below = torch.special.ndtr((edges - log_lengths[:, None]) / spread[:, None])
    ends = below.new_zeros(len(below), 1), below.new_ones(len(below), 1)
    return torch.cat([ends[0], below, ends[1]], dim=1).diff(dim=1)


def cross_entropy(raw: Tensor, targets: Tensor) -> Tensor:
    """Mean over rows of -sum(target * ln softmax(raw)), nats; both float (rows, outputs).

    Raises ValueError when the shapes differ.
    """
    if raw.shape != targets.shape or raw.ndim != 2:
        raise ValueError(
            f"raw {tuple(raw.shape)} and targets {tuple(targets.shape)} must both be "
            "(rows, outputs)"
        )
    return -(targets * raw.log_softmax(dim=1)).sum(dim=1).mean()
