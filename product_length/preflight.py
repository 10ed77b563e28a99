"""What is looked at in a moment, before any work and before any heavy library is imported."""

import os

from product_length.catalogue.config import FileData
from product_length.devices import check_accelerator, check_device
from product_length.embeddings.config import SentenceTransformerOptions
from product_length.errors import ConfigError
from product_length.experiment import EmbeddingJob, Experiment
from product_length.training.config import TrainerOptions


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
        _check_processes(job.trainer)


def _check_processes(trainer: TrainerOptions) -> None:
    """Raise ConfigError unless there are the processes that several machines need."""
    if trainer.nodes == 1:
        return
    each = trainer.devices
    started = os.environ.get("WORLD_SIZE") or os.environ.get("SLURM_NTASKS")
    if started is None:
        raise ConfigError(
            f"trainer.nodes={trainer.nodes}: each machine starts its part of the training; give "
            f"this command on each, behind torchrun --nnodes={trainer.nodes} "
            f"--nproc-per-node={each} --node-rank=0 (1, 2, …) --master-addr=HOST -m"
        )
    if each != "auto" and started != str(trainer.nodes * each):
        raise ConfigError(
            f"trainer.nodes={trainer.nodes} trainer.devices={each}: {trainer.nodes * each} "
            f"processes are needed, and {started} are started; give torchrun "
            f"--nnodes={trainer.nodes} --nproc-per-node={each}"
        )
