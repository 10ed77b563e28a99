"""What training minimises: a loss, and how raw outputs of the network become lengths.

Training sees lengths in the model's unit (`CatalogueUnit.in_model_units`); what is predicted is in
the catalogue's. `unit_size`: how many of the first one of the second is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from typing_extensions import Self

from product_length.decision.config import DECISIONS, Decision, DecisionOption
from product_length.decision.distribution import Distribution
from product_length.loss.bin_grid import BinGrid
from product_length.loss.bins import TAIL_CELLS, Bins, fit_bins
from product_length.loss.constant import thinned
from product_length.loss.histogram import Histogram, cross_entropy, smoothed_targets
from product_length.loss.point import PointLoss
from product_length.training.point_objective import PointObjective

_ROWS = 16384
"""Rows of distributions that are worked on at a time."""


class Objective(Protocol):
    """The seam between losses and everything else; `raw` is float (rows, outputs)."""

    @property
    def outputs(self) -> int:
        """How many numbers the head emits for each row."""
        ...

    def cost(self, raw: Tensor, lengths: Tensor) -> Tensor:
        """What the batch costs, a scalar; `lengths` float (rows,), in the model's unit."""
        ...

    @property
    def decisions(self) -> tuple[Decision, ...]:
        """The metrics that outputs can be decided for, beside `auto`."""
        ...

    def in_catalogue_unit(self, lengths: Tensor) -> Tensor:
        """Lengths float (rows,) of the model's unit in the catalogue's."""
        ...

    def lengths(self, raw: Tensor, decision: DecisionOption = "auto") -> Tensor:
        """The predicted lengths: float (rows,), in the catalogue's unit, positive and finite.

        Raises ValueError when `decision` is neither `auto` nor one of `decisions`.
        """
        ...

    def distribution(self, raw: Tensor) -> Distribution | None:
        """The predicted distributions, in the catalogue's unit; None for a point loss."""
        ...

    @property
    def criterion(self) -> str:
        """What the best epoch has least of: the name of a metric of validation rows."""
        ...

    def initial_bias(self, train_lengths: NDArray[np.float32]) -> Tensor:
        """The outputs that a constant network should emit: float32 (outputs,)."""
        ...

    def bin_grid(self, train_lengths: NDArray[np.float32] | None = None) -> BinGrid | None:
        """What outputs stand for, in the model's unit, for experts; None for a point loss.

        By training rows, float32 (rows,); without any, for weights to be loaded into.
        """
        ...

    def state(self) -> dict[str, Any]:
        """Names and plain numbers from which the objective can be rebuilt."""
        ...


