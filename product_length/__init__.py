"""Predict a physical length from catalogue text, and prove which recipe is best."""

__version__ = "0.1.0"

import time

IMPORTED_AT = time.perf_counter()
"""When this process began, but for the start of Python itself."""
