"""`python -m product_length.serve checkpoint=…`: predictions over HTTP, and a page for people."""

import importlib.util
import logging
from pathlib import Path

from product_length.command import run_command
from product_length.errors import UserError
from product_length.hidden_packages import keep_pandas_out
from product_length.prediction.files import checked_checkpoints
from product_length.serving.config import ServeJob

log = logging.getLogger(__name__)

_INSTALL = "pip install 'product_length[serve]'"


def serve(job: ServeJob, _folder: Path, _overrides: list[str]) -> None:
    """Answer requests for lengths until Ctrl-C."""
    for package in ("fastapi", "uvicorn"):
        if importlib.util.find_spec(package) is None:
            raise UserError(f"serving needs the package {package}: {_INSTALL}")
    job = job.model_copy(update={"checkpoint": checked_checkpoints(job.checkpoint, job.device)})
    # Imported here, so that a misspelt key or a port in use is told without waiting for torch.
    from product_length.serving.server import bound_socket

    with bound_socket(job.host, job.port) as bound:
        keep_pandas_out()
        from product_length.serving.run import serve_checkpoints

        serve_checkpoints(job, bound)
    log.info("stopped")


if __name__ == "__main__":
    run_command("serve", ServeJob, serve)
