"""Which device of this machine does the work."""

import torch

from product_length.errors import UserError


def choose_device(device: str, setting: str) -> torch.device:
    """The device asked for; `auto` is CUDA before Apple's MPS before the CPU.

    Raises UserError when the machine has no such device.
    """
    if device == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        chosen = torch.device(device)
        torch.empty(1, device=chosen)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise UserError(
            f"{setting}={device}: this machine has no such device; use auto, cpu, cuda, cuda:1 …"
        ) from error
    return chosen