@dataclass(frozen=True)
class HistogramObjective:
    """One output for each of `bins` and its two tails: logits of a distribution of log length.

    Training decides for MAPE, what its figures are of.
    """

    loss: Histogram
    bins: Bins
    unit_size: float = 1.0

    @classmethod
    def build(
        cls, loss: Histogram, train_lengths: NDArray[np.float32], *, unit_size: float = 1.0
    ) -> Self:
        """The objective for training rows of these lengths: float32 (rows,)."""
        layout = loss.model_dump(exclude={"name", "smoothing"})
        return cls(loss, fit_bins(train_lengths, **layout), unit_size)

    @property
    def outputs(self) -> int:
        """How many numbers the head emits for each row."""
        return self.bins.outputs

    @property
    def decisions(self) -> tuple[Decision, ...]:
        """All of them."""
        return DECISIONS

    def cost(self, raw: Tensor, lengths: Tensor) -> Tensor:
        """Mean cross-entropy, nats, of raw outputs (rows, outputs) with `lengths` (rows,).

        In float32 under autocast too. Raises ValueError when the shapes do not match.
        """
        if raw.ndim != 2 or raw.shape != (len(lengths), self.outputs):
            raise ValueError(
                f"raw outputs {tuple(raw.shape)} must be ({len(lengths)}, {self.outputs})"
            )
        with torch.autocast(raw.device.type, enabled=False):
            raw = _full(raw)
            # In parts: a target is as large as the outputs, and a validation split has many rows.
            costs = [
                cross_entropy(some, self.targets(truth.to(raw))) * len(truth)
                for some, truth in zip(_parts(raw), _parts(lengths), strict=True)
            ]
            return torch.stack(costs).sum() / len(lengths)

    def distribution(self, raw: Tensor) -> Distribution:
        """The predicted distributions, in the catalogue's unit, from raw outputs (rows, outputs).

        Raises ValueError when `raw` has another shape.
        """
        return self._distribution(raw, self.bins.cell_edges - np.log(self.unit_size))

    def _distribution(self, raw: Tensor, cell_edges: NDArray[np.float64]) -> Distribution:
        if raw.ndim != 2 or raw.shape[1] != self.outputs:
            raise ValueError(f"raw outputs {tuple(raw.shape)} must be (rows, {self.outputs})")
        with torch.autocast(raw.device.type, enabled=False):
            shares = _full(raw).softmax(dim=1)
            tails = [shares[:, end, None] / TAIL_CELLS for end in (0, -1)]
            cells = torch.cat(
                [
                    tails[0].expand(-1, TAIL_CELLS),
                    shares[:, 1:-1],
                    tails[1].expand(-1, TAIL_CELLS),
                ],
                dim=1,
            )
            return Distribution(cells, torch.from_numpy(cell_edges).to(cells))

    def lengths(self, raw: Tensor, decision: DecisionOption = "auto") -> Tensor:
        """Lengths (rows,), in the catalogue's unit, from raw outputs (rows, outputs).

        `auto` is `mape`. Raises ValueError when `raw` has another shape.
        """
        chosen: Decision = "mape" if decision == "auto" else decision
        with torch.autocast(raw.device.type, enabled=False):
            if chosen == "rmsle":  # of ln(1 + length): another length in another unit
                return torch.cat([self.distribution(some).decide(chosen) for some in _parts(raw)])
            # In the model's unit, so that nothing is rounded otherwise in another one.
            edges = self.bins.cell_edges
            parts = [self._distribution(some, edges).decide(chosen) for some in _parts(raw)]
            return self.in_catalogue_unit(torch.cat(parts))

    def in_catalogue_unit(self, lengths: Tensor) -> Tensor:
        """Lengths (rows,) of the model's unit in the catalogue's."""
        return lengths / self.unit_size

    @property
    def criterion(self) -> str:
        """Cross-entropy: it compares distributions by all rows, MAPE by a few short ones."""
        return "val/loss"

    def initial_bias(self, train_lengths: NDArray[np.float32]) -> Tensor:
        """The logits, float32 (outputs,), of the distribution of lengths (rows,)."""
        rows = thinned(np.sort(train_lengths.astype(np.float64)))
        parts = [self.targets(some).sum(dim=0) for some in _parts(torch.from_numpy(rows))]
        shares = torch.stack(parts).sum(dim=0) / len(rows)
        # An output that no training row shares in still has a chance: of half a row.
        return (shares + 0.5 / len(rows) / self.outputs).log().float()

    def bin_grid(self, train_lengths: NDArray[np.float32] | None = None) -> BinGrid:
        """The bins as tensors, with the distribution of training rows of these lengths."""
        if train_lengths is None:
            return BinGrid.of_size(self.outputs)
        edges = torch.tensor(self.bins.edges)
        tails = [torch.tensor([np.median(tail)]) for tail in (self.bins.lower, self.bins.upper)]
        middles = torch.cat([tails[0], (edges[1:] + edges[:-1]) / 2, tails[1]])
        marginal = self.initial_bias(train_lengths).softmax(dim=0)
        return BinGrid(edges, self.targets(middles.exp()).float(), marginal)

    def state(self) -> dict[str, Any]:
        """What `from_state` rebuilds this from."""
        return {
            "loss": self.loss.model_dump(),
            "bins": self.bins.state(),
            "unit_size": self.unit_size,
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """The objective that `state` described. Raises ValueError when it describes none."""
        loss, bins = Histogram.model_validate(state["loss"]), Bins.from_state(state["bins"])
        return cls(loss, bins, float(state["unit_size"]))

    def targets(self, lengths: Tensor) -> Tensor:
        """What training wants the outputs to be: (rows, outputs), from lengths (rows,)."""
        edges = torch.tensor(self.bins.edges, dtype=torch.float64).to(lengths)
        return smoothed_targets(lengths.log(), edges, self.loss.smoothing)


def build_objective(
    loss: PointLoss | Histogram,
    train_lengths: NDArray[np.float32],
    *,
    log_target: bool,
    unit_size: float = 1.0,
) -> Objective:
    """The objective of a loss for training rows: float32 (rows,), in the model's unit.

    `log_target` says what a point loss's output means; a distribution has bins instead.
    `unit_size`: how many of the model's unit one of the catalogue's is.
    """
    if isinstance(loss, Histogram):
        return HistogramObjective.build(loss, train_lengths, unit_size=unit_size)
    return PointObjective.build(loss, train_lengths, log_target=log_target, unit_size=unit_size)


def objective_from_state(state: Mapping[str, Any]) -> Objective:
    """The objective whose `state` this was. Raises ValueError when it describes none."""
    kind = HistogramObjective if "bins" in state else PointObjective
    return kind.from_state(state)


def _parts(rows: Tensor) -> tuple[Tensor, ...]:
    """At most `_ROWS` rows each, one part at least."""
    return torch.split(rows, _ROWS)


def _full(raw: Tensor) -> Tensor:
    return raw if raw.dtype in (torch.float32, torch.float64) else raw.float()
