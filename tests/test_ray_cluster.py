"""What workers get of the machines of a cluster."""

from typing import Any

import pytest

from product_length.errors import UserError
from product_length.ray_cluster import RayWorkers, share_out


@pytest.mark.parametrize(
    ("nodes", "workers", "count", "cores"),
    [
        ([8], "auto", 1, 8),
        ([8], 3, 3, 2),
        ([2], 2, 2, 1),
        ([8, 8, 0], "auto", 2, 8),  # a head without cores
        ([3, 3], 3, 3, 1),  # two cores each would leave room for two workers only
        ([6, 2], 2, 2, 3),
    ],
)
def test_cores_are_shared_out(nodes: list[int], workers: Any, count: int, cores: int) -> None:
    machines = [{"CPU": float(cpus), "memory": 1e9} for cpus in nodes]
    assert share_out(machines, workers, on_gpu=False, prefix="") == RayWorkers(
        count, {"num_cpus": cores}
    )


def test_a_worker_for_each_gpu() -> None:
    nodes = [{"CPU": 16.0, "GPU": 4.0}, {"CPU": 16.0, "GPU": 2.0}, {"CPU": 4.0}]
    each = {"num_cpus": 1, "num_gpus": 1}
    assert share_out(nodes, "auto", on_gpu=True, prefix="") == RayWorkers(6, each)
    assert share_out(nodes, 2, on_gpu=True, prefix="") == RayWorkers(2, each)


@pytest.mark.parametrize(
    ("workers", "on_gpu", "said"),
    [
        (9, False, "embeddings.workers=9: the Ray cluster has 8 CPUs"),
        ("auto", True, "embeddings.workers=auto: the Ray cluster has 0 GPUs"),
    ],
)
def test_too_many_workers(workers: Any, on_gpu: bool, said: str) -> None:
    with pytest.raises(UserError, match=said):
        share_out([{"CPU": 4.0}, {"CPU": 4.0}], workers, on_gpu=on_gpu, prefix="embeddings.")
