"""What a run's report.json holds: typed, closed to unknown keys, free of NaN."""

import math
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, model_validator
from typing_extensions import Self

from product_length.catalogue.units import CatalogueUnit
from product_length.decision.config import Decision
from product_length.evaluation.bands import Bands
from product_length.evaluation.estimates import Estimate, MetricEstimates
from product_length.evaluation.metrics import METRICS
from product_length.evaluation.quantity import Quantity
from product_length.evaluation.resampling import Difference

SCHEMA_VERSION = 3  # raise it, and `Report.schema_version`, when a field changes its meaning
SPLITS = ("val", "test")
OWN_DECISIONS = tuple(dict.fromkeys(metric.decision for metric in METRICS))
"""The decisions under which predicted distributions are scored."""


def _finite_or_none(value: object) -> object:
    return None if isinstance(value, float) and not math.isfinite(value) else value


Measured = Annotated[float | None, BeforeValidator(_finite_or_none)]
"""A number that training noted; None where it was not finite (a run that diverged)."""


class Record(BaseModel):
    """A part of the report."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Baseline(Record):
    """A baseline or the oracle on the same rows; `difference` is the model's MAPE minus its."""

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
    holds the metrics of the lengths decided from them, for each of `OWN_DECISIONS`, and that for
    MAPE is what is compared with `baselines`, by name; `oracle` is the best prediction that the
    demo catalogue's true distribution allows, None elsewhere. `intervals` are those of test rows,
    None without predicted distributions, and on val rows, which calibrated them. `remarks` are
    plain sentences about what deserves worry.
    """

    metrics: MetricEstimates
    decisions: dict[Decision, MetricEstimates] = {}
    baselines: dict[str, Baseline] = {}
    oracle: Baseline | None = None
    intervals: IntervalReport | None = None
    remarks: list[str] = []

    def compared_with(self) -> list[tuple[str, Baseline]]:
        """Baselines by their names in words, lowest MAPE first; then the oracle, where known."""
        named = [(name.replace("_", " "), baseline) for name, baseline in self.baselines.items()]
        named.sort(key=lambda item: item[1].metrics.mape.value or 0)
        return named + ([("oracle (best possible)", self.oracle)] if self.oracle else [])

    def own(self, metric: str) -> Estimate:
        """A metric by its name, under its own decision where distributions were predicted."""
        (decision,) = (each.decision for each in METRICS if each.name == metric)
        return self.under(decision)[metric]

    def under(self, decision: Decision) -> MetricEstimates:
        """The metrics of lengths decided for it; those of the run's own without distributions."""
        scored = self.decisions.get(decision)
        return self.metrics if scored is None or scored == self.metrics else scored


class DataRecord(Record):
    """Which rows: where from, what their content hashes to, which length range, how many per split.

    `min_length` and `max_length` are in the report's unit, None where there is no such bound.
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


class FeatureRecord(Record):
    """What the model knew of a product under one name.

    `width`: numbers that its trunk sees of it, 0 for none. `expert_share`: the mean share over val
    rows, a fraction, of what the feature predicts by itself in the model's mixture; None where it
    predicts nothing.
    """

    name: str
    width: Annotated[int, Field(ge=0)]
    expert_share: float | None = None


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

    `target`: the column that is predicted; `unit`: what all lengths are in, as people write it;
    `band_edges`: between the bands of true length; `decision`: what the run's own predictions are
    decided for, None where the loss emits one length.
    Epochs count from 1, in `best_epoch` and in `history`; `parameters` are the trained ones.
    `history` has one entry per epoch: `epoch` and whatever training noted, among it `train/loss`,
    `val/loss` and `val/mape` (fraction). `timings` are seconds per stage, in order.
    `seconds_before_first_step` holds what a run in a sweep finds done already, None where training
    took no step. `truncated_shares` is the share of products per encoder whose text was longer than
    the encoder reads, None where the encoder has no limit.
    """

    schema_version: Literal[3] = 3
    created: str
    target: str
    unit: str
    band_edges: list[float]
    decision: Decision | None
    overrides: list[str]
    seed: int
    data: DataRecord
    versions: Versions
    parameters: Annotated[int, Field(ge=0)]
    epochs: Annotated[int, Field(ge=0)]
    best_epoch: Annotated[int, Field(ge=0)]
    history: list[dict[str, Measured]]
    timings: dict[str, float]
    features: list[FeatureRecord] = []
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
    def quantity(self) -> Quantity:
        """What is predicted, and its unit."""
        return Quantity(self.target, CatalogueUnit.named(self.unit))

    @property
    def bands(self) -> Bands:
        """The bands of true length."""
        return Bands(tuple(self.band_edges))

    @property
    def length_range(self) -> str:
        """Which lengths take part, in words."""
        some, amount = self.quantity.nouns, self.quantity.unit.amount
        low, high = self.data.min_length, self.data.max_length
        if low is None and high is None:
            return f"all {some}"
        if low is None:
            return f"{some} ≤ {amount(f'{high:g}')}"
        if high is None:
            return f"{some} ≥ {amount(f'{low:g}')}"
        return f"{low:g} ≤ {some} ≤ {amount(f'{high:g}')}"
