"""A made-up table with columns of its own: sets of bricks, with their widths in cm."""

import csv
import random
from pathlib import Path

HEADER = ["set_id", "name", "theme", "subtheme", "year", "pieces", "minifigs", "us_price"]
HEADER += ["packaging", "width_cm"]


def made_up_sets(count=240):
    """Rows of a made-up table, in the columns of HEADER."""
    luck = random.Random(7)
    rows = []
    for row in range(count):
        theme, size = luck.choice([("Boats", 30.0), ("Cars", 12.5), ("Houses", 48.25)])
        pieces = luck.randrange(20, 900)
        width = round(size * (1 + pieces / 1000) * luck.choice([1.0, 1.1]), 2)
        price = "" if row % 7 == 0 else f"{pieces / 9:.2f}"
        rows.append(
            [str(1000 + row), f"{theme} number {row} {luck.choice('xyz')}", theme,
             luck.choice(["City", "Town", ""]), str(luck.randrange(1980, 2020)), f"{pieces}.0",
             str(luck.randrange(5)), price, luck.choice(["Box", "Bag"]), f"{width}"]
        )  # fmt: skip
    return rows


def write_table(path, rows, header=HEADER, separator=","):
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter=separator).writerows([header, *rows])


def write_both_tables(folder: Path) -> None:
    """`sets.csv`, and its first 50 rows as `sets_de.csv`, with `;` and decimal commas."""
    rows = made_up_sets()
    write_table(folder / "sets.csv", rows)
    german = [[*row[:4], *(cell.replace(".", ",") for cell in row[4:])] for row in rows[:50]]
    write_table(folder / "sets_de.csv", german, separator=";")
