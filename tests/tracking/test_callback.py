from collections.abc import Mapping
from pathlib import Path

import lightning as L
import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset
from transaction_log import read_run

from product_length.tracking.callback import EpochCallback
from product_length.tracking.config import Wandb
from product_length.tracking.open_tracker import open_tracker
from product_length.tracking.tracker import Tracker

pytestmark = [
    # Lightning 2.6 asks torch 2.13 in a way that torch has deprecated.
    pytest.mark.filterwarnings("ignore:.isinstance.treespec, LeafSpec.:FutureWarning"),
    # Two batches need no workers.
    pytest.mark.filterwarnings("ignore:.*does not have many workers:UserWarning"),
]


class Recording(Tracker):
    def __init__(self) -> None:
        self.epochs: list[tuple[int, dict[str, float]]] = []

    def epoch(self, metrics: Mapping[str, float], epoch: int) -> None:
        self.epochs.append((epoch, dict(metrics)))


class Counting(L.LightningModule):
    """Logs the number of the epoch, at every place where a model may log."""

    def __init__(self, fails_in: int | None = None) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)
        self.fails_in = fails_in

    def training_step(self, batch: list[torch.Tensor]) -> torch.Tensor:
        if self.current_epoch == self.fails_in:
            raise RuntimeError("out of memory")
        self.log("train/loss", float(self.current_epoch), on_step=False, on_epoch=True)
        return self.layer(batch[0]).mean()

    def validation_step(self, _: list[torch.Tensor]) -> None:
        self.log("val/loss", float(self.current_epoch))

    def on_validation_epoch_end(self) -> None:
        self.log("val/mape", float(self.current_epoch))

    def on_train_epoch_end(self) -> None:
        self.log("train/mape", float(self.current_epoch))

    def configure_optimizers(self) -> dict[str, object]:
        optimizer = torch.optim.SGD(self.parameters(), lr=0.8)
        return {
            "optimizer": optimizer,
            "lr_scheduler": torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5),
        }


def fit(
    folder: Path,
    tracker: Tracker,
    *,
    epochs: int,
    model: Counting | None = None,
    resume: Path | None = None,
    every: int = 1,
) -> L.Trainer:
    batches = DataLoader(TensorDataset(torch.ones(4, 1)), batch_size=2)
    trainer = L.Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        devices=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=folder,
        num_sanity_val_steps=2,
        check_val_every_n_epoch=every,
        callbacks=[EpochCallback(tracker)],
    )
    trainer.fit(model or Counting(), batches, batches, ckpt_path=resume, weights_only=True)
    return trainer


def every_metric(value: float) -> dict[str, float]:
    return dict.fromkeys(("train/loss", "train/mape", "val/loss", "val/mape"), value)


def test_every_epoch_is_logged_once_with_its_own_metrics(tmp_path: Path) -> None:
    tracker = Recording()
    fit(tmp_path, tracker, epochs=3)
    assert tracker.epochs == [
        (1, every_metric(0) | {"learning_rate": pytest.approx(0.8)}),
        (2, every_metric(1) | {"learning_rate": pytest.approx(0.4)}),
        (3, every_metric(2) | {"learning_rate": pytest.approx(0.2)}),
    ]


def test_a_resumed_fit_goes_on_counting(tmp_path: Path) -> None:
    trainer = fit(tmp_path, Tracker(), epochs=2)
    trainer.save_checkpoint(tmp_path / "last.ckpt")
    tracker = Recording()
    fit(tmp_path, tracker, epochs=4, resume=tmp_path / "last.ckpt")
    assert tracker.epochs == [
        (3, every_metric(2) | {"learning_rate": pytest.approx(0.2)}),
        (4, every_metric(3) | {"learning_rate": pytest.approx(0.1)}),
    ]


def test_epochs_without_validation_are_not_logged(tmp_path: Path) -> None:
    tracker = Recording()
    fit(tmp_path, tracker, epochs=5, every=2)
    assert [(epoch, metrics["val/mape"]) for epoch, metrics in tracker.epochs] == [(2, 1), (4, 3)]


def test_epochs_that_ended_before_a_failure_are_logged(tmp_path: Path) -> None:
    tracker = Recording()
    with pytest.raises(RuntimeError, match="out of memory"):
        fit(tmp_path, tracker, epochs=5, model=Counting(fails_in=2))
    assert [epoch for epoch, _ in tracker.epochs] == [1, 2]


def test_a_fit_is_followed_on_wandb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    options = Wandb(name="wandb")
    with (
        pytest.raises(RuntimeError, match="out of memory"),
        open_tracker(options, config={}, folder=tmp_path, name="n") as tracker,
    ):
        fit(tmp_path, tracker, epochs=5, model=Counting(fails_in=3))
    logged = read_run(tmp_path)
    assert [row["_step"] for row in logged.history] == [1, 2, 3]
    for row in logged.history:
        assert {name: row[name] for name in every_metric(0)} == every_metric(row["epoch"] - 1)
    assert logged.exit_code == 1
