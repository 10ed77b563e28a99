"""One or several trained recipes as one: distributions are averaged, then decided."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from typing_extensions import Self

from product_length.catalogue.units import CatalogueUnit
from product_length.decision.config import Decision, DecisionOption
from product_length.decision.conformal import Coverage, rows_needed
from product_length.decision.distribution import Distribution, average
from product_length.errors import ConfigError
from product_length.prediction.predictor import Predictor
from product_length.training.predict import decided, intervals_of

log = logging.getLogger(__name__)

_NAMED_BY = 3  # parts of a path: RUN/checkpoints/best.ckpt
_ROWS = 4096
"""Rows whose distributions are averaged at a time."""


_DECIDED_FOR: Mapping[Decision, str] = {
    "mape": "MAPE",
    "rmsle": "RMSLE",
    "median": "the median",
    "mean": "the mean",
    "smape": "SMAPE",
}


class Forecast(NamedTuple):
    """Lengths float32 (rows,) and, if asked for, interval ends float32 (rows, 2), in the unit."""

    lengths: NDArray[np.float32]
    ends: NDArray[np.float32] | None


@dataclass(frozen=True)
class Ensemble:
    """Trained recipes with equal weights; a single one predicts as it would alone.

    All predict the same column, in one unit. `names`: of the checkpoints. `level`: the share of
    products whose length intervals should hold, `coverage`: what they hold of the predicted
    distribution for that; None without intervals. `reasons`: see `PredictionJob`.
    """

    members: tuple[Predictor, ...]
    names: tuple[str, ...]
    decision: DecisionOption
    level: float | None = None
    coverage: Coverage | None = None
    reasons: bool | Literal["words"] = False

    @classmethod
    def of(cls, members: Mapping[Path, Predictor], decision: DecisionOption) -> Self:
        """The recipes of these checkpoints, deciding for `decision`; `auto`: as in training.

        Raises ConfigError when one of several predicts no distribution, when they predict different
        columns or in different units, when they were trained for different decisions and none is
        named, or when a loss leaves nothing to decide.
        """
        _check_same("units", {path: str(each.unit) for path, each in members.items()})
        _check_same("columns", {path: each.columns.length for path, each in members.items()})
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
        names = (Path(*path.parts[-_NAMED_BY:]).as_posix() for path in members)
        return cls(tuple(members.values()), tuple(names), decision)

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
                    f", {100 * mass:.1f}% {_between(lower, upper, self.unit)}"
                    for lower, upper, mass in coverage.of_bands.values()
                ),
                rows,
            )
        return replace(self, level=level, coverage=coverage)

    def with_reasons(self, reasons: bool | Literal["words"]) -> Self:
        """The same, with a line of plain words for each product.

        Raises ConfigError for several recipes, whose reasons would contradict each other.
        """
        if len(self.members) > 1:
            raise ConfigError(
                "reasons: each checkpoint has reasons of its own, and the average of several has "
                "none: give one checkpoint, or ask for no reasons"
            )
        return replace(self, reasons=reasons)

    @property
    def unit(self) -> CatalogueUnit:
        """Of all lengths."""
        return self.members[0].unit

    @property
    def target(self) -> str:
        """The name of what is predicted: of the length column in training."""
        return self.members[0].columns.length

    def in_words(self) -> str:
        """What is predicted, in which unit, what it is decided for, and what the interval holds."""
        words = f"{self.target} in {self.unit}"
        if self.decision != "auto":
            words += f", decided for {_DECIDED_FOR[self.decision]}"
        if self.level is not None:
            words += f", LOWER and UPPER in {self.unit} to hold {100 * self.level:g}%"
        return words

    def described(self) -> dict[str, str]:
        """The same for a program: unit, decision, interval and checkpoint, where there is one."""
        described = {"unit": str(self.unit), "checkpoint": ", ".join(self.names)}
        if self.decision != "auto":
            described["decision"] = self.decision
        if self.level is not None:
            described["interval"] = f"{self.level:g}"
        return described

    @property
    def usual_lengths(self) -> NDArray[np.float32]:
        """The distinct training lengths of all members: float32 (m,), ascending, in the unit."""
        return np.unique(np.concatenate([member.usual_lengths for member in self.members]))

    @property
    def reach(self) -> tuple[float, float]:
        """Between which lengths nearly all training rows of all members lie, in the unit."""
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
                self.distribution(parts).decide(decision).float().numpy()
                for parts in zip(*(torch.split(raw, _ROWS) for raw in raws), strict=True)
            ]
        return Forecast(np.concatenate(lengths), None)

    def distribution(self, raws: Sequence[Tensor]) -> Distribution:
        """The average of the distributions that the members' raw outputs say, in float64.

        Raises ValueError for a loss that emits one length.
        """
        # In float64: edges of different bins may lie closer together than float32 tells apart.
        found = [
            member.objective.distribution(raw.double())
            for member, raw in zip(self.members, raws, strict=True)
        ]
        if None in found:
            raise ValueError("a point loss predicts no distribution")
        return average([each for each in found if each is not None])


def _check_same(what: str, found: Mapping[Path, str]) -> None:
    """Raise ConfigError when checkpoints differ in what must be the same."""
    if len(set(found.values())) > 1:
        parts = ", ".join(f"{path} {each}" for path, each in found.items())
        raise ConfigError(
            f"checkpoint: several checkpoints must predict one thing, and their {what} differ: "
            f"{parts}; give those of one kind"
        )


def _between(lower: float, upper: float, unit: CatalogueUnit) -> str:
    """A band of lengths in words: "within 40 to 100 cm", "beyond 5 kg"."""
    if upper == np.inf:
        return f"beyond {unit.amount(f'{lower:g}')}"
    return f"within {unit.amount(f'{lower:g} to {upper:g}')}"


def _trained_for(predictor: Predictor) -> DecisionOption:
    return "mape" if predictor.decision == "auto" else predictor.decision
