"""Learned n-grams in training: only a batch's rows move, clipping, resume, schedule, hardware."""

import time
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import pytest
import torch
from builders import Given, network_of, text_of
from fitting_problem import ROWS, KillAt, Killed, Problem, scores
from lightning.pytorch.callbacks import Callback
from torch import Tensor, nn
from typing_extensions import override

from product_length.embeddings.config import BagOptions
from product_length.errors import ConfigError
from product_length.features.text.bag import NgramBag
from product_length.model.network import LengthNetwork
from product_length.training.batches import Inputs
from product_length.training.checkpoint_file import read_checkpoint
from product_length.training.config import TrainerOptions
from product_length.training.hardware import refuse_sparse_updates
from product_length.training.optimiser import build_optimiser, clip_gradients

BUCKETS = 40


class NgramProblem(Problem):
    """Lengths that follow from all n-grams of a row, and from nothing else."""

    @override
    def network(self, *_: Any, **__: Any) -> LengthNetwork:
        ngrams = Given("ngrams", lambda: one_bag(BUCKETS, 4, dropout=0.1))
        return network_of(text_of("text", 6), ngrams, initial_bias=torch.tensor([6.0]))


@pytest.fixture
def ngrams(problem: Problem) -> NgramProblem:
    random = np.random.default_rng(5)
    ids = random.integers(0, BUCKETS - 4, (ROWS, 6)).astype(np.int32)  # the last four never
    lengths = np.exp(5 + ids.mean(axis=1) / 6).astype(np.float32)
    inputs = Inputs({"text": problem.inputs.columns["text"], "ngrams": ids}, lengths)
    return NgramProblem(inputs, problem.train_rows, problem.val_rows, problem.objective)


def one_bag(buckets: int, dimensions: int = 3, dropout: float = 0) -> NgramBag:
    torch.manual_seed(0)
    return NgramBag(BagOptions(buckets=buckets, dimensions=dimensions, dropout=dropout))


def test_a_step_moves_the_rows_of_its_batch_only() -> None:
    made = one_bag(50)
    optimiser = build_optimiser(nn.ModuleList([made, nn.Linear(3, 1)]), 0.1, 0.5)
    before = made.vectors.weight.detach().clone()
    for ids in ([[4, 9, 0]], [[9, 20, 21]]):
        optimiser.zero_grad()
        made(torch.tensor(ids)).sum().backward()
        optimiser.step()
        moved = (made.vectors.weight.detach() != before).any(dim=1).nonzero().flatten().tolist()
        assert moved == [each for each in ids[0] if each]
        before = made.vectors.weight.detach().clone()  # nor do older moments move any


def test_first_step_is_that_of_adam() -> None:
    """Kingma and Ba 2015: the first step is the learning rate against the gradient's sign."""
    made = one_bag(50)
    optimiser = build_optimiser(nn.ModuleList([made, nn.Linear(3, 1)]), 0.1, 0.5)
    before = made.vectors.weight.detach()[7].clone()
    (made(torch.tensor([[7, 8]])) * torch.tensor([1.0, -2.0, 3.0])).sum().backward()
    optimiser.step()
    step = made.vectors.weight.detach()[7] - before
    torch.testing.assert_close(step, torch.tensor([-0.1, 0.1, -0.1]), rtol=1e-4, atol=0)


def test_a_step_costs_no_more_with_more_buckets() -> None:
    ids = torch.randint(1, 1000, (64, 20), generator=torch.Generator().manual_seed(0))

    def seconds(buckets: int) -> float:
        made = one_bag(buckets, dimensions=16)
        optimiser = build_optimiser(nn.ModuleList([made, nn.Linear(16, 1)]), 0.01, 0.0)
        taken = []
        for _ in range(12):
            started = time.thread_time()
            optimiser.zero_grad()
            made(ids).square().sum().backward()
            clip_gradients(made.parameters(), 1.0)
            optimiser.step()
            taken.append(time.thread_time() - started)
        return min(taken[2:])

    # 1,000 times the buckets; a dense step would take hundreds of times as long.
    assert seconds(1_000_000) < 5 * seconds(1_000)


