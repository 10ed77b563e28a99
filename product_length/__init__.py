"""Predict a physical length from catalogue text, and prove which recipe is best.

From Python: `load` a model, `train` one, or use `ProductLengthRegressor` with scikit-learn. They
are imported when they are first used, so that `import product_length` costs no more than this file.
"""

import importlib
import time
from typing import TYPE_CHECKING, Any

from product_length.version import __version__

if TYPE_CHECKING:
    from product_length.api.model import Model as Model
    from product_length.api.model import load as load
    from product_length.api.regressor import ProductLengthRegressor as ProductLengthRegressor
    from product_length.api.training import TrainedRun as TrainedRun
    from product_length.api.training import train as train
    from product_length.errors import ConfigError as ConfigError
    from product_length.errors import UserError as UserError

IMPORTED_AT = time.perf_counter()
"""When this process began, but for the start of Python itself."""

_HOME = {
    "ConfigError": "errors",
    "Model": "api.model",
    "ProductLengthRegressor": "api.regressor",
    "TrainedRun": "api.training",
    "UserError": "errors",
    "load": "api.model",
    "train": "api.training",
}
__all__ = [
    "IMPORTED_AT",
    "ConfigError",
    "Model",
    "ProductLengthRegressor",
    "TrainedRun",
    "UserError",
    "__version__",
    "load",
    "train",
]


def __getattr__(name: str) -> Any:
    """What `__all__` names, imported at its first use."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
