"""A catalogue with a fault of every kind that a profile is to find."""

import csv
import random
from dataclasses import dataclass
from pathlib import Path

import pytest
from builders import CHALLENGE_HEADER
from profiled import profile_of

from product_length.profiling.findings import findings_of
from product_length.profiling.profile import Profile

FIRST = ["amber", "brisk", "coral", "dusty", "ember", "frosty", "golden", "hazel", "ivory", "jade"]
SECOND = ["lamp", "table", "shelf", "bottle", "cable", "carpet", "basket", "mirror", "pillow"]
GERMAN = (
    "Dieses schöne {0} aus unserer Werkstatt wird von Hand gefertigt und eignet sich hervorragend "
    "als Geschenk für Freunde und die ganze Familie"
)
ENGLISH = (
    "This lovely {0} from our own workshop is made by hand and it will be a wonderful gift for all "
    "of your friends and the whole family"
)


def english(rng: random.Random, number: int) -> str:
    """A title that shares few words with any other."""
    words = [rng.choice(FIRST), rng.choice(SECOND)]
    words += [f"w{rng.randrange(10**6)}" for _ in range(6)]
    return f"{' '.join(words)} k{number}"


@dataclass(frozen=True)
class Planted:
    """`rows`: of the file, without those that are to be dropped."""

    path: Path
    rows: list[list[str]]

    @property
    def lengths(self) -> list[float]:
        return [float(row[5]) for row in self.rows]


def usable_rows() -> list[list[str]]:
    rng = random.Random(0)
    rows = []

    def add(title: str, kind: str, length: float, description: str = "") -> None:
        rows.append([f"p{len(rows)}", title, "", description, kind, f"{length:.6g}"])

    for number in range(600):  # whole centimetres, by type
        kind = number % 6
        add(english(rng, number), f"type {kind}", 39.37007874 * (3 + 5 * kind + rng.randrange(3)))
    for number in range(200):  # the label is stated
        inches = rng.randrange(4, 40) + rng.choice((0.3, 0.7))
        add(f"{english(rng, number)} Length: {inches} in", "type 7", 100 * inches)
    for number in range(40):  # inches that were taken for centimetres, and converted
        inches = rng.randrange(50, 90) + 0.5
        add(f"{english(rng, number)} Size: {inches} inches", "type 7", 100 * inches / 2.54)
    for number in range(30):  # one text, labels that differ by a factor of three
        name = english(rng, number)
        add(name, "type 8", 200)
        add(name, "type 8", 600)
    for number in range(40):  # nearly one text
        same = " ".join(english(rng, 1000 + number).split()[:-1])
        add(f"{same} one two three four five six seven red", "type 9", 300)
        add(f"{same} one two three four five six seven blue", "type 9", 450)
    for number in range(100):
        add(english(rng, number), "type 10", 700, GERMAN.format(rng.choice(SECOND)))
        add(english(rng, number), "type 10", 700, ENGLISH.format(rng.choice(SECOND)))
    for number in range(80):  # 300 words
        add(english(rng, number), "", 650, "word " * 300)
    for number in range(20):  # tiny: few rows, most of the weight
        add(english(rng, number), f"rare {number}", 2)
    return rows


def faulty_rows() -> list[list[str]]:
    return [
        ["p0", "the id of another row", "", "", "type 0", "5"],
        *[[f"m{n}", f"no length {n}", "", "", "type 0", ""] for n in range(25)],
        *[[f"c{n}", f"text in the length {n}", "", "", "type 0", f"{n} boxes"] for n in range(40)],
        ["z0", "zero", "", "", "type 0", "0"],
        ["t0", "", "", "", "type 0", "5"],
    ]


@pytest.fixture(scope="session")
def planted(tmp_path_factory) -> Planted:
    path = tmp_path_factory.mktemp("planted") / "planted.csv"
    rows = usable_rows()
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([CHALLENGE_HEADER, *rows, *faulty_rows()])
    return Planted(path, rows)


@pytest.fixture(scope="session")
def profile(planted) -> Profile:
    return profile_of(planted.path)


@pytest.fixture(scope="session")
def findings(profile):
    return findings_of(profile)
