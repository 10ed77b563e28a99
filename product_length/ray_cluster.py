"""Workers on a Ray cluster: one that runs already, or one that lasts for the time of a block.

`prefix` stands before the names of settings in messages: "embeddings." where they are its.
"""

import contextlib
import importlib.util
import logging
import os
import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from product_length.errors import ConfigError, UserError, first_line

if TYPE_CHECKING:
    import pyarrow as pa

_TIMEOUT_S = 10.0
Block = Mapping[str, Any]
"""Columns of some rows: NumPy arrays (rows, …) by name."""


def require_ray(prefix: str) -> None:
    """Raise ConfigError when Ray Data is not installed."""
    if not all(importlib.util.find_spec(name) for name in ("ray", "pandas")):
        raise ConfigError(
            f"{prefix}engine=ray: Ray Data is not installed; "
            f"pip install -c constraints.txt -e '.[ray]', or choose {prefix}engine=local"
        )


@dataclass(frozen=True)
class RayWorkers:
    """How many workers there are to be, and what Ray reserves for each."""

    count: int
    each: Mapping[str, float]

    @property
    def threads(self) -> int:
        """The cores of a worker."""
        return int(self.each["num_cpus"])

    def for_tables(self, count: int) -> "RayWorkers":
        """As many of them as so many tables give work to."""
        return RayWorkers(min(self.count, count), self.each)

    @staticmethod
    def put(table: "pa.Table") -> Any:
        """The table in Ray's object store, which moves to disk what memory cannot hold."""
        import ray

        return ray.put(table)

    def map(
        self,
        tables: Sequence[Any],
        worker: type,
        arguments: tuple[Any, ...],
        *,
        one_at_a_time: bool = False,
    ) -> Iterator[Block]:
        """What workers, made with these arguments, make of tables that were `put`, in their order.

        No table may be empty. Ray starts anew what workers it loses. `one_at_a_time`: a worker gets
        the next table when it is done with one, for tables that take minutes.
        """
        if not tables:
            return
        import ray.data

        logging.getLogger("ray.data").setLevel(logging.ERROR)
        context = ray.data.DataContext.get_current()
        context.execution_options.preserve_order = True
        context.enable_progress_bars = False
        ahead = {"max_tasks_in_flight_per_actor": 1} if one_at_a_time else {}
        mapped = ray.data.from_arrow_refs(list(tables)).map_batches(
            worker,
            fn_constructor_args=arguments,
            batch_size=None,  # a table is a batch
            batch_format="numpy",
            compute=ray.data.ActorPoolStrategy(size=self.count, **ahead),
            num_cpus=self.each["num_cpus"],
            num_gpus=self.each.get("num_gpus"),
        )
        yield from mapped.iter_batches(batch_size=None, batch_format="numpy")


def share_out(
    nodes: Sequence[Mapping[str, float]],
    workers: int | Literal["auto"],
    *,
    on_gpu: bool,
    prefix: str,
) -> RayWorkers:
    """So many workers on machines with these resources.

    `auto` is one for each GPU, or for each machine where they run on CPUs; those share out all
    cores. Raises UserError when there is no room for the workers.
    """
    kind = "GPU" if on_gpu else "CPU"
    have = [int(node.get(kind, 0)) for node in nodes]
    count = (sum(have) if on_gpu else sum(map(bool, have))) if workers == "auto" else workers
    if not 0 < count <= sum(have):
        raise UserError(
            f"{prefix}workers={workers}: the Ray cluster has {sum(have)} {kind}s, and each "
            "worker needs one; choose fewer, or auto"
        )
    if on_gpu:
        return RayWorkers(count, {"num_cpus": 1, "num_gpus": 1})
    cores = next(n for n in range(max(have), 0, -1) if _fit(have, n) >= count)
    return RayWorkers(count, {"num_cpus": cores})


def _fit(have: Sequence[int], cores: int) -> int:
    """How many workers with so many cores fit on machines that have these."""
    return sum(here // cores for here in have)


@contextlib.contextmanager
def ray_workers(
    workers: int | Literal["auto"], address: str | None, *, on_gpu: bool, prefix: str
) -> Iterator[RayWorkers]:
    """Workers on the cluster at `address`, else at RAY_ADDRESS, else on one started here.

    Raises UserError when the cluster cannot be reached, or has no room for the workers.
    """
    with _cluster(address or os.environ.get("RAY_ADDRESS"), prefix) as nodes:
        yield share_out(nodes, workers, on_gpu=on_gpu, prefix=prefix)


@contextlib.contextmanager
def giving_up(what: str, advice: str) -> Iterator[None]:
    """Raises UserError where Ray gives up, with its reason between these words."""
    import ray

    try:
        yield
    except ray.exceptions.RayError as error:
        raise UserError(f"{what} ({first_line(error)}); {advice}") from error


@contextlib.contextmanager
def _cluster(address: str | None, prefix: str) -> Iterator[list[Mapping[str, float]]]:
    """The resources of each machine of a running cluster, or of one that lasts for the block."""
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
                f"{prefix}ray_address={address}: no Ray cluster can be used there "
                f"({first_line(error)}); start it, or correct the address (RAY_ADDRESS if the key "
                "is null), or unset both for one on this machine"
            ) from error
    try:
        yield [node["Resources"] for node in ray.nodes() if node["Alive"]]
    finally:
        if mine:
            ray.shutdown()
