"""A finished artefact, as whoever asked for it gets it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

ARRAY = "array.npy"


@dataclass(frozen=True)
class Artefact:
    """A finished artefact: its folder, what was noted while making it, whether it was there."""

    path: Path
    facts: Mapping[str, Any]
    reused: bool

    def load_array(self) -> NDArray[Any]:
        """The array of an artefact made by `ArtefactStore.array`, memory-mapped, read-only."""
        array: NDArray[Any] = np.load(self.path / ARRAY, mmap_mode="r")
        return array