def test_sparse_and_dense_gradients_are_clipped_by_their_common_norm() -> None:
    def weights() -> tuple[Tensor, Tensor]:
        made, line = one_bag(20), nn.Linear(3, 2)
        torch.nn.init.ones_(line.weight)
        # 5 comes in both rows: its gradient is a sum, whose norm is not that of its terms.
        line(made(torch.tensor([[5, 6], [5, 0]]))).square().sum().mul(1e4).backward()
        return made.vectors.weight, line.weight

    table, matrix = weights()
    assert table.grad is not None
    assert matrix.grad is not None
    dense = [torch.zeros_like(table), matrix.detach().clone()]
    dense[0].grad, dense[1].grad = table.grad.to_dense(), matrix.grad.clone()
    nn.utils.clip_grad_norm_(dense, 0.5)
    clip_gradients([table, matrix], 0.5)
    assert table.grad.is_sparse
    assert dense[0].grad is not None
    assert dense[1].grad is not None
    torch.testing.assert_close(table.grad.to_dense(), dense[0].grad)
    torch.testing.assert_close(matrix.grad, dense[1].grad)
    small = weights()
    wanted = [each.grad.clone() for each in small if each.grad is not None]
    clip_gradients(small, 1e9)
    for weight, gradient in zip(small, wanted, strict=True):
        assert weight.grad is not None
        torch.testing.assert_close(weight.grad.to_dense(), gradient.to_dense())


def bag_of(network: nn.Module) -> NgramBag:
    return next(each for each in network.modules() if isinstance(each, NgramBag))


def test_a_fit_learns_them_and_leaves_unseen_ones(ngrams: NgramProblem, tmp_path: Path) -> None:
    first = bag_of(ngrams.network())
    result = ngrams.fit(tmp_path, max_epochs=30, patience=30, learning_rate=0.01)
    assert result.best_val_mape < 0.7 * result.history[0]["val/mape"]
    learned = bag_of(ngrams.networks[0])
    moved = (learned.vectors.weight != first.vectors.weight).any(dim=1)
    assert moved[1 : BUCKETS - 4].all()
    assert not moved[BUCKETS - 4 :].any()
    assert not moved[0]


def test_the_schedule_moves_every_group(ngrams: NgramProblem, tmp_path: Path) -> None:
    rates: list[list[float]] = []

    class Watch(Callback):
        @override
        def on_train_batch_start(self, trainer: L.Trainer, *_: Any) -> None:
            rates.append([group["lr"] for group in trainer.optimizers[0].param_groups])

    ngrams.fit(tmp_path, max_epochs=2, callbacks=[Watch()])
    assert {len(each) for each in rates} == {3}
    assert all(len(set(each)) == 1 for each in rates)
    assert len({each[0] for each in rates}) == len(rates)


@pytest.mark.parametrize("memory", ["resident", "blocks"])
def test_continues_to_the_same_bits(ngrams: NgramProblem, tmp_path: Path, memory: Any) -> None:
    whole = ngrams.fit(tmp_path / "whole", memory=memory)
    with pytest.raises(Killed):
        ngrams.fit(tmp_path / "cut", callbacks=[KillAt(2)], memory=memory)
    torch.manual_seed(99)
    last = tmp_path / "cut/checkpoints/last.ckpt"
    resumed = ngrams.fit(tmp_path / "cut", resume=last, memory=memory)
    assert scores(resumed) == scores(whole)
    one, other = (read_checkpoint(each.last_checkpoint) for each in (resumed, whole))
    for name, weight in one["state_dict"].items():
        assert torch.equal(weight, other["state_dict"][name]), name
    first, second = (each["optimizer_states"][0]["state"] for each in (one, other))
    assert first.keys() == second.keys()
    for number, state in first.items():
        for name, value in state.items():
            assert torch.equal(torch.as_tensor(value), torch.as_tensor(second[number][name]))


def test_half_precision_trains_them(ngrams: NgramProblem, tmp_path: Path) -> None:
    result = ngrams.fit(tmp_path, precision="bf16-mixed", learning_rate=0.01)
    assert result.best_val_mape < result.history[0]["val/mape"]


def test_where_they_cannot_be_trained(monkeypatch: pytest.MonkeyPatch) -> None:
    refuse_sparse_updates(TrainerOptions(devices="auto"), "cpu")
    refuse_sparse_updates(TrainerOptions(), "cuda")
    with pytest.raises(ConfigError, match=r"Apple GPUs; give trainer.accelerator=cpu"):
        refuse_sparse_updates(TrainerOptions(), "mps")
    for accelerator in ("cpu", "cuda"):
        with pytest.raises(ConfigError, match=r"trainer.devices=2: .*give trainer.devices=1"):
            refuse_sparse_updates(TrainerOptions(devices=2), accelerator)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    with pytest.raises(ConfigError, match=r"trainer.devices=auto: .*give trainer.devices=1"):
        refuse_sparse_updates(TrainerOptions(devices="auto"), "cuda")
