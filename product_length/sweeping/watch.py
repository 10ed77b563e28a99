"""Follows the runs of a sweep by what they leave in its folder, whatever launches them."""

import json
import logging
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from typing_extensions import Self

from product_length.comparison.runs import why_stopped
from product_length.errors import FAILURE_FILE, UserError
from product_length.evaluation.report import REPORT_FILE, load_report
from product_length.evaluation.wording import duration, percent
from product_length.training.epoch_note import EPOCH_NOTE

log = logging.getLogger(__name__)

_SECONDS = 0.5


class Watch:
    """Says which trial begins, how it ended, which is the best so far and how long the rest takes.

    `total`: runs that there are to be. `done`: how many there are already, of which `best` is the
    one with the least val MAPE, as (fraction, number). `scored`: whether trials can be compared,
    which those of different folds cannot. `names`: of runs that are not announced by `begin`, the
    words by their number; such a run begins when its folder is there.
    """

    def __init__(
        self,
        folder: Path,
        total: int,
        *,
        done: int = 0,
        at_once: int = 1,
        best: tuple[float, int] | None = None,
        scored: bool = True,
        names: Mapping[int, str] | None = None,
    ) -> None:
        self.total, self.done = total, done
        self.failures: set[int] = set()
        self._folder, self._at_once = folder, max(1, at_once)
        self._best, self._scored = best, scored
        self._names = dict(names or {})
        self._running: dict[int, int] = {}  # positions by number
        self._ended = 0
        self._begun = done
        self._is_estimated = False
        self._started, self._wall = time.monotonic(), time.time()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()
        self.look()

    def begin(self, number: int, words: str) -> None:
        """Say that a trial begins; `words` are what it has of its own."""
        with self._lock:
            self._begin(number, words)

    def look(self) -> None:
        """Say what has happened since the last look."""
        with self._lock:
            for number, words in list(self._names.items()):
                if self._is_new(self._folder / str(number) / "config.yaml"):
                    del self._names[number]
                    self._begin(number, words)
            self._estimate()
            for number, position in list(self._running.items()):
                if (said := self._outcome(number)) is not None:
                    del self._running[number]
                    self._end(position, said)

    def give_up(self, number: int) -> None:
        """A trial has ended, and its folder does not say how."""
        with self._lock:
            if self._running.pop(number, None) is not None:
                self._ended += 1

    def _follow(self) -> None:
        while not self._stop.wait(_SECONDS):
            self.look()

    def _begin(self, number: int, words: str) -> None:
        self._begun += 1
        self._running[number] = self._begun
        log.info("trial %d of %d: %s", self._begun, self.total, words or "as configured")

    def _end(self, position: int, said: str) -> None:
        self._ended += 1
        left = self.total - self.done - self._ended
        seconds = (time.monotonic() - self._started) / self._ended * left
        more = f"; about {duration(seconds)} left" if left > 0 else ""
        log.info("trial %d of %d: %s%s", position, self.total, said, more)

    def _outcome(self, number: int) -> str | None:
        """How a run has ended, in words; None while it runs."""
        folder = self._folder / str(number)
        if self._is_new(folder / FAILURE_FILE):
            self.failures.add(number)
            return f"failed: {(folder / FAILURE_FILE).read_text(encoding='utf-8').strip()}"
        if (reason := why_stopped(folder)) is not None:
            return f"stopped early, {reason}"
        if not self._is_new(folder / REPORT_FILE):
            return None
        try:
            value = load_report(folder).val.metrics.mape.value
        except UserError as error:
            return str(error)
        return "without a val MAPE" if value is None else self._scored_as(number, value)

    def _scored_as(self, number: int, value: float) -> str:
        said = f"val MAPE {percent(value, 2)}"
        if not self._scored:
            return said
        if self._best is None or value < self._best[0]:
            self._best = (value, number)
            return f"{said}, the best so far"
        return f"{said}, best so far {percent(self._best[0], 2)} (folder {self._best[1]})"

    def _estimate(self) -> None:
        """Say once, as soon as a run has an epoch behind it, how long the sweep takes."""
        if self._is_estimated or self._ended:
            return
        for number in self._running:
            note = _note(self._folder / str(number) / EPOCH_NOTE)
            if note is None:
                continue
            self._is_estimated = True
            runs = self.total - self.done
            rounds = -(-runs // self._at_once)
            seconds = note["before"] + rounds * note["epochs"] * note["seconds"]
            log.info(
                "about %s for %d run(s) of %d epochs at most; less where they stop early",
                duration(seconds),
                runs,
                note["epochs"],
            )
            return

    def _is_new(self, path: Path) -> bool:
        """Whether a file is there, and not from an earlier sweep into the same folder."""
        try:
            return path.stat().st_mtime >= self._wall - 1
        except OSError:
            return False


def _note(path: Path) -> dict[str, Any] | None:
    try:
        note: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return note
