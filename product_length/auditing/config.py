"""Options of `python -m product_length.audit`."""

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from product_length.experiment import Experiment
from product_length.loss.histogram import Histogram
from product_length.options import HomePath


class AuditJob(Experiment):
    """A catalogue, the recipe that judges it, and where the suspects go.

    `folds`: so many models are trained, each without the rows that it judges. `rows`: how many of
    the most suspicious rows are written; None, all. `interval`: the share of good labels that the
    stated intervals should hold. `false_discovery_rate`: of the labels called wrong, the share
    that may be right after all.
    """

    output: HomePath
    folds: Annotated[int, Field(ge=2, le=100)]
    rows: Annotated[int, Field(ge=1)] | None
    interval: Annotated[float, Field(gt=0, lt=1)]
    false_discovery_rate: Annotated[float, Field(gt=0, lt=1)]

    def of_fold(self, fold: int) -> Experiment:
        """The training that leaves out one fold, to judge it."""
        values = {key: value for key, value in dict(self).items() if key in Experiment.model_fields}
        split = self.data.split.model_copy(update={"folds": self.folds, "fold": fold})
        values["data"] = self.data.model_copy(update={"split": split})
        return Experiment.model_construct(**values)

    def faults(self) -> Iterator[str]:
        """In words, what of the configuration an audit cannot use."""
        if not isinstance(self.loss, Histogram):
            yield (
                "an audit judges labels by predicted distributions, and "
                f"loss={self.loss.name} emits one length: give loss=histogram"
            )
        if self.data.split.folds is not None:
            yield f"data.split.folds={self.data.split.folds}: give folds={self.data.split.folds}"
        if self.trainer.devices != 1 or self.trainer.strategy != "auto":
            yield "an audit trains on one device: give trainer.devices=1 trainer.strategy=auto"
        if self.trainer.resume is not None:
            yield "trainer.resume: folds that are done are found in the cache: leave it out"
        if self.output.suffix.lower() != ".csv":
            yield f"output={self.output}: suspects are written as CSV: end it with .csv"
