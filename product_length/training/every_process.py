"""What the processes of one training exchange."""

from typing import Any, TypeVar

from torch import distributed as dist

Value = TypeVar("Value")


def from_every_process(value: Value) -> list[Value]:
    """The values of all processes, in order, in each of them."""
    if not (dist.is_available() and dist.is_initialized()):
        return [value]
    found: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(found, value)
    return found
