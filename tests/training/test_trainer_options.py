"""The batch size that a small catalogue gets."""

import pytest

from product_length.training.config import LEAST_BATCH, TrainerOptions


@pytest.mark.parametrize(
    ("rows", "min_steps", "batch"),
    [
        (1_000_000, 32, 512),
        (17_062, 32, 512),
        (6_329, 32, 197),
        (850, 32, 26),
        (100, 32, LEAST_BATCH),
        (100, 1, 100),
        (6_329, 1, 512),
    ],
)
def test_small_catalogues_get_smaller_batches(rows, min_steps, batch):
    options = TrainerOptions(batch_size=512, min_steps=min_steps)
    fitted = options.for_rows(rows)
    assert fitted.batch_size == batch
    assert fitted.model_copy(update={"batch_size": 512}) == options


def test_a_smaller_batch_than_asked_for_is_said(caplog):
    caplog.set_level("INFO")
    options = TrainerOptions(batch_size=512, min_steps=4)
    assert options.for_rows(2048) == options
    assert not caplog.messages
    options.for_rows(1000)
    assert caplog.messages == [
        "batches of 250 rows, not trainer.batch_size=512: 1,000 training rows, 4 step(s) each epoch"
    ]
