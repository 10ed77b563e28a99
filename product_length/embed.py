"""`python -m product_length.embed data=… embeddings=…`: embeddings ahead of training."""

from pathlib import Path

from product_length.command import run_command
from product_length.experiment import EmbeddingJob
from product_length.hidden_packages import keep_pandas_out
from product_length.preflight import check_inputs


def embed(job: EmbeddingJob, _folder: Path, _overrides: list[str]) -> None:
    """Compute the array of every encoder, or find it in the cache, where training finds it too."""
    if job.embeddings.engine != "ray":  # which works with pandas
        keep_pandas_out()
    # Imported here, so that a misspelt key is told without waiting for torch.
    from product_length.pipeline import read_and_embed

    read_and_embed(job)


if __name__ == "__main__":
    run_command("embed", EmbeddingJob, embed, check=check_inputs)
