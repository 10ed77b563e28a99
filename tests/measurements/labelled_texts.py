"""Texts with the measurements that a person reads in them, and how well a parser agrees."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from product_length.measurements.measurement import Measurement

# Written here once more, from their definitions: one inch is 25.4 mm, a foot 12 inches.
MILLIMETRES = {"mm": 1.0, "cm": 10.0, "m": 1000.0, "in": 25.4, "ft": 12 * 25.4, "yd": 36 * 25.4}
LABELLED = Path(__file__).parent / "stated_measurements.tsv"
HELD_OUT = Path(__file__).parent / "stated_measurements_held_out.tsv"


@dataclass
class Agreement:
    """Counts over texts; a measurement agrees when its value does, within 0.1%."""

    texts: int = 0
    right: int = 0
    missed: int = 0
    invented: int = 0
    sided: int = 0
    right_side: int = 0

    @property
    def precision(self) -> float:
        return self.right / max(1, self.right + self.invented)

    @property
    def recall(self) -> float:
        return self.right / max(1, self.right + self.missed)

    @property
    def side_accuracy(self) -> float:
        return self.right_side / max(1, self.sided)

    def count(self, wanted: Sequence[tuple[float, str]], found: Sequence[Measurement]) -> bool:
        """Add one text: (millimetres, side or "") that are wanted; whether nothing was wrong."""
        self.texts += 1
        before = self.missed, self.invented, self.sided - self.right_side
        left = list(found)
        for value, side in wanted:
            same = [each for each in left if abs(each.value / value - 1) < 1e-3]
            if not same:
                self.missed += 1
                continue
            best = max(same, key=lambda each: each.role.name.lower() == side)
            left.remove(best)
            self.right += 1
            self.sided += bool(side)
            self.right_side += bool(side) and best.role.name.lower() == side
        self.invented += len(left)
        return before == (self.missed, self.invented, self.sided - self.right_side)


def labelled(path: Path = LABELLED) -> Iterator[tuple[str, list[tuple[float, str]]]]:
    """Each text of a file with the measurements that it states: (millimetres, side or "")."""
    for line in path.read_text(encoding="utf-8").splitlines():
        text, answers = line.split("\t")
        wanted = []
        for answer in filter(None, answers.split("; ")):
            match = re.fullmatch(r"([0-9.]+)([a-z]+)(?: ([a-z]+))?", answer)
            if match is None:
                raise ValueError(f"{text}: {answer}")
            wanted.append((float(match[1]) * MILLIMETRES[match[2]], match[3] or ""))
        yield text, wanted


def agreement(
    parse: Callable[[str], Sequence[Measurement]], path: Path = LABELLED
) -> tuple[Agreement, list[str]]:
    """How well `parse` agrees with a file, and the texts in which it does not."""
    counts, wrong = Agreement(), []
    for text, wanted in labelled(path):
        if not counts.count(wanted, parse(text)):
            wrong.append(text)
    return counts, wrong
