"""Parts predicted by workers of a Ray cluster, which read and write them themselves."""

import json
import logging
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from typing_extensions import override

from product_length.catalogue.file_columns import FileColumns
from product_length.errors import UserError
from product_length.prediction.config import PredictionJob
from product_length.prediction.loaded_job import LoadedJob
from product_length.prediction.parts import PartFile
from product_length.ray_cluster import Block, giving_up, ray_workers

log = logging.getLogger(__name__)


def written_on_ray(
    job: PredictionJob, columns: Sequence[FileColumns], parts: Sequence[PartFile], *, on_gpu: bool
) -> Iterator[tuple[int, Counter[str]]]:
    """The rows of each part, in order, and how many hold what training did not know, by what.

    Each worker loads the checkpoints once. All machines of the cluster need this package, and the
    files under the same paths. Raises UserError when the cluster cannot be reached, has no room for
    the workers or gives up, and what a worker raises.
    """
    with ray_workers(job.workers, job.ray_address, on_gpu=on_gpu, prefix="") as workers:
        pool = workers.for_tables(len(parts))
        log.info("%d part(s) for %d Ray workers (%s)", len(parts), pool.count, pool.each)
        # Ray hides the other GPUs from a worker, so that `cuda` is its own.
        device = "cuda" if on_gpu else job.device if job.device != "auto" else "cpu"
        changes = {"device": device, "ray_address": None}
        job = _from_anywhere(job).model_copy(update=changes)
        tables = [
            pool.put(
                pa.table(
                    {
                        "source": [str(part.source.absolute())],
                        "output": [str(part.output.absolute())],
                    }
                )
            )
            for part in parts
        ]
        with giving_up(
            "engine=ray: the cluster gave up predicting",
            "the parts that are there stay; the same command goes on with the others",
        ):
            arguments = (job, list(columns), pool.threads)
            for block in pool.map(tables, _PartWriter, arguments, one_at_a_time=True):
                yield from map(_read, block["said"].tolist())


def _read(said: str) -> tuple[int, Counter[str]]:
    """What a worker said of a part; its warnings are logged here."""
    found = json.loads(said)
    for line in found["warnings"]:
        log.warning("%s", line)
    if "fault" in found:
        raise UserError(found["fault"])
    return found["rows"], Counter(found["unseen"])


def _from_anywhere(job: PredictionJob) -> PredictionJob:
    """The same where the working directory is another one."""
    encoders = {
        name: str(Path(model).absolute()) if Path(model).is_dir() else model
        for name, model in job.encoders.items()
    }
    changes = {
        "checkpoint": [path.absolute() for path in job.checkpoint],
        "cache_dir": job.cache_dir.absolute(),
        "encoders": encoders,
    }
    return job.model_copy(update=changes)


class _PartWriter:
    """What runs in a worker of the cluster; it loads when first used, to report its faults."""

    def __init__(self, job: PredictionJob, columns: Sequence[FileColumns], threads: int) -> None:
        self._job, self._columns = job, columns
        self._loaded: LoadedJob | None = None
        # Of tokenizers, which would take all cores; set before they are imported.
        os.environ["RAYON_NUM_THREADS"] = str(threads)
        torch.set_num_threads(threads)

    def __call__(self, block: Block) -> dict[str, NDArray[np.object_]]:
        """What is said of each part; a fault goes as data, or Ray would wrap it."""
        paths = zip(block["source"].tolist(), block["output"].tolist(), strict=True)
        said = [json.dumps(self._write(Path(source), Path(output))) for source, output in paths]
        return {"said": np.array(said, dtype=object)}

    def _write(self, source: Path, output: Path) -> dict[str, object]:
        try:
            if self._loaded is None:
                self._loaded = LoadedJob.of(self._job, 1)
            with _warnings() as found:
                rows, unseen = self._loaded.write_part(source, output, self._columns)
        except UserError as error:
            said = str(error)
            return {"fault": said if source.name in said else f"{source}: {said}", "warnings": []}
        return {"rows": rows, "unseen": unseen, "warnings": found}


class _Kept(logging.Handler):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    @override
    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


@contextmanager
def _warnings() -> Iterator[list[str]]:
    """The warnings of the block; a worker's own log is read by nobody."""
    logger, kept = logging.getLogger("product_length"), _Kept()
    logger.addHandler(kept)
    try:
        yield kept.lines
    finally:
        logger.removeHandler(kept)
