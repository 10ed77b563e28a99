"""What W&B's environment variables say about one run, and must not say about many."""

import os

_OF_ONE_RUN = (
    "WANDB_RUN_ID",
    "WANDB_NAME",
    "WANDB_RUN_NAME",
    "WANDB_RESUME",
    "WANDB_RESUME_FROM",
    "WANDB_FORK_FROM",
    "WANDB_SWEEP_ID",
    "WANDB_SWEEP_PARAM_PATH",
)


def leave_out_identity() -> list[str]:
    """Take from the environment, and so from child processes, what would make all runs one.

    Returns the names of the variables that were set.
    """
    return [name for name in _OF_ONE_RUN if os.environ.pop(name, None) is not None]
