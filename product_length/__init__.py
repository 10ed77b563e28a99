"""Predict a physical length from catalogue text, and prove which recipe is best."""

import time

from product_length.version import __version__

__all__ = ["IMPORTED_AT", "__version__"]

IMPORTED_AT = time.perf_counter()
"""When this process began, but for the start of Python itself."""
