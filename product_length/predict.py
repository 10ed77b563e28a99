"""`python -m product_length.predict checkpoint=… data.path=… output=…`: a file of lengths."""

from pathlib import Path

from product_length.command import run_command
from product_length.hidden_packages import keep_pandas_out
from product_length.prediction.config import PredictionJob
from product_length.prediction.files import checked_files


def predict(job: PredictionJob, _folder: Path, _overrides: list[str]) -> None:
    """Write an id and a length, and an interval if asked for, for every row of a table."""
    job = checked_files(job)
    keep_pandas_out()
    # Imported here, so that a misspelt key or a missing file is told without waiting for torch.
    from product_length.artefacts import ArtefactStore
    from product_length.devices import choose_device
    from product_length.embeddings.engine import local_engine
    from product_length.prediction.checkpoint import load_predictors
    from product_length.prediction.ensemble import Ensemble
    from product_length.prediction.submission import write_submission

    device = choose_device(job.device, "device")
    members = load_predictors(job.checkpoint, job.encoders, str(device))
    ensemble = Ensemble.of(members, job.decision)
    if job.interval is not None:
        ensemble = ensemble.with_intervals(job.interval)
    if job.reasons:
        ensemble = ensemble.with_reasons(job.reasons)
    write_submission(
        ensemble,
        job.data,
        job.output,
        keep=job.keep,
        snap=job.snap,
        batch_rows=job.batch_rows,
        store=ArtefactStore(job.cache_dir),
        engine=local_engine(job.workers),
        device=device,
    )


if __name__ == "__main__":
    run_command("predict", PredictionJob, predict)
