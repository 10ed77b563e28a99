"""Encoding on Ray Data: chunks go to workers on all machines of a cluster and come back in order.

The texts still to be encoded lie in Ray's object store, which moves to disk what memory cannot
hold; of vectors Ray holds back as many as the run has not yet written.
"""

import contextlib
import importlib.util
import logging
import os
import socket
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from product_length.embeddings.encoder import Encoder, Marked
from product_length.embeddings.processes import Worker, packed
from product_length.errors import ConfigError, UserError, first_line

log = logging.getLogger(__name__)

_TIMEOUT_S = 10.0
_Block = Mapping[str, NDArray[Any]]


def require_ray() -> None:
    """Raise ConfigError when Ray Data is not installed."""
    if not all(importlib.util.find_spec(name) for name in ("ray", "pandas")):
        raise ConfigError(
            "embeddings.engine=ray: Ray Data is not installed; "
            "pip install -c constraints.txt -e '.[ray]', or choose embeddings.engine=local"
        )


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
    with _cluster(address or os.environ.get("RAY_ADDRESS")) as nodes:
        import ray

        on_gpu = encoder.device.type == "cuda"
        count, each = share_out(nodes, workers, on_gpu=on_gpu)
        sizes: list[int] = []
        tables = []
        for chunk in chunks:
            if chunk:
                numbers = np.full(len(chunk), len(sizes), dtype=np.int64)
                tables.append(ray.put(pa.table({"chunk": numbers, "text": list(chunk)})))
            sizes.append(len(chunk))
        log.info("%s: %d chunks for %d Ray workers (%s)", encoder.name, len(tables), count, each)
        blocks = _encoded(encoder, tables, count, each, on_gpu=on_gpu)
        try:
            yield from regrouped(blocks, sizes, encoder.dimension, encoder.dtype)
        except ray.exceptions.RayError as error:
            raise UserError(
                f"embeddings.engine=ray: the cluster gave up encoding with {encoder.name} "
                f"({first_line(error)}); the same command goes on from the last finished chunk"
            ) from error


def share_out(
    nodes: Sequence[Mapping[str, float]], workers: int | Literal["auto"], *, on_gpu: bool
) -> tuple[int, dict[str, float]]:
    """How many workers, and what Ray reserves for each, on machines with these resources.

    `auto` is one for each GPU, or for each machine where encoders run on CPUs; those share out all
    cores. Raises UserError when there is no room for the workers.
    """
    kind = "GPU" if on_gpu else "CPU"
    have = [int(node.get(kind, 0)) for node in nodes]
    count = (sum(have) if on_gpu else sum(map(bool, have))) if workers == "auto" else workers
    if not 0 < count <= sum(have):
        raise UserError(
            f"embeddings.workers={workers}: the Ray cluster has {sum(have)} {kind}s, and each "
            "worker needs one; choose fewer, or auto"
        )
    if on_gpu:
        return count, {"num_cpus": 1, "num_gpus": 1}
    return count, {"num_cpus": next(n for n in range(max(have), 0, -1) if _fit(have, n) >= count)}


def _fit(have: Sequence[int], cores: int) -> int:
    """How many workers with so many cores fit on machines that have these."""
    return sum(here // cores for here in have)


def _encoded(
    encoder: Encoder, tables: Sequence[Any], count: int, each: Mapping[str, float], *, on_gpu: bool
) -> Iterator[_Block]:
    """The columns `chunk`, `vector` and perhaps `cut` of texts that lie in the object store."""
    if not tables:
        return
    import ray.data

    logging.getLogger("ray.data").setLevel(logging.ERROR)
    context = ray.data.DataContext.get_current()
    context.execution_options.preserve_order = True
    context.enable_progress_bars = False
    # Ray hides the other devices from a worker, so that `cuda` is its own.
    device = "cuda" if on_gpu else str(encoder.device)
    encoded = ray.data.from_arrow_refs(tables).map_batches(
        _ChunkEncoder,
        fn_constructor_args=(packed(encoder), device, int(each["num_cpus"])),
        batch_size=None,  # a block is a chunk
        batch_format="numpy",
        compute=ray.data.ActorPoolStrategy(size=count),
        num_cpus=each["num_cpus"],
        num_gpus=each.get("num_gpus"),
    )
    for block in encoded.iter_batches(batch_size=None, batch_format="numpy"):
        if "fault" in block:
            raise UserError(str(block["fault"][0]))
        yield block


class _ChunkEncoder:
    """What runs in a worker of the cluster."""

    def __init__(self, content: bytes, device: str, threads: int) -> None:
        self._worker = Worker(content, device, threads)

    def __call__(self, block: _Block) -> dict[str, NDArray[Any]]:
        """Vectors of a chunk's texts; a fault goes as data, or Ray would wrap it."""
        try:
            vectors, cut = self._worker.encode(block["text"].tolist())
        except UserError as error:
            return {"fault": np.array([str(error)])}
        marks = {} if cut is None else {"cut": cut}
        return {"chunk": block["chunk"], "vector": vectors, **marks}


def regrouped(
    blocks: Iterable[_Block], sizes: Sequence[int], dimension: int, dtype: str
) -> Generator[Marked, None, None]:
    """Chunks of these sizes, in order, from ordered blocks of any size.

    Raises RuntimeError when the blocks are other ones.
    """
    coming = iter(blocks)
    block: _Block = {"chunk": np.zeros(0, dtype=np.int64)}
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


@contextlib.contextmanager
def _cluster(address: str | None) -> Iterator[list[Mapping[str, float]]]:
    """The resources of each machine of a running cluster, or of one that lasts for the block.

    Raises UserError when the cluster cannot be reached.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is reported unasked
    # Its C++ core warns of how Ray Data itself starts workers, each time.
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    import ray

    mine = not ray.is_initialized()
    if mine:
        quiet = {"logging_level": logging.ERROR, "log_to_driver": False}
        alone = {} if address else {"include_dashboard": False}
        try:
            if address and ":" in address:  # Ray itself would try for minutes
                host, port = address.removeprefix("ray://").rsplit(":", 1)
                socket.create_connection((host, int(port)), timeout=_TIMEOUT_S).close()
            ray.init(address=address or "local", **quiet, **alone)
        except (OSError, RuntimeError, ValueError) as error:
            raise UserError(
                f"embeddings.ray_address={address}: no Ray cluster can be used there "
                f"({first_line(error)}); start it, or correct the address (RAY_ADDRESS if the key "
                "is null), or unset both for one on this machine"
            ) from error
    try:
        yield [node["Resources"] for node in ray.nodes() if node["Alive"]]
    finally:
        if mine:
            ray.shutdown()
