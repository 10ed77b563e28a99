"""What the processes of one training exchange."""

from collections.abc import Mapping
from typing import Any, TypeVar

from torch import distributed as dist

from product_length.errors import UserError

Value = TypeVar("Value")


def from_every_process(value: Value) -> list[Value]:
    """The values of all processes, in order, in each of them."""
    if not (dist.is_available() and dist.is_initialized()):
        return [value]
    found: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(found, value)
    return found


def check_same(identity: Mapping[str, Any]) -> None:
    """Raise UserError, in every process, unless all have the same of a training."""
    first, *others = from_every_process({key: str(value) for key, value in identity.items()})
    for rank, other in enumerate(others, start=1):
        if differs := [key for key in first if first[key] != other[key]]:
            raise UserError(
                f"process {rank} of this training differs from process 0 in: {', '.join(differs)}; "
                "give all one command, and one cache_dir on a disk that all machines share"
            )
