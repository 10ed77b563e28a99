"""A run that was cut and continued equals one that was not, wherever it is continued."""

import logging
import shutil
from pathlib import Path
from typing import Any, BinaryIO

import lightning as L
import pytest
import torch
from fitting_problem import KillAt, Killed, Problem, scores
from lightning.pytorch.callbacks import Callback, ModelCheckpoint
from typing_extensions import override

from product_length.errors import UserError
from product_length.training.checkpoint_file import read_checkpoint, write_checkpoint
from product_length.training.chunks import Chunks


def cut(problem: Problem, folder: Path, epoch: int, **options: Any) -> Path:
    """Train into `folder` until a step in the middle of an epoch, and die there."""
    with pytest.raises(Killed):
        problem.fit(folder, callbacks=[KillAt(epoch)], **options)
    return folder / "checkpoints/last.ckpt"


def assert_same_weights(one: Path, other: Path) -> None:
    first, second = (read_checkpoint(path)["state_dict"] for path in (one, other))
    assert list(first) == list(second)
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("elsewhere", [False, True], ids=["same folder", "another folder"])
@pytest.mark.parametrize("epoch", [1, 3])
def test_continues_to_the_same_bits(
    problem: Problem, tmp_path: Path, elsewhere: bool, epoch: int
) -> None:
    whole = problem.fit(tmp_path / "whole", max_epochs=5)
    last = cut(problem, tmp_path / "cut", epoch, max_epochs=5)
    torch.manual_seed(99)  # a new process has other random numbers
    folder = tmp_path / ("new" if elsewhere else "cut")
    resumed = problem.fit(folder, max_epochs=5, resume=last)
    assert len(resumed.history) == 5
    assert scores(resumed) == scores(whole)
    assert resumed.best_epoch == whole.best_epoch
    assert resumed.best_checkpoint.parent == folder / "checkpoints"
    assert_same_weights(resumed.last_checkpoint, whole.last_checkpoint)
    assert_same_weights(resumed.best_checkpoint, whole.best_checkpoint)


def test_the_best_epoch_before_the_cut_is_not_forgotten(problem: Problem, tmp_path: Path) -> None:
    # This rate ruins the start: the first epoch or two stay the best.
    options: dict[str, Any] = {"max_epochs": 30, "patience": 4, "learning_rate": 0.5, "warmup": 0.1}
    whole = problem.fit(tmp_path / "whole", **options)
    assert whole.stopped_early
    assert whole.best_epoch < whole.epochs - 2
    last = cut(problem, tmp_path / "cut", whole.best_epoch + 1, **options)
    shutil.move(tmp_path / "cut", tmp_path / "moved")  # the checkpoint's own paths are stale now
    last = tmp_path / "moved" / last.relative_to(tmp_path / "cut")
    kept: list[str] = []

    class Watch(Callback):
        @override
        def on_train_end(self, trainer: L.Trainer, *rest: Any) -> None:
            callbacks = [c for c in trainer.checkpoint_callbacks if isinstance(c, ModelCheckpoint)]
            kept.extend(callback.best_model_path for callback in callbacks)

    resumed = problem.fit(tmp_path / "new", resume=last, callbacks=[Watch()], **options)
    assert kept == [str(resumed.best_checkpoint), str(resumed.last_checkpoint)]
    assert resumed.best_epoch == whole.best_epoch
    assert resumed.epochs == whole.epochs  # patience was counted through
    assert resumed.stopped_early
    assert_same_weights(resumed.best_checkpoint, whole.best_checkpoint)
    assert not (tmp_path / "cut").exists()


@pytest.mark.parametrize("options", [{"max_epochs": 2}, {"max_epochs": 30, "learning_rate": 0.5}])
def test_a_finished_run_is_not_trained_further(
    problem: Problem, tmp_path: Path, options: dict[str, Any]
) -> None:
    whole = problem.fit(tmp_path / "a", patience=2, **options)
    for folder in ("a", "b"):
        again = problem.fit(tmp_path / folder, patience=2, resume=whole.last_checkpoint, **options)
        assert again.history == whole.history
        assert (again.best_epoch, again.stopped_early) == (whole.best_epoch, whole.stopped_early)
        assert_same_weights(again.best_checkpoint, whole.best_checkpoint)
        for one, other in zip(
            problem.networks[0].parameters(), problem.networks[-1].parameters(), strict=True
        ):
            assert torch.equal(one, other)


def test_what_becomes_of_a_run_is_said(
    problem: Problem, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def said(last: Path, **options: Any) -> str:
        caplog.clear()
        with caplog.at_level(logging.INFO):
            problem.fit(tmp_path / "run", resume=last, **options)
        return next(text for text in caplog.messages if text.startswith("trainer.resume="))

    cut(problem, tmp_path / "run", 1, max_epochs=2)
    run = tmp_path / "run"  # a run's folder is as good as its last checkpoint
    assert f"1 of 2 epochs are done; the run goes on in {run}" in said(run, max_epochs=2)
    assert "2 of 2 epochs are done, it is finished; a larger" in said(run, max_epochs=2)
    assert "2 of 3 epochs are done; the run goes on" in said(run, max_epochs=3)
    with pytest.raises(UserError, match=r"trainer\.max_epochs was 3, is 2"):
        problem.fit(run, resume=run, max_epochs=2)


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ("optimizer_states", "optimizer_states missing"),
        ("loops", "loops missing"),
        ("history", "history missing"),
        ("identity", "identity missing"),
        ("an empty history", "a history missing"),
        ("a history of words", "a whole history missing"),
    ],
)
def test_an_edited_checkpoint_is_refused(
    problem: Problem, tmp_path: Path, part: str, said: str
) -> None:
    last = cut(problem, tmp_path / "cut", 1)
    checkpoint = read_checkpoint(last)
    if part in checkpoint:
        del checkpoint[part]
    elif part in checkpoint["product_length"]:
        del checkpoint["product_length"][part]
    else:
        entry = {"val/mape": "low", "rows_per_second": 1.0}
        checkpoint["product_length"]["history"] = [] if "empty" in part else [entry]
    write_checkpoint(checkpoint, last)
    with pytest.raises(UserError, match=rf"last\.ckpt: was edited .*{said}"):
        problem.fit(tmp_path / "new", resume=last)
    assert not (tmp_path / "new").exists()


