"""`python -m product_length.export checkpoint=… output=FOLDER`: a model that travels."""

import logging
from pathlib import Path

from product_length.command import run_command
from product_length.errors import UserError
from product_length.hidden_packages import keep_pandas_out
from product_length.prediction.config import ExportJob
from product_length.prediction.files import find_checkpoint

log = logging.getLogger(__name__)


def export(job: ExportJob, _folder: Path, _overrides: list[str]) -> None:
    """Write a finished run's model as safetensors, JSON and a model card."""
    if job.checkpoint.exists() and job.output.resolve() == job.checkpoint.resolve():
        raise UserError(f"output={job.output}: is the checkpoint's own folder; give another")
    checkpoint = find_checkpoint(job.checkpoint)
    keep_pandas_out()
    # Imported here, so that a missing file is reported without waiting for torch.
    from product_length.prediction.export import export_model

    files = export_model(checkpoint, job.output, job.encoders, onnx=job.onnx)
    size = sum(path.stat().st_size for path in files)
    log.info("%s: %s, %.1f MB", job.output, ", ".join(path.name for path in files), size / 1e6)


if __name__ == "__main__":
    run_command("export", ExportJob, export)
