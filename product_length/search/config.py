"""How the nearest vectors are searched."""

from typing import Literal

IndexKind = Literal["auto", "exact", "approximate"]
