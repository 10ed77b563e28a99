"""A folder of parts predicted into another one: here, part after part, or on Ray workers."""

import logging
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from tqdm import tqdm

from product_length.catalogue.file_columns import FileColumns
from product_length.prediction.config import PredictionJob
from product_length.prediction.loaded_job import LoadedJob
from product_length.prediction.output_columns import check_names
from product_length.prediction.parts import PartFile
from product_length.prediction.read_columns import columns_to_read
from product_length.prediction.reading import ADVICE
from product_length.tables.config import AUTO
from product_length.tables.open_table import open_table
from product_length.unseen import log_unseen

log = logging.getLogger(__name__)


class Written(NamedTuple):
    """A part that was written: its rows, and how many hold what training did not know, by what."""

    rows: int
    unseen: Counter[str]


def write_parts(job: PredictionJob, todo: Sequence[PartFile]) -> int:
    """Predict for these parts of the table; returns their rows.

    Each part is the file that `write_submission` would make of it, and appears whole or not at all.
    Raises UserError as that does; the parts that were written stay, and are skipped the next time.
    """
    started = time.perf_counter()
    loaded = LoadedJob.of(job, 1 if job.engine == "ray" else job.workers)
    members = [member.columns for member in loaded.ensemble.members]
    columns = columns_to_read(members, job.data, job.keep)
    beside = {"interval": job.interval is not None, "reasons": bool(job.reasons)}
    check_names(columns[0], loaded.ensemble.target, **beside)
    loaded = replace(loaded, job=_with_decimal(job, columns))
    rows, unseen = _written(loaded, columns, todo)
    log_unseen(log, str(job.data.path), rows, unseen, ADVICE)
    log.info(
        "%s: %d part(s), %s rows of %s, %.0f rows/s",
        job.output,
        len(todo),
        f"{rows:,}",
        loaded.ensemble.in_words(),
        rows / max(time.perf_counter() - started, 1e-9),
    )
    return rows


def _with_decimal(job: PredictionJob, columns: Sequence[FileColumns]) -> PredictionJob:
    """The same with the decimal mark of all parts, which a single one may leave open."""
    numbers = list(dict.fromkeys(name for each in columns for name in each.as_numbers))
    if job.data.decimal != AUTO or not numbers:
        return job
    decimal = open_table(job.data.path, job.data.as_written()).decimal(numbers)
    return job.model_copy(update={"data": job.data.model_copy(update={"decimal": decimal})})


def _written(
    loaded: LoadedJob, columns: Sequence[FileColumns], todo: Sequence[PartFile]
) -> tuple[int, Counter[str]]:
    """The rows of all parts, and how many hold what is not known; each is said when it is there."""
    rows, unseen = 0, Counter[str]()
    with tqdm(total=len(todo), unit=" parts", desc="parts", disable=None) as bar:
        each = zip(todo, _each(loaded, columns, todo), strict=True)
        for number, (part, written) in enumerate(each, start=1):
            bar.update()
            rows += written.rows
            unseen.update(written.unseen)
            log.info("%s: %s rows, %d of %d", part.output, f"{written.rows:,}", number, len(todo))
    return rows, unseen


def _each(
    loaded: LoadedJob, columns: Sequence[FileColumns], todo: Sequence[PartFile]
) -> Iterator[Written]:
    """What becomes of each part, in order."""
    if loaded.job.engine == "ray":
        from product_length.prediction.ray_parts import written_on_ray

        on_gpu = loaded.device.type == "cuda"
        found = written_on_ray(loaded.job, columns, todo, on_gpu=on_gpu)
        yield from (Written(*each) for each in found)
        return
    for part in todo:
        yield Written(*loaded.write_part(part.source, part.output, columns))
