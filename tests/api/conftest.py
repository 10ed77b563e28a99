"""A table in cm of a person's own, and a model that was trained on it from Python."""

import logging
import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from api_recipe import QUICK
from builders import table_in_cm
from hydra.core.global_hydra import GlobalHydra

import product_length


@pytest.fixture(scope="session")
def table():
    """300 products with a width in cm."""
    years = [None if row % 5 == 0 else row % 40 + 1980 for row in range(300)]
    return table_in_cm(year=pa.array(years)).drop_columns("notes")


@pytest.fixture(scope="session")
def run(table, tmp_path_factory):
    """Also shown: training leaves nothing behind in the process."""
    root = tmp_path_factory.mktemp("api")
    torch.manual_seed(7)
    before = state_of_the_process()
    cache = f"cache_dir={root / 'cache'}"
    run = product_length.train(table, *QUICK, cache, folder=root / "run")
    assert state_of_the_process() == before
    return run


def state_of_the_process():
    logger, root = logging.getLogger("product_length"), logging.getLogger()
    log = (logger.level, list(logger.handlers), root.level, list(root.handlers))
    return {
        "hydra": GlobalHydra().hydra,
        "log": log,
        "random": torch.get_rng_state().tolist(),
        "folder": Path.cwd(),
        "variables": {name for name in os.environ if "HYDRA" in name or "SECRET" in name},
    }


@pytest.fixture(scope="session")
def model(run):
    return run.model


@pytest.fixture(scope="session")
def widths(model, table):
    """Those that the model predicts: float32 (300,)."""
    return np.asarray(model.predict(table)["width_cm"])
