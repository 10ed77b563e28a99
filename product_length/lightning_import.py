"""Lightning, imported without the optional parts that nothing here uses.

Lightning imports torchmetrics, and that imports transformers, scipy.signal and matplotlib wherever
they are installed: as much processor time again as PyTorch itself. Both work without them.
"""

import importlib.metadata
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_OPTIONAL = ("transformers", "scipy", "matplotlib")


@contextmanager
def _hidden(packages: tuple[str, ...]) -> Iterator[None]:
    """Whatever is imported inside finds none of these packages installed.

    Where a version of Lightning looks for them in another way, its import is slower, no more.
    """
    loaded = {name: sys.modules[name] for name in packages if name in sys.modules}
    version = importlib.metadata.version

    def version_if_shown(distribution_name: str) -> str:
        if distribution_name in packages:
            raise importlib.metadata.PackageNotFoundError(distribution_name)
        return version(distribution_name)

    blocked: dict[str, Any] = dict.fromkeys(packages)  # None: `import` says there is no such module
    sys.modules.update(blocked)
    importlib.metadata.version = version_if_shown
    try:
        yield
    finally:
        importlib.metadata.version = version
        for name in packages:
            del sys.modules[name]
        sys.modules.update(loaded)


with _hidden(_OPTIONAL):
    import lightning as L
    from lightning.fabric.plugins import TorchCheckpointIO
    from lightning.fabric.utilities.exceptions import MisconfigurationException
    from lightning.fabric.utilities.rank_zero import rank_zero_only
    from lightning.pytorch.callbacks import Callback, EarlyStopping, ModelCheckpoint
    from lightning.pytorch.loggers import Logger

__all__ = [
    "Callback",
    "EarlyStopping",
    "L",
    "Logger",
    "MisconfigurationException",
    "ModelCheckpoint",
    "TorchCheckpointIO",
    "rank_zero_only",
]
