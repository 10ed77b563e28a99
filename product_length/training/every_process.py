"""What the processes of one training exchange."""

from typing import Any, TypeVar

from torch import distributed as dist
from typing_extensions import override

from product_length.errors import UserError
from product_length.lightning_import import Callback, L

Value = TypeVar("Value")


def from_every_process(value: Value) -> list[Value]:
    """The values of all processes, in order, in each of them."""
    if not (dist.is_available() and dist.is_initialized()):
        return [value]
    found: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(found, value)
    return found


class SameTraining(Callback):
    """Before the first step: all processes must have been started for one training."""

    @override
    def on_fit_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Raise UserError, in every process, unless all have the same `FitModule.identity`."""
        identity: Any = pl_module.identity
        first, *others = from_every_process({key: str(value) for key, value in identity().items()})
        for rank, other in enumerate(others, start=1):
            if differs := [key for key in first if first[key] != other[key]]:
                raise UserError(
                    f"process {rank} of this training differs from process 0 in: "
                    f"{', '.join(differs)}; give all one command, and one cache_dir on a disk that "
                    "all machines share"
                )
