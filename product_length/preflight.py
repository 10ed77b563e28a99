"""What is looked at in a moment, before any work and before any heavy library is imported."""

from product_length.catalogue.config import FileData
from product_length.devices import check_accelerator, check_device
from product_length.embeddings.config import SentenceTransformerOptions
from product_length.experiment import EmbeddingJob, Experiment


def check_inputs(job: EmbeddingJob) -> None:
    """Raise UserError unless the catalogue and the devices that `job` names are there."""
    if isinstance(job.data, FileData):
        from product_length.catalogue.file_columns import FileColumns
        from product_length.catalogue.reader import check_source  # it imports pyarrow

        data = job.data
        check_source(data.path, FileColumns.of(data.columns), data.as_written())
    for name, encoder in job.embeddings.encoders.items():
        if isinstance(encoder, SentenceTransformerOptions):
            check_device(encoder.device, f"embeddings.encoders.{name}.device")
    if isinstance(job, Experiment):
        check_accelerator(job.trainer.accelerator)
