"""How long each stage of a run takes."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from product_length import IMPORTED_AT

_starts = [IMPORTED_AT]


def beginning() -> float:
    """When a run began, by `time.perf_counter`: the first of a process with the process itself."""
    return _starts.pop() if _starts else time.perf_counter()


@dataclass
class Stopwatch:
    """Seconds per stage, in order; a stage that comes again adds up."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        """Time what happens inside under the stage's name."""
        started = time.perf_counter()
        yield
        self.add(stage, started)

    def add(self, stage: str, started: float) -> None:
        """Add to a stage the time since `started`, of `time.perf_counter`."""
        spent = self.seconds.get(stage, 0.0) + time.perf_counter() - started
        self.seconds[stage] = round(spent, 3)
