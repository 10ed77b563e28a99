"""What a run's report.json holds: typed, closed to unknown keys, free of NaN."""

import math
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, model_validator
from typing_extensions import Self

from product_length.decision.config import Decision
from product_length.evaluation.bootstrap import Difference, Estimate, MetricEstimates

SCHEMA_VERSION = 1  # raise it, and `Report.schema_version`, when a field changes its meaning
SPLITS = ("val", "test")
OWN_DECISION: dict[str, Decision] = {
    "mape": "mape",
    "score": "mape",
    "rmsle": "rmsle",
    "median_ape": "median",
}
"""The decision under which a distribution is scored by each metric."""
OWN_DECISIONS = tuple(dict.fromkeys(OWN_DECISION.values()))


def _finite_or_none(value: object) -> object:
    return None if isinstance(value, float) and not math.isfinite(value) else value


Measured = Annotated[float | None, BeforeValidator(_finite_or_none)]
"""A number that training noted; None where it was not finite (a run that diverged)."""


class Record(BaseModel):
    """A part of the report."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Rival(Record):
    """Another predictor on the same rows: `difference` is the model's MAPE minus its MAPE."""

    metrics: MetricEstimates
    difference: Difference


class IntervalGroup(Record):
    """Intervals on some rows: the share that holds the truth, and relative widths.

    A relative width is UPPER minus LOWER over the median of the predicted distribution. All three
    are None where there are no rows.
    """

    name: str
    rows: int
    coverage: float | None
    mean_width: float | None
    median_width: float | None


class Reliability(Record):
    """The share of rows whose truth lies in intervals that aim at `level`, all fractions.

    `uncalibrated`: in the intervals that hold `level` of the predicted distributions as they are.
    """

    level: float
    coverage: float
    uncalibrated: float


class IntervalReport(Record):
    """Intervals of one level, calibrated on val rows, on rows that took no part in that.

    `bands` by true length, as in the metrics; `types` by how many training rows have the row's
    type; `reliability` at other levels too.
    """

    level: float
    calibration_rows: int
    overall: IntervalGroup
    bands: list[IntervalGroup]
    types: list[IntervalGroup]
    reliability: list[Reliability]


class SplitReport(Record):
    """The model on one split, beside whatever else predicted the same rows.

    `metrics` are those of the run's own predictions. Where it predicted distributions, `decisions`
    holds the metrics of the lengths decided from them for MAPE, for RMSLE and for the median.
    `baselines` by name; `oracle` is the best prediction that the demo catalogue's true
    distribution allows, None elsewhere. `intervals` are those of test rows, None without predicted
    distributions, and on val rows, which calibrated them. `remarks` are plain sentences about what
    deserves worry.
    """

    metrics: MetricEstimates
    decisions: dict[Decision, MetricEstimates] = {}
    baselines: dict[str, Rival] = {}
    oracle: Rival | None = None
    intervals: IntervalReport | None = None
    remarks: list[str] = []

    def own(self, metric: str) -> Estimate:
        """A metric of `OWN_DECISION` under its own decision, where distributions were predicted."""
        decided = self.decisions.get(OWN_DECISION[metric], self.metrics)
        estimate: Estimate = getattr(decided, metric)
        return estimate


class DataRecord(Record):
    """Which rows: where from, what their content hashes to, which track, how many per split.

    `min_length` and `max_length` are in 1/100 inch, None where the track has no such bound.
    `reading` is what the reader counted (rows read, kept, dropped and why, repeated texts, …).
    """

    source: str
    fingerprint: str
    min_length: float | None = None
    max_length: float | None = None
    rows: dict[str, int]
    reading: dict[str, JsonValue] = {}


class Versions(Record):
    """The software that made the run; `commit` and `modified` are None outside a git checkout."""

    product_length: str
    python: str
    torch: str
    lightning: str
    commit: str | None = None
    modified: bool | None = None


class Resampling(Record):
    """How the intervals were made."""

    resamples: int
    confidence: float
    seed: int


class SnapEffect(Record):
    """What snapping predictions to usual lengths does to val MAPE (fractions).

    `difference` is MAPE with snapping minus MAPE without; `applied` says which the report scores.
    """

    applied: bool
    mape_without: float
    mape_with: float
    difference: Difference


class Report(Record):
    """One finished run.

    Epochs count from 1, in `best_epoch` and in `history`; `parameters` are the trained ones.
    `history` has one entry per epoch: `epoch` and whatever training noted, among it `train/loss`,
    `val/loss` and `val/mape` (fraction). `timings` are seconds per stage, in order.
    `seconds_before_first_step` holds what a run in a sweep finds done already, None where training
    took no step. `truncated_shares` is the share of products per encoder whose text was longer than
    the encoder reads, None where the encoder has no limit.
    """

    schema_version: Literal[1] = 1
    created: str
    overrides: list[str]
    seed: int
    data: DataRecord
    versions: Versions
    parameters: Annotated[int, Field(ge=0)]
    epochs: Annotated[int, Field(ge=0)]
    best_epoch: Annotated[int, Field(ge=0)]
    history: list[dict[str, Measured]]
    timings: dict[str, float]
    seconds_before_first_step: float | None = None
    truncated_shares: dict[str, float | None] = {}
    snap: SnapEffect | None = None
    resampling: Resampling
    splits: dict[Literal["val", "test"], SplitReport]

    @model_validator(mode="after")
    def _scored_on_val(self) -> Self:
        if "val" not in self.splits:
            raise ValueError("splits must hold val, and may hold test")
        return self

    @property
    def val(self) -> SplitReport:
        """The split that every choice is made on."""
        return self.splits["val"]

    def without_test(self) -> Self:
        """The same run as far as choices may see it."""
        return self.model_copy(update={"splits": {"val": self.val}})

    @property
    def track(self) -> str:
        """Which lengths take part, in words."""
        low, high = self.data.min_length, self.data.max_length
        if low is None and high is None:
            return "all lengths"
        if low is None:
            return f"lengths ≤ {high:g}"
        return f"lengths ≥ {low:g}" if high is None else f"{low:g} ≤ lengths ≤ {high:g}"
