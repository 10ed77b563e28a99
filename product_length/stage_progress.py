"""How far a stage is: a bar on a terminal, a line of the log now and then elsewhere."""

import logging
import time
from types import TracebackType

from tqdm import tqdm
from typing_extensions import Self

log = logging.getLogger(__name__)

_SILENCE = 10.0  # seconds


class StageProgress:
    """Counts the steps of a stage that is named, with its rate and time left, and its duration."""

    def __init__(self, stage: str, total: int, unit: str) -> None:
        self._stage, self._total, self._unit = stage, total, unit
        self.done = 0

    def __enter__(self) -> Self:
        log.info("%s, %s %s …", self._stage, f"{self._total:,}", self._unit)
        self._started = self._logged = time.perf_counter()
        unit = f" {self._unit}"
        self._bar = tqdm(total=self._total, unit=unit, desc=self._stage, disable=None, leave=False)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.close()
        if error is None:
            log.info("%s: %.1f s", self._stage, time.perf_counter() - self._started)

    def step(self, count: int = 1) -> None:
        """So many more are done."""
        self.done += count
        self._bar.update(count)
        now = time.perf_counter()
        if self._bar.disable and now - self._logged > _SILENCE:
            self._logged = now
            each = (now - self._started) / self.done
            log.info(
                "%s: %s of %s %s, %.3g/s, %.0f s left",
                self._stage,
                f"{self.done:,}",
                f"{self._total:,}",
                self._unit,
                1 / each,
                each * (self._total - self.done),
            )
