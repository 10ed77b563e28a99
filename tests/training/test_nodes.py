"""A training of two machines with a process each: here both are this one."""

import json
import subprocess
import sys

import pytest
from torchrun import free_port, on_two_machines

from product_length.errors import ConfigError
from product_length.preflight import _check_processes
from product_length.training.config import TrainerOptions

SMALL = [
    "data.rows=400",
    "data.types=8",
    "embeddings.encoders.lsa.dimensions=16",
    "embeddings.encoders.lsa.char_ngrams=null",
    "model.hidden=[16]",
    "trainer=ddp",
    "trainer.accelerator=cpu",
    "trainer.max_epochs=2",
    "trainer.batch_size=32",
    "trainer.progress=false",
    "evaluation.resamples=100",
    "evaluation.baselines=false",
    "tracking=none",
]


def words_of(rank, port, *more):
    given = ["--nnodes=2", f"--node-rank={rank}", "--nproc-per-node=1"]
    given += ["--master-addr=127.0.0.1", f"--master-port={port}", "-m", "product_length.train"]
    return [*given, *SMALL, "trainer.devices=1", "trainer.nodes=2", "hydra.run.dir=run", *more]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_machines_make_the_run_of_two_processes(tmp_path):
    port = free_port()
    (code, said), (other_code, other) = on_two_machines(
        tmp_path, words_of(0, port), words_of(1, port)
    )
    assert (code, other_code) == (0, 0), said + other
    run = tmp_path / "run"
    logs = sorted(path.name for path in run.glob("*.log"))
    assert logs == ["process_1.log", "train.log"]
    here = [sys.executable, "-m", "product_length.train", *SMALL, "hydra.run.dir=here"]
    subprocess.run(here, cwd=tmp_path, check=True, capture_output=True)
    one, two = (
        json.loads((tmp_path / each / "report.json").read_text()) for each in ("run", "here")
    )
    for each in (one, two):
        for epoch in each["history"]:
            del epoch["rows_per_second"]
    assert one["history"] == two["history"]
    assert len(one["history"]) == 2


@pytest.mark.slow
def test_a_machine_that_trains_something_else_is_refused(tmp_path):
    port = free_port()
    done = on_two_machines(tmp_path, words_of(0, port), words_of(1, port, "seed=2"))
    for code, said in done:
        assert code == 1
        assert "error: process 1 of this training differs from process 0 in: seed" in said
    assert not (tmp_path / "run" / "checkpoints").exists()


@pytest.mark.parametrize(
    ("given", "started", "said"),
    [
        ({"nodes": 2}, None, r"behind torchrun --nnodes=2 --nproc-per-node=2 --node-rank=0 \(1, 2"),
        ({"nodes": 2}, "2", "4 processes are needed, and 2 are started"),
    ],
)
def test_processes_that_are_missing_are_told_before_work(monkeypatch, given, started, said):
    monkeypatch.delenv("SLURM_NTASKS", raising=False)
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    if started is not None:
        monkeypatch.setenv("WORLD_SIZE", started)
    with pytest.raises(ConfigError, match=said):
        _check_processes(TrainerOptions(strategy="ddp", devices=2, **given))
    _check_processes(TrainerOptions(strategy="ddp", devices=2))
