"""A prediction that is ready to begin: its checkpoints are loaded, its device is chosen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from product_length.artefacts import ArtefactStore
from product_length.catalogue.file_columns import FileColumns
from product_length.devices import choose_device
from product_length.embeddings.engine import local_engine
from product_length.prediction.checkpoint import load_predictors
from product_length.prediction.config import PredictionJob
from product_length.prediction.ensemble import Ensemble
from product_length.prediction.submission import write_submission, write_table


@dataclass(frozen=True)
class LoadedJob:
    """What is asked for, what predicts, and where. `workers`: processes that encode texts."""

    job: PredictionJob
    ensemble: Ensemble
    device: torch.device
    workers: int | Literal["auto"]

    @classmethod
    def of(cls, job: PredictionJob, workers: int | Literal["auto"]) -> LoadedJob:
        """Load the checkpoints of a job. Raises UserError for what is wrong with them."""
        device = choose_device(job.device, "device")
        members = load_predictors(job.checkpoint, job.encoders, str(device), mapped=True)
        ensemble = Ensemble.of(members, job.decision)
        if job.interval is not None:
            ensemble = ensemble.with_intervals(job.interval)
        if job.reasons:
            ensemble = ensemble.with_reasons(job.reasons)
        return cls(job, ensemble, device, workers)

    def write(self) -> int:
        """Predict for the whole table into one file; returns its rows. See `write_submission`."""
        return write_submission(self.ensemble, self.job.data, self.job.output, **self._options())

    def write_part(
        self, source: Path, output: Path, columns: Sequence[FileColumns]
    ) -> tuple[int, Counter[str]]:
        """Predict for one file of the table, see `write_table`."""
        data = self.job.data.model_copy(update={"path": source})
        return write_table(self.ensemble, data, columns, output, **self._options())

    def _options(self) -> dict[str, Any]:
        """What is the same for a whole table and for one of its files."""
        job = self.job
        return {
            "keep": job.keep,
            "snap": job.snap,
            "batch_rows": job.batch_rows,
            "store": ArtefactStore(job.cache_dir),
            "engine": local_engine(self.workers),
            "device": self.device,
        }
