"""AdamW, and beside it Adam for vectors of which each batch has but a few."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import AdamW, Optimizer, SparseAdam
from torch.optim.lr_scheduler import OneCycleLR
from typing_extensions import override

from product_length.training.config import TrainerOptions


def build_optimiser(
    network: nn.Module, learning_rate: float, weight_decay: float, *, fused: bool = True
) -> Optimizer:
    """AdamW without decay of norms and biases; SparseAdam of what has sparse gradients.

    SparseAdam moves only what the batch has a gradient for, and nothing decays in between: so a
    step's cost grows with the batch, not with the table. `fused`: AdamW by one kernel.
    """
    sparse = list(_sparse_weights(network))
    rest = [weight for weight in network.parameters() if not _is_any(weight, sparse)]
    groups: list[dict[str, Any]] = [
        {"params": [w for w in rest if w.ndim > 1]},
        {"params": [w for w in rest if w.ndim <= 1], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    dense = AdamW(groups, lr=learning_rate, weight_decay=weight_decay, fused=fused)
    if not sparse:
        return dense
    return DenseAndSparse(dense, SparseAdam(sparse, lr=learning_rate))


class DenseAndSparse(Optimizer):
    """Two optimisers as one, which a schedule and a checkpoint see as one with all groups."""

    def __init__(self, dense: Optimizer, sparse: Optimizer) -> None:
        self._parts = [dense, sparse]
        self._counts = [len(part.param_groups) for part in self._parts]
        super().__init__([group for part in self._parts for group in part.param_groups], {})
        self._share()

    @override
    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._share()

    @override
    def step(self, closure: Callable[[], float] | None = None) -> Any:
        """One step of both, after one call of `closure`."""
        # Their sparse tensors are made by torch itself, which else warns that it trusts them.
        with torch.sparse.check_sparse_tensor_invariants(enable=False):  # type: ignore[no-untyped-call]
            loss = None
            if closure is not None:
                with torch.enable_grad():
                    loss = closure()
            for part in self._parts:
                part.step()
        return loss

    def _share(self) -> None:
        """Both work on this one's groups and state, also after these were loaded."""
        groups = iter(self.param_groups)
        for part, count in zip(self._parts, self._counts, strict=True):
            part.param_groups = [next(groups) for _ in range(count)]
            part.state = self.state


def one_cycle(optimizer: Optimizer, options: TrainerOptions, steps: int) -> OneCycleLR:
    """One cycle of the learning rate over so many steps, step by step.

    Smith and Topin 2018, "Super-Convergence: Very Fast Training of Neural Networks Using Large
    Learning Rates".
    """
    # OneCycleLR divides by zero where the climb, or what follows it, has no step of its own.
    steps = max(3, steps)
    return OneCycleLR(
        optimizer,
        max_lr=options.learning_rate,
        total_steps=steps,
        pct_start=max(options.warmup, 2 / steps),
        cycle_momentum=False,
    )


def extend_cycle(checkpoint: dict[str, Any], options: TrainerOptions, steps: int) -> str:
    """Have a checkpoint's schedule go on, from the step it is at, in one cycle over `steps` in all.

    Changes Lightning's `checkpoint` in place; returns in words how the learning rate goes on.
    """
    (schedule,), (optimiser,) = checkpoint["lr_schedulers"], checkpoint["optimizer_states"]
    # The rate is a function of the step alone, so one weight that nobody needs is as good as all.
    stand_in = torch.optim.SGD([nn.Parameter(torch.zeros(1))])
    longer = one_cycle(stand_in, options, steps)
    done = {"last_epoch": schedule["last_epoch"] - 1, "_step_count": schedule["_step_count"] - 1}
    longer.load_state_dict({**longer.state_dict(), **done})
    stand_in.step()
    longer.step()
    rate = float(stand_in.param_groups[0]["lr"])
    for group in optimiser["param_groups"]:
        group["lr"] = rate
    kept = {"base_lrs": schedule["base_lrs"], "_last_lr": [rate] * len(schedule["_last_lr"])}
    checkpoint["lr_schedulers"] = [{**longer.state_dict(), **kept}]
    return (
        f"trainer.max_epochs={options.max_epochs}: from here on the learning rate is that of one "
        f"cycle over {options.max_epochs} epochs, {rate:.3g} at the next step and near 0 at the end"
    )


def clip_gradients(weights: Iterable[Tensor], most: float) -> None:
    """Scale all gradients, sparse ones too, in place, so that their common norm is `most` at most.

    torch.nn.utils.clip_grad_norm_ by itself takes no sparse gradients.
    """
    nn.utils.clip_grad_norm_([_with_values(weight) for weight in weights], most)


def _with_values(weight: Tensor) -> Tensor:
    """The weight, or where its gradient is sparse what has the gradient's values as its own."""
    if weight.grad is None or not weight.grad.is_sparse:
        return weight
    weight.grad = weight.grad.coalesce()  # the norm is of sums, not of their terms
    stored = weight.grad.values().detach()
    stored.grad = weight.grad.values()
    return stored


def _sparse_weights(network: nn.Module) -> Iterator[Tensor]:
    for module in network.modules():
        if isinstance(module, nn.Embedding) and module.sparse:
            yield module.weight


def _is_any(weight: Tensor, others: Iterable[Tensor]) -> bool:
    return any(weight is other for other in others)
