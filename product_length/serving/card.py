"""The card of a served model: what it was trained on, what it reads, how good it is."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel

from product_length.errors import UserError
from product_length.evaluation.metrics import METRICS
from product_length.evaluation.records import Report
from product_length.evaluation.report import load_report
from product_length.prediction.files import run_folder_of
from product_length.serving.service import Service
from product_length.version import __version__

log = logging.getLogger(__name__)

_KNOWN_CHOICES = 200


class Metric(BaseModel):
    """A metric of a split with both ends of its 95% interval, if there are any; shares as 0.5."""

    name: str
    title: str
    is_percentage: bool
    value: float | None
    low: float | None
    high: float | None


class Split(BaseModel):
    """How good the model was on rows that it was not trained on."""

    rows: int
    metrics: list[Metric]
    baselines: dict[str, float | None]
    """MAPE of each baseline on the same rows, a fraction."""
    remarks: list[str]


class Evaluation(BaseModel):
    """What the run's report says. Bands: edges of lengths, in the unit."""

    created: str
    data: str
    rows: dict[str, int]
    bands: list[float]
    splits: dict[str, Split]


class Member(BaseModel):
    """One checkpoint. `shares`: of each feature's expert, the mean over val rows, a fraction."""

    checkpoint: str
    features: list[str]
    shares: dict[str, float]
    loss: str
    evaluation: Evaluation | None


class Reads(BaseModel):
    """The parts of a product that are read, and values that training knows (the first 200)."""

    fields: list[str]
    product_type: bool
    numbers: list[str]
    categories: list[str]
    known_values: dict[str, list[str]]


class ModelCard(BaseModel):
    """What is served."""

    version: str
    target: str
    unit: str
    decision: str | None
    default_interval: float | None
    has_distribution: bool
    reads: Reads
    members: list[Member]


def make_card(service: Service, checkpoints: Sequence[Path], interval: float | None) -> ModelCard:
    """The card of the checkpoints that are served, in their order."""
    ensemble, inputs = service.ensemble, service.inputs
    return ModelCard(
        version=__version__,
        target=ensemble.target,
        unit=str(ensemble.unit),
        decision=None if ensemble.decision == "auto" else ensemble.decision,
        default_interval=interval,
        has_distribution=service.has_distribution,
        reads=Reads(
            fields=list(inputs.fields),
            product_type=inputs.product_type,
            numbers=list(inputs.numbers),
            categories=list(inputs.categories),
            known_values={
                name: list(values[:_KNOWN_CHOICES]) for name, values in inputs.choices.items()
            },
        ),
        members=[
            _member(path, name, [each.name for each in member.features], member.objective.state())
            for path, name, member in zip(
                checkpoints, ensemble.names, ensemble.members, strict=True
            )
        ],
    )


def _member(path: Path, name: str, features: list[str], objective: Mapping[str, object]) -> Member:
    report = _report_beside(path)
    shares = (
        {}
        if report is None
        else {
            each.name: each.expert_share
            for each in report.features
            if each.expert_share is not None
        }
    )
    return Member(
        checkpoint=name,
        features=features,
        shares=shares,
        loss=_loss(objective),
        evaluation=None if report is None else _evaluation(report),
    )


def _loss(objective: Mapping[str, object]) -> str:
    loss = objective.get("loss")
    return str(loss["name"]) if isinstance(loss, Mapping) and "name" in loss else "unknown"


def _report_beside(checkpoint: Path) -> Report | None:
    """The report of the run that the checkpoint lies in; None, which is said, without one."""
    folder = run_folder_of(checkpoint)
    try:
        return load_report(folder)
    except UserError as error:
        log.info("/model has no metrics: %s", error)
        return None


def _evaluation(report: Report) -> Evaluation:
    return Evaluation(
        created=report.created,
        data=Path(report.data.source).name,  # whoever asks need not know the folders here
        rows=dict(report.data.rows),
        bands=list(report.band_edges),
        splits={
            name: Split(
                rows=split.metrics.rows,
                metrics=[
                    Metric(
                        name=each.name,
                        title=each.title,
                        is_percentage=each.is_percentage,
                        value=split.own(each.name).value,
                        low=split.own(each.name).low,
                        high=split.own(each.name).high,
                    )
                    for each in METRICS
                ],
                baselines={
                    named: baseline.metrics.mape.value for named, baseline in split.compared_with()
                },
                remarks=list(split.remarks),
            )
            for name, split in report.splits.items()
        },
    )