def test_another_configuration_is_refused_with_every_difference(
    problem: Problem, tmp_path: Path
) -> None:
    last = cut(problem, tmp_path / "cut", 1)
    with pytest.raises(UserError) as raised:
        problem.fit(tmp_path / "new", resume=last, batch_size=16, learning_rate=0.01, seed=8)
    message = str(raised.value)
    assert str(last) in message
    assert "trainer.batch_size was 32, is 16" in message
    assert "trainer.learning_rate was 0.001, is 0.01" in message
    assert "seed was 7, is 8" in message
    assert "patience" not in message
    assert not (tmp_path / "new").exists()


def test_chunk_reading_continues_to_the_same_bits(
    problem: Problem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = Chunks(4, 70)
    monkeypatch.setattr(Chunks, "within", lambda *_: small)
    whole = problem.fit(tmp_path / "whole", memory="blocks")
    assert scores(whole) != scores(problem.fit(tmp_path / "other", memory="resident"))
    last = cut(problem, tmp_path / "cut", 2, memory="blocks")
    # `auto` alone would read single rows here, and what chunks are has changed.
    monkeypatch.setattr(Chunks, "within", lambda *_: Chunks(9, 90))
    resumed = problem.fit(tmp_path / "new", resume=last, memory="auto")
    assert scores(resumed) == scores(whole)
    assert_same_weights(resumed.last_checkpoint, whole.last_checkpoint)
    with pytest.raises(UserError, match=r"in blocks of 4 rows, .* is in blocks of 9 rows"):
        problem.fit(tmp_path / "third", resume=last, memory="blocks")
    with pytest.raises(UserError, match=r"reading was .*70 shuffled at a time, is single"):
        problem.fit(tmp_path / "third", resume=last, memory="resident")


def test_another_network_is_refused(problem: Problem, tmp_path: Path) -> None:
    last = cut(problem, tmp_path / "cut", 1)
    for network, words in [
        (problem.network(hidden=32), "out_features=16"),
        (problem.network(dropout=0.5), "dropout=0.1, is dropout=0.25"),
    ]:
        with pytest.raises(UserError, match="network was") as raised:
            problem.fit(tmp_path / "new", network, resume=last)
        assert words in str(raised.value)


def test_other_rows_and_another_loss_are_refused(problem: Problem, tmp_path: Path) -> None:
    last = cut(problem, tmp_path / "cut", 1)
    problem.train_rows = problem.train_rows[1:]
    with pytest.raises(UserError, match=r"train data was 200 rows, .* is 199 rows"):
        problem.fit(tmp_path / "new", resume=last)
    lengths = problem.lengths(problem.train_rows)
    problem.objective = problem.objective.build(problem.objective.loss, lengths, log_target=False)
    with pytest.raises(UserError, match=r"objective.target.name was log, is linear"):
        problem.fit(tmp_path / "new", resume=last)


def test_hardware_and_progress_may_change(problem: Problem, tmp_path: Path) -> None:
    last = cut(problem, tmp_path / "cut", 1)
    result = problem.fit(
        tmp_path / "cut", resume=last, progress=True, precision="bf16-mixed", accelerator="auto"
    )
    assert result.epochs == 4


def test_what_cannot_be_continued_is_refused(problem: Problem, tmp_path: Path) -> None:
    last = cut(problem, tmp_path / "cut", 1)
    whole = last.read_bytes()
    last.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match="cut short") as raised:
        problem.fit(tmp_path / "new", resume=last)
    assert str(last) in str(raised.value)
    last.write_bytes(whole)
    best = last.with_name("best.ckpt").read_bytes()
    last.with_name("best.ckpt").write_bytes(best[:5000] + b"\0\0\0\0" + best[5004:])
    with pytest.raises(UserError, match=r"best\.ckpt: damaged"):
        problem.fit(tmp_path / "new", resume=last)
    last.with_name("best.ckpt").unlink()
    with pytest.raises(UserError, match=r"best.ckpt of that run is not beside it"):
        problem.fit(tmp_path / "new", resume=last)
    assert not (tmp_path / "new").exists()


def test_a_disk_that_refuses_leaves_the_last_checkpoint_whole(
    problem: Problem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, calls = torch.save, []

    def full(value: object, file: BinaryIO) -> None:
        calls.append(file)
        write(value, file)
        if len(calls) == 3:  # the second epoch's first: only half of it gets through
            file.truncate(1000)
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(
        UserError, match=r"ckpt: cannot be written \(No space left on device\); free some space"
    ):
        problem.fit(tmp_path)
    folder = tmp_path / "checkpoints"
    assert sorted(path.name for path in folder.iterdir()) == ["best.ckpt", "last.ckpt"]
    for path in folder.iterdir():
        assert len(read_checkpoint(path)["product_length"]["history"]) == 1
