"""Two processes on one CPU: every validation row scored once, one result in both."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fitting_problem import KillAt, Killed, Problem, make_problem
from lightning.pytorch.callbacks import Callback
from typing_extensions import override

from product_length.training.batches import OrderedBatches
from product_length.training.checkpoint_file import load_weights, read_checkpoint
from product_length.training.predict import decided, predict_raw

VAL_ROWS = 59  # odd: the processes' parts differ in size


def problem_of_two() -> Problem:
    problem = make_problem()
    problem.val_rows = problem.val_rows[:VAL_ROWS]
    return problem


def launch(folder: Path, *arguments: str) -> list[dict[str, Any]]:
    """Run this file as a script; Lightning starts the second process. What both reported."""
    path = os.pathsep.join(map(str, Path(__file__).parents[:3]))
    finished = subprocess.run(
        [sys.executable, __file__, str(folder), *arguments],
        env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout == ""
    reported = [json.loads((folder / f"rank{rank}.json").read_text()) for rank in (0, 1)]
    for result in reported:
        for entry in result["history"]:
            del entry["rows_per_second"]
    return reported


class CountRows(Callback):
    """Validation rows that this process scores."""

    rows = 0

    @override
    def on_validation_batch_end(self, *hook: Any, **_: Any) -> None:
        self.rows += len(hook[3].lengths)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_processes_make_one_run(tmp_path: Path) -> None:
    first, second = launch(tmp_path / "whole")
    # 59 rows in each of 3 epochs, none of them in both processes.
    assert (first.pop("rows"), second.pop("rows")) == (30 * 3, 29 * 3)
    assert first == second
    assert first["epochs"] == len(first["history"]) == 3
    best = first["history"][first["best_epoch"] - 1]
    found = sorted(path.name for path in (tmp_path / "whole/checkpoints").iterdir())
    assert found == ["best.ckpt", "last.ckpt"]

    problem = problem_of_two()
    network = problem.network()
    load_weights(network, tmp_path / "whole/checkpoints/best.ckpt")
    batches = OrderedBatches(problem.inputs, problem.val_rows, 16)
    p = decided(problem.objective, predict_raw(network, batches)).astype(np.float64)
    y = problem.lengths(problem.val_rows).astype(np.float64)
    assert best["val/mape"] == pytest.approx(np.mean(np.abs(p - y) / y), rel=1e-6)

    checkpoint = read_checkpoint(tmp_path / "whole/checkpoints/last.ckpt")
    # 200 rows, 2 x 32 a step: three full steps and one of 2 x 4.
    assert checkpoint["global_step"] == 3 * 4

    last = tmp_path / "cut/checkpoints/last.ckpt"
    cut = launch(tmp_path / "cut", "cut")
    assert [result["killed"] for result in cut] == [True, True]
    resumed = launch(tmp_path / "new", "resume", str(last))
    assert resumed[0]["history"] == resumed[1]["history"] == first["history"]

    one, other = launch(tmp_path / "chunks", "chunks")
    assert one["epochs"] == 3
    assert one["history"] == other["history"] != first["history"]


def main(folder: Path, how: str = "", resume: str | None = None) -> None:
    problem = problem_of_two()
    given: dict[str, Any] = {"max_epochs": 3, "devices": 2, "strategy": "ddp"}
    if how == "chunks":
        given["memory"] = "blocks"
    count = CountRows()
    callbacks = [count, KillAt(1, 2)] if how == "cut" else [count]
    reported: dict[str, Any] = {"killed": False, "history": []}
    try:
        result = problem.fit(folder, resume=resume, callbacks=callbacks, **given)
    except Killed:
        reported["killed"] = True
    else:
        reported |= {
            "history": result.history,
            "epochs": result.epochs,
            "best_epoch": result.best_epoch,
            "best": str(result.best_checkpoint),
            "rows": count.rows,
        }
    rank = os.environ.get("LOCAL_RANK", "0")
    (folder / f"rank{rank}.json").write_text(json.dumps(reported))


if __name__ == "__main__":
    folder, *rest = sys.argv[1:]
    main(Path(folder), *rest)
