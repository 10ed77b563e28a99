"""Encoding on Ray Data: chunks go to workers on all machines of a cluster and come back in order.

The texts still to be encoded lie in Ray's object store, which moves to disk what memory cannot
hold; of vectors Ray holds back as many as the run has not yet written.
"""

import logging
from collections.abc import Generator, Iterable, Iterator, Sequence
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from product_length.embeddings.encoder import Encoder, Marked
from product_length.embeddings.processes import Worker, packed
from product_length.errors import UserError
from product_length.ray_cluster import Block, RayWorkers, giving_up, ray_workers

log = logging.getLogger(__name__)


def encode_on_ray(
    encoder: Encoder,
    chunks: Iterable[Sequence[str]],
    *,
    workers: int | Literal["auto"],
    address: str | None,
) -> Generator[Marked, None, None]:
    """An engine on the Ray cluster at `address`, else at RAY_ADDRESS, else one started here.

    Workers run on the kind of device that the encoder has here; all machines of the cluster need
    this package and the model. Ray starts anew what workers it loses. Raises UserError when the
    cluster cannot be reached, has no room for the workers or gives up, and what the encoder raises.
    """
    on_gpu = encoder.device.type == "cuda"
    with ray_workers(workers, address, on_gpu=on_gpu, prefix="embeddings.") as pool:
        sizes: list[int] = []
        tables = []
        for chunk in chunks:
            if chunk:
                numbers = np.full(len(chunk), len(sizes), dtype=np.int64)
                tables.append(pool.put(pa.table({"chunk": numbers, "text": list(chunk)})))
            sizes.append(len(chunk))
        made, each = len(tables), pool.each
        log.info("%s: %d chunks for %d Ray workers (%s)", encoder.name, made, pool.count, each)
        with giving_up(
            f"embeddings.engine=ray: the cluster gave up encoding with {encoder.name}",
            "the same command goes on from the last finished chunk",
        ):
            blocks = _encoded(encoder, tables, pool)
            yield from regrouped(blocks, sizes, encoder.dimension, encoder.dtype)


def _encoded(encoder: Encoder, tables: Sequence[Any], pool: RayWorkers) -> Iterator[Block]:
    """The columns `chunk`, `vector` and perhaps `cut` of texts that lie in the object store."""
    # Ray hides the other devices from a worker, so that `cuda` is its own.
    device = "cuda" if "num_gpus" in pool.each else str(encoder.device)
    for block in pool.map(tables, _ChunkEncoder, (packed(encoder), device, pool.threads)):
        if "fault" in block:
            raise UserError(str(block["fault"][0]))
        yield block


class _ChunkEncoder:
    """What runs in a worker of the cluster."""

    def __init__(self, content: bytes, device: str, threads: int) -> None:
        self._worker = Worker(content, device, threads)

    def __call__(self, block: Block) -> dict[str, NDArray[Any]]:
        """Vectors of a chunk's texts; a fault goes as data, or Ray would wrap it."""
        try:
            vectors, cut = self._worker.encode(block["text"].tolist())
        except UserError as error:
            return {"fault": np.array([str(error)])}
        marks = {} if cut is None else {"cut": cut}
        return {"chunk": block["chunk"], "vector": vectors, **marks}


def regrouped(
    blocks: Iterable[Block], sizes: Sequence[int], dimension: int, dtype: str
) -> Generator[Marked, None, None]:
    """Chunks of these sizes, in order, from ordered blocks of any size.

    Raises RuntimeError when the blocks are other ones.
    """
    coming = iter(blocks)
    block: Block = {"chunk": np.zeros(0, dtype=np.int64)}
    for number, size in enumerate(sizes):
        vectors = np.empty((size, dimension), dtype=dtype)
        cut = np.zeros(size, dtype=np.bool_)
        filled, marked = 0, False
        while filled < size:
            if not len(block["chunk"]):
                block = next(coming, {"chunk": np.array([-1])})
            taken = min(size - filled, len(block["chunk"]))
            if not (block["chunk"][:taken] == number).all():
                raise RuntimeError(f"Ray Data lost or reordered chunk {number}")
            vectors[filled : filled + taken] = block["vector"][:taken]
            if "cut" in block:
                cut[filled : filled + taken] = block["cut"][:taken]
                marked = True
            block = {name: values[taken:] for name, values in block.items()}
            filled += taken
        yield vectors, cut if marked else None
