"""One or several trained recipes as one: distributions are averaged, then decided."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from typing_extensions import Self

from product_length.decision.config import Decision, DecisionOption
from product_length.decision.conformal import Coverage, rows_needed
from product_length.decision.distribution import Distribution, average
from product_length.errors import ConfigError
from product_length.prediction.predictor import Predictor
from product_length.training.predict import decided, intervals_of

log = logging.getLogger(__name__)

_ROWS = 4096
"""Rows whose distributions are averaged at a time."""


class Forecast(NamedTuple):
    """Lengths float32 (rows,) and, if asked for, interval ends float32 (rows, 2), 1/100 inch."""

    lengths: NDArray[np.float32]
    ends: NDArray[np.float32] | None


@dataclass(frozen=True)
class Ensemble:
    """Trained recipes with equal weights; a single one predicts as it would alone.

    `coverage`: what intervals hold of the predicted distribution, None without intervals.
    """

    members: tuple[Predictor, ...]
    decision: DecisionOption
    coverage: Coverage | None = None

    @classmethod
    def of(cls, members: Mapping[Path, Predictor], decision: DecisionOption) -> Self:
        """The recipes of these checkpoints, deciding for `decision`; `auto`: as in training.

        Raises ConfigError when one of several predicts no distribution, when they were trained for
        different decisions and none is named, or when a loss leaves nothing to decide.
        """
        points = [str(path) for path, each in members.items() if not each.objective.decisions]
        if points and len(members) > 1:
            raise ConfigError(
                f"checkpoint: several checkpoints are averaged as distributions, and "
                f"{', '.join(points)} emits one length: train with loss=histogram, or give one "
                "checkpoint"
            )
        if points and decision != "auto":
            raise ConfigError(
                f"decision={decision} needs a predicted distribution; this checkpoint was trained "
                "with a loss that emits one length: give decision=auto, or train with "
                "loss=histogram"
            )
        if decision == "auto":
            trained = {str(path): _trained_for(each) for path, each in members.items()}
            if len(set(trained.values())) > 1:
                parts = ", ".join(f"{path} for {each}" for path, each in trained.items())
                raise ConfigError(
                    f"decision=auto decides as in training, and the checkpoints differ: {parts}; "
                    f"give decision={next(iter(trained.values()))} or another"
                )
            decision = next(iter(members.values())).decision
        return cls(tuple(members.values()), decision)

    def with_intervals(self, level: float) -> Self:
        """The same, with intervals that hold the truth of a share `level` of products.

        Raises ConfigError for a point loss, and for several recipes, which have not been calibrated
        together.
        """
        if len(self.members) > 1:
            raise ConfigError(
                f"interval={level:g}: each checkpoint was calibrated by its own predictions for "
                "its validation rows, and says nothing about the average of several: give one "
                "checkpoint, or interval=null"
            )
        (member,) = self.members
        if member.calibration is None:
            raise ConfigError(
                f"interval={level:g} needs a predicted distribution; this checkpoint was trained "
                "with a loss that emits one length: give interval=null, or train with "
                "loss=histogram"
            )
        rows = len(member.calibration)
        coverage = member.calibration.coverage(level)
        if coverage.common >= 1:
            few = f"of {rows:,} validation rows, {rows_needed(level):,} are needed for less"
            many = f"so many of {rows:,} validation lengths lie that far out"
            why = few if rows < rows_needed(level) else many
            log.warning(
                "interval=%g: LOWER and UPPER are the ends of all lengths that the recipe can "
                "predict (%s)",
                level,
                why,
            )
        else:
            log.info(
                "interval=%g: the middle %.1f%% of each distribution%s, by %d validation rows",
                level,
                100 * coverage.common,
                "".join(
                    f", {100 * mass:.1f}% within {lower:g} to {upper:g}"
                    for lower, upper, mass in coverage.of_bands.values()
                ),
                rows,
            )
        return replace(self, coverage=coverage)

    @property
    def usual_lengths(self) -> NDArray[np.float32]:
        """The distinct training lengths of all members: float32 (m,), 1/100 inch, ascending."""
        return np.unique(np.concatenate([member.usual_lengths for member in self.members]))

    @property
    def reach(self) -> tuple[float, float]:
        """Between which lengths nearly all training rows of all members lie, 1/100 inch."""
        least, greatest = zip(*(member.reach for member in self.members), strict=True)
        return min(least), max(greatest)

    def forecast(self, raws: Sequence[Tensor]) -> Forecast:
        """What the members' raw outputs, each (rows, its outputs), come to.

        Raises ValueError when there is not one for each member.
        """
        if len(raws) != len(self.members):
            raise ValueError(f"{len(raws)} outputs of {len(self.members)} members")
        if len(raws) == 1:
            objective, raw = self.members[0].objective, raws[0]
            ends = None if self.coverage is None else intervals_of(objective, raw, self.coverage)
            return Forecast(decided(objective, raw, self.decision), ends)
        decision: Decision = "mape" if self.decision == "auto" else self.decision
        with torch.inference_mode():
            lengths = [
                self._average(parts).decide(decision).float().numpy()
                for parts in zip(*(torch.split(raw, _ROWS) for raw in raws), strict=True)
            ]
        return Forecast(np.concatenate(lengths), None)

    def _average(self, raws: Sequence[Tensor]) -> Distribution:
        # In float64: edges of different bins may lie closer together than float32 tells apart.
        found = [
            member.objective.distribution(raw.double())
            for member, raw in zip(self.members, raws, strict=True)
        ]
        return average([each for each in found if each is not None])


def _trained_for(predictor: Predictor) -> DecisionOption:
    return "mape" if predictor.decision == "auto" else predictor.decision
