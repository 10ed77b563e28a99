"""`python -m product_length.predict checkpoint=… data.path=… output=…`: a file of lengths."""

from pathlib import Path

from product_length.command import run_command
from product_length.hidden_packages import keep_pandas_out
from product_length.prediction.config import PredictionJob
from product_length.prediction.files import checked_files
from product_length.prediction.parts import parts_to_do
from product_length.ray_cluster import require_ray


def predict(job: PredictionJob, _folder: Path, _overrides: list[str]) -> None:
    """Write an id and a length, and an interval if asked for, for every row of a table."""
    if job.engine == "ray":  # which works with pandas
        require_ray("")
    else:
        keep_pandas_out()
    job, parts = checked_files(job)
    # Imported here, so that a misspelt key or a missing file is told without waiting for torch.
    if parts is not None:
        if todo := parts_to_do(job, parts):
            from product_length.prediction.by_parts import write_parts

            write_parts(job, todo)
        return
    from product_length.prediction.loaded_job import LoadedJob

    LoadedJob.of(job, job.workers).write()


if __name__ == "__main__":
    run_command("predict", PredictionJob, predict)
