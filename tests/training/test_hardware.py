"""What `auto` means on machines with and without a GPU, and what is refused."""

from typing import Any

import pytest
import torch

from product_length.errors import ConfigError
from product_length.training.config import TrainerOptions
from product_length.training.hardware import resolve_accelerator, resolve_precision


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Pretend to be a machine: PyTorch's own probes are the seam."""

    def pretend(cuda: int = 0, mps: bool = False, bf16: bool = True) -> None:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: cuda)
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda _: bf16)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)

    return pretend


@pytest.mark.parametrize(
    ("present", "asked", "accelerator", "precision"),
    [
        ({}, "auto", "cpu", "32-true"),
        ({}, "cpu", "cpu", "32-true"),
        ({"cuda": 1}, "auto", "cuda", "bf16-mixed"),
        ({"cuda": 1, "bf16": False}, "auto", "cuda", "16-mixed"),
        ({"cuda": 1}, "cpu", "cpu", "32-true"),
        ({"cuda": 1}, "gpu", "cuda", "bf16-mixed"),
        ({"mps": True}, "auto", "mps", "32-true"),
        ({"mps": True}, "gpu", "mps", "32-true"),
        ({"mps": True}, "mps", "mps", "32-true"),
    ],
)
def test_auto(
    machine: Any, present: dict[str, Any], asked: Any, accelerator: str, precision: str
) -> None:
    machine(**present)
    options = TrainerOptions(accelerator=asked)
    assert resolve_accelerator(options) == accelerator
    assert resolve_precision(options, accelerator) == precision
    given = TrainerOptions(accelerator=asked, precision="32-true")
    assert resolve_precision(given, accelerator) == "32-true"


@pytest.mark.parametrize(
    ("present", "options", "words"),
    [
        ({}, {"accelerator": "gpu"}, "trainer.accelerator=gpu: PyTorch sees no GPU"),
        ({"cuda": 1}, {"accelerator": "mps"}, "trainer.accelerator=mps: there is no Apple GPU"),
        ({"cuda": 1}, {"devices": 2}, r"trainer.devices=2: this machine has 1 cuda device\(s\)"),
        ({"mps": True}, {"devices": 2}, r"trainer.devices=2: this machine has 1 mps"),
    ],
)
def test_what_is_not_there_is_refused(
    machine: Any, present: dict[str, Any], options: dict[str, Any], words: str
) -> None:
    machine(**present)
    with pytest.raises(ConfigError, match=words):
        resolve_accelerator(TrainerOptions(**options))


def test_half_precision_on_a_cpu_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"trainer.precision=16-mixed does not run on a CPU"):
        resolve_precision(TrainerOptions(precision="16-mixed"), "cpu")
