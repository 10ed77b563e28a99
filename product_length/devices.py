"""Which device of this machine does the work."""

import ctypes
import platform
import re
from functools import cache
from typing import TYPE_CHECKING

from product_length.errors import ConfigError, UserError

if TYPE_CHECKING:
    import torch

# What PyTorch itself loads of NVIDIA's or AMD's driver, by operating system.
_DRIVERS = {
    "Linux": ("libcuda.so.1", "libamdhip64.so"),
    "Windows": ("nvcuda.dll", "amdhip64.dll"),
}
_NAME = re.compile(r"[a-z]+(:\d+)?")


@cache
def has_gpu_driver(kind: str) -> bool:
    """Whether this machine has what GPUs of a kind, `cuda` or `mps`, need; no PyTorch is loaded.

    Without it there is no such device; with it there may still be none.
    """
    system = platform.system()
    if kind == "mps":
        return system == "Darwin"
    for name in _DRIVERS.get(system, ()):
        try:
            ctypes.CDLL(name)
        except OSError:
            continue
        return True
    return False


def check_device(device: str, setting: str) -> None:
    """Refuse at once what `choose_device` would refuse after PyTorch is loaded. Raises UserError.

    `setting`: the key of the configuration that names the device.
    """
    kind = device.partition(":")[0]
    absent = kind in ("cuda", "mps") and not has_gpu_driver(kind)
    if absent or not _NAME.fullmatch(device):
        raise _no_such_device(device, setting)


def check_accelerator(accelerator: str) -> None:
    """Refuse at once a `trainer.accelerator` that this machine cannot have. Raises ConfigError."""
    if accelerator == "gpu" and not (has_gpu_driver("cuda") or has_gpu_driver("mps")):
        raise ConfigError(
            "trainer.accelerator=gpu: there is no GPU here; choose trainer=cpu or auto"
        )
    if accelerator == "mps" and not has_gpu_driver("mps"):
        raise ConfigError("trainer.accelerator=mps: there is no Apple GPU here; choose cpu or auto")


def choose_device(device: str, setting: str) -> "torch.device":
    """The device asked for; `auto` is CUDA before Apple's MPS before the CPU.

    Raises UserError when the machine has no such device.
    """
    import torch

    if device == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        chosen = torch.device(device)
        torch.empty(1, device=chosen)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise _no_such_device(device, setting) from error
    return chosen


def _no_such_device(device: str, setting: str) -> UserError:
    return UserError(
        f"{setting}={device}: this machine has no such device; use auto, cpu, cuda, cuda:1 …"
    )
