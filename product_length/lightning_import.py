"""Lightning, imported without the optional parts that nothing here uses.

Lightning imports torchmetrics, and that imports transformers, scipy.signal and matplotlib wherever
they are installed.
"""

from product_length.hidden_packages import hidden

with hidden("transformers", "scipy", "matplotlib"):
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
