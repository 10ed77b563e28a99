"""Which engine an encoding runs on: this process, several of this machine, or a Ray cluster."""

import functools
from collections.abc import Generator, Iterable, Sequence
from typing import Literal

import torch

from product_length.embeddings.config import EmbeddingOptions
from product_length.embeddings.encoder import Encoder, Engine, Marked
from product_length.embeddings.processes import encode_in_processes


def choose_engine(options: EmbeddingOptions) -> Engine:
    """The engine that `embeddings.engine` and its options name; nothing is started yet.

    Raises ConfigError when Ray is asked for and not installed.
    """
    if options.engine == "ray":
        from product_length.embeddings.ray_engine import encode_on_ray
        from product_length.ray_cluster import require_ray

        require_ray("embeddings.")
        return functools.partial(
            encode_on_ray, workers=options.workers, address=options.ray_address
        )
    return local_engine(options.workers)


def local_engine(workers: int | Literal["auto"]) -> Engine:
    """So many processes of this machine, `auto` one for each GPU; nothing is started yet."""
    return functools.partial(_encode_here, workers=workers)


def _encode_here(
    encoder: Encoder, chunks: Iterable[Sequence[str]], *, workers: int | Literal["auto"]
) -> Generator[Marked, None, None]:
    devices = deal_devices(encoder.device, workers, torch.cuda.device_count())
    if len(devices) > 1:
        yield from encode_in_processes(encoder, chunks, devices)
    else:
        yield from map(encoder.encode_marked, chunks)


def deal_devices(
    device: torch.device, workers: int | Literal["auto"], gpus: int
) -> list[torch.device]:
    """A device for each process, of a machine with so many CUDA devices.

    `cuda` without an index is all of them in turn; `auto` is a process for each, and one where
    there is no choice: on a CPU torch's threads use all cores already.
    """
    if device.type != "cuda" or device.index is not None:
        return [device] * (1 if workers == "auto" else workers)
    if gpus == 1 and workers in ("auto", 1):
        return [device]
    count = gpus if workers == "auto" else workers
    return [torch.device("cuda", number % gpus) for number in range(count)]
