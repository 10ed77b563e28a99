"""A small problem that a tiny network learns in a second."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
from builders import network_of, text_of, types_of
from lightning.pytorch.callbacks import Callback
from numpy.typing import NDArray
from typing_extensions import override

from product_length.loss.point import Mape
from product_length.model.config import Mlp
from product_length.model.network import LengthNetwork
from product_length.training.batches import Inputs, Rows
from product_length.training.config import TrainerOptions
from product_length.training.fit import FitResult, fit
from product_length.training.objective import Objective
from product_length.training.point_objective import PointObjective

ROWS, TRAIN = 260, 200


@dataclass
class Problem:
    """Lengths that follow from the text's first number and from the type."""

    inputs: Inputs
    train_rows: Rows
    val_rows: Rows
    objective: Objective
    networks: list[LengthNetwork] = field(default_factory=list)

    def network(self, dropout: float = 0.2, hidden: int = 16, bias: bool = True) -> LengthNetwork:
        types = types_of(["1", "2", "3"], width=3, dropout=dropout / 2)
        return network_of(
            text_of("text", 6),
            types,
            outputs=self.objective.outputs,
            options=Mlp(name="mlp", hidden=[hidden, 8], dropout=dropout),
            initial_bias=self.objective.initial_bias(self.lengths(self.train_rows))
            if bias
            else None,
        )

    def lengths(self, rows: Rows) -> NDArray[np.float32]:
        assert self.inputs.lengths is not None
        return self.inputs.lengths[rows]

    def fit(
        self,
        folder: Path,
        network: LengthNetwork | None = None,
        seed: int = 7,
        **options: Any,
    ) -> FitResult:
        given = {"max_epochs": 4, "batch_size": 32, "accelerator": "cpu", "progress": False}
        extra = {key: options.pop(key) for key in ("callbacks", "loggers") if key in options}
        self.networks.append(network or self.network())
        return fit(
            self.networks[-1],
            self.objective,
            self.inputs,
            self.train_rows,
            self.val_rows,
            options=TrainerOptions(**(given | options)),
            seed=seed,
            folder=folder,
            **extra,
        )


def make_problem() -> Problem:
    random = np.random.default_rng(3)
    vectors = random.normal(size=(ROWS, 6)).astype(np.float16)
    types = random.integers(0, 4, ROWS)
    lengths = np.exp(6 + vectors[:, 0] + types / 2).astype(np.float32)
    rows = random.permutation(ROWS)
    train, val = np.sort(rows[:TRAIN]), np.sort(rows[TRAIN:])
    objective = PointObjective.build(Mape(name="mape"), lengths[train], log_target=True)
    return Problem(Inputs({"text": vectors, "types": types}, lengths), train, val, objective)


def scores(result: FitResult) -> list[dict[str, float]]:
    """The history without what the clock decides."""
    return [
        {name: value for name, value in entry.items() if name != "rows_per_second"}
        for entry in result.history
    ]


class Killed(Exception):  # noqa: N818
    """Stands for a power cut."""


class KillAt(Callback):
    """Dies after the given step, in the middle of an epoch; both count from 0."""

    def __init__(self, epoch: int, step: int = 3) -> None:
        self.place = (epoch, step)

    @override
    def on_train_batch_end(self, trainer: L.Trainer, *rest: Any) -> None:
        if (trainer.current_epoch, rest[-1]) == self.place:
            raise Killed
