"""The profile of a catalogue: all figures together, and the file that they are written to."""

from dataclasses import asdict, dataclass
from typing import Any

from product_length.artefacts import ArtefactStore
from product_length.catalogue.prepare import open_catalogue
from product_length.catalogue.unit_check import unit_warning
from product_length.evaluation.bands import bands_of
from product_length.evaluation.quantity import Quantity
from product_length.profiling.config import ProfileJob
from product_length.profiling.lengths import LengthFigures, length_figures
from product_length.profiling.mape import MapeFigures, mape_figures
from product_length.profiling.near_repeats import NearRepeatFigures, near_repeat_figures
from product_length.profiling.pool import cores
from product_length.profiling.repeats import RepeatFigures, repeat_figures
from product_length.profiling.rows import RowFigures, row_figures
from product_length.profiling.sample import read_sample
from product_length.profiling.stated import StatedFigures, stated_figures
from product_length.profiling.texts import FieldFigures, TextFigures, field_figures, text_figures
from product_length.profiling.tokens import limits_of
from product_length.profiling.types import TypeFigures, type_figures

FORMAT = 1
"""Of profile.json; raised when a figure changes its meaning."""


@dataclass(frozen=True)
class Profile:
    """All figures of a catalogue. `types`: None where no row has one.

    `unit_warning`: in words, where labels look as if they were in another unit; None where not.
    """

    source: str
    quantity: Quantity
    rows: RowFigures
    fields: tuple[FieldFigures, ...]
    lengths: LengthFigures
    types: TypeFigures | None
    repeats: RepeatFigures
    near_repeats: NearRepeatFigures
    texts: TextFigures
    stated: StatedFigures
    mape: MapeFigures
    unit_warning: str | None

    def to_json(self) -> dict[str, Any]:
        """Plain dicts, lists, strings and numbers; what each means is in docs/profile.md."""
        figures = asdict(self)
        quantity = figures.pop("quantity")
        unit = str(self.quantity.unit)
        return {"format": FORMAT, "target": quantity["target"], "unit": unit, **figures}


def profile_catalogue(job: ProfileJob) -> Profile:
    """The figures of a job's catalogue. Raises UserError for a fault of it, or no usable row."""
    data = job.data
    catalogue = open_catalogue(data, ArtefactStore(job.cache_dir), to_train=False)
    limits, unknown = limits_of(job.embeddings)
    workers = cores() if job.workers == "auto" else job.workers
    sample = read_sample(catalogue, limits, job.sample_rows, workers)
    return Profile(
        source=catalogue.reading.source,
        quantity=Quantity(data.columns.length, catalogue.unit),
        rows=row_figures(catalogue, data),
        fields=field_figures(catalogue, data.columns, sample),
        lengths=length_figures(catalogue.exact_lengths, catalogue.unit),
        types=type_figures(catalogue),
        repeats=repeat_figures(catalogue),
        near_repeats=near_repeat_figures(catalogue),
        texts=text_figures(sample, limits, unknown),
        stated=stated_figures(catalogue, sample),
        mape=mape_figures(catalogue, bands_of(data, catalogue.unit, catalogue.lengths)),
        unit_warning=unit_warning(catalogue),
    )
