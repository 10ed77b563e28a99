"""`python -m product_length.train [group=option …] [key=value …]`: one composed run."""

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from product_length.catalogue.config import FileData
from product_length.command import run_command
from product_length.experiment import Experiment
from product_length.hidden_packages import keep_pandas_out
from product_length.preflight import check_inputs
from product_length.writing import refuse_input


def train(experiment: Experiment, folder: Path, overrides: list[str]) -> float:
    """Run the experiment in `folder`; the MAPE on validation rows (fraction) is what sweeps see."""
    _keep_catalogue(experiment, folder)
    if experiment.embeddings.engine != "ray":  # which works with pandas
        keep_pandas_out()
    # Imported here, so that a misspelt key is told without waiting for torch.
    from product_length.pipeline import run

    return run(experiment, folder, overrides)


def _keep_catalogue(experiment: Experiment, folder: Path) -> None:
    """Raise UserError when the run would replace the catalogue that it reads."""
    if isinstance(experiment.data, FileData):
        for split in ("val", "test"):
            output = folder / f"predictions_{split}.parquet"
            refuse_input(output, f"{output} of this run", {"data.path": experiment.data.path})


def compare_sweep(experiment: Experiment, folder: Path) -> None:
    """Leave the comparison of a sweep's runs in its folder."""
    from product_length.sweeping.finish import finish

    finish(experiment, folder)


class _Callable(ModuleType):
    """Importing this module puts it in the place of the function `product_length.train`."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        from product_length.api.training import train as train_from_python

        return train_from_python(*args, **kwargs)


if __name__ != "__main__":
    sys.modules[__name__].__class__ = _Callable


if __name__ == "__main__":
    run_command("train", Experiment, train, check=check_inputs, after_sweep=compare_sweep)
