"""`python -m product_length.predict checkpoint=… data.path=… output=…`: a file of lengths."""

from pathlib import Path

from product_length.command import run_command
from product_length.prediction.config import PredictionJob


def predict(job: PredictionJob, _folder: Path, _overrides: list[str]) -> None:
    """Write PRODUCT_ID,PRODUCT_LENGTH for every row of a catalogue, in its order."""
    # Imported here, so that a misspelt key is told without waiting for torch.
    from product_length.artefacts import ArtefactStore
    from product_length.catalogue.config import Columns
    from product_length.devices import choose_device
    from product_length.embeddings.engine import local_engine
    from product_length.prediction.checkpoint import load_predictor
    from product_length.prediction.submission import write_submission

    device = choose_device(job.device, "device")
    predictor = load_predictor(job.checkpoint, job.encoders, str(device)).deciding(job.decision)
    renamed = job.data.columns.model_dump(exclude_none=True)
    write_submission(
        predictor,
        job.data.path,
        job.output,
        columns=Columns.model_validate({**predictor.columns.model_dump(), **renamed}),
        snap=job.snap,
        batch_rows=job.batch_rows,
        store=ArtefactStore(job.cache_dir),
        engine=local_engine(job.workers),
        device=device,
    )


if __name__ == "__main__":
    run_command("predict", PredictionJob, predict)
