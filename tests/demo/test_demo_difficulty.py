"""How hard the demo catalogue is: what a constant, the types and the truth itself can reach."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from product_length.demo import DemoGenerator
from product_length.demo.generator import FIRST_PRODUCT_ID

ROWS = 20_000
Floats = npt.NDArray[np.float64]


def weighted_median(lengths: Floats) -> float:
    lengths = np.sort(lengths)
    running = np.cumsum(1 / lengths)
    return float(lengths[np.searchsorted(running, running[-1] / 2)])


def mape(lengths: Floats, predictions: Floats | float) -> float:
    return float((np.abs(predictions - lengths) / lengths).mean())


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_task_is_as_hard_as_the_real_one(seed: int) -> None:
    generator = DemoGenerator(ROWS, types=600, seed=seed)
    table = pa.Table.from_batches(generator.batches())
    lengths, types = table["PRODUCT_LENGTH"].to_numpy(), table["PRODUCT_TYPE_ID"].to_numpy()
    ids = FIRST_PRODUCT_ID + np.arange(ROWS)
    truth = generator.conditional_lengths(ids)
    best = truth.best_for_mape()
    oracle = mape(lengths, best)
    constant = mape(lengths, weighted_median(lengths))
    train = np.arange(ROWS) < 17_000
    medians = {t: weighted_median(lengths[train & (types == t)]) for t in set(types[train])}
    fallback = weighted_median(lengths[train])
    guesses = np.array([medians.get(t, fallback) for t in types])
    by_type = mape(lengths[~train], guesses[~train])
    assert 0.25 < oracle < 0.36
    assert 0.75 < constant < 0.95
    assert oracle + 0.08 < by_type < constant - 0.2
    assert truth.expected_mape(best).mean() == pytest.approx(oracle, abs=0.04)
    own = [[m for m in row if not m.is_decoy] for row in generator.stated_measurements(ids)]
    stated = np.array([bool(row) for row in own])
    assert mape(lengths[stated], best[stated]) < 0.8 * mape(lengths[~stated], best[~stated])
    # No single row decides a split of 2,000 rows.
    assert np.max(np.abs(best - lengths) / lengths) / 2_000 < 0.1
