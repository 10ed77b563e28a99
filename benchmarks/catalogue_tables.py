"""The real catalogues that benchmarks/catalogues.py compares recipes on, each with its settings."""

import csv
import io
from pathlib import Path

from catalogue_runs import HERE, composed

from product_length.errors import UserError
from product_length.evaluation.bands import Bands
from product_length.writing import write_text

CHALLENGE = ("data=amazon2023",)
SAMPLE = "amazon2023_sample.csv"
SETS = "lego_sets.csv"
PATHS = "sets_paths.csv"
OF_SETS = (
    "data=file",
    "data.unit=cm",
    "data.decision=mape",
    "data.bands=[1,2.5,12.5,25,125]",  # much as the challenge's
    "data.columns.product_id=set_id",
    "data.columns.title=name",
)
COLUMNS = (
    "data.columns.numbers=[year,pieces,minifigs,us_price]",
    "data.columns.categories=[subtheme,packaging]",
)
THEME = ("data.columns.product_type=theme",)
PATH = ("data.columns.product_type=path", "features.types.separator=null")
CATALOGUES = {
    "amazon": (SAMPLE, (*CHALLENGE, "data.min_length=40", "data.max_length=5000")),
    "amazon_all": (SAMPLE, CHALLENGE),
    "cmoa": ("cmoa.csv", CHALLENGE),
    "lego": ("lego.csv", CHALLENGE),
    "promptcloud": ("promptcloud.csv", CHALLENGE),
    "toys_uk": ("toys_uk.csv", CHALLENGE),
    "sets": (SETS, (*OF_SETS, *THEME, *COLUMNS, "data.columns.length=width_cm")),
}
OTHER_CATALOGUES = {
    "sets_height": (SETS, (*OF_SETS, *THEME, *COLUMNS, "data.columns.length=height_cm")),
    "sets_paths": (PATHS, (*OF_SETS, *PATH, "data.columns.length=width_cm")),
    "sets_paths_height": (PATHS, (*OF_SETS, *PATH, "data.columns.length=height_cm")),
}
ALL_CATALOGUES = {**CATALOGUES, **OTHER_CATALOGUES}
OF_CHALLENGE = ("amazon", "amazon_all")
"""What a single file with the challenge's columns is taken for."""


def catalogues_in(data: Path) -> list[str]:
    """Those whose tables a folder holds; says which are left out. Raises UserError for none."""
    if data.is_file():
        return list(OF_CHALLENGE)
    found = [name for name, (file, _) in CATALOGUES.items() if (data / file).exists()]
    missing = {file for file, _ in CATALOGUES.values() if not (data / file).exists()}
    if not found:
        raise UserError(f"{data}: none of {', '.join(sorted(missing))} is there")
    if missing:
        print(f"left out, not in {data}: {', '.join(sorted(missing))}", flush=True)
    return found


def bands_and_unit(catalogue: str) -> tuple[Bands, str]:
    """The bands that a catalogue's settings name, and its unit."""
    data = composed(HERE, (*ALL_CATALOGUES[catalogue][1], "data.path=table"))["data"]
    return Bands(tuple(data["bands"])), data["unit"]


def table_at(data: Path, file: str, runs: Path) -> Path:
    """Where a catalogue's table is; that with paths is made. Raises UserError where it is not."""
    if data.is_file():
        if file != SAMPLE:
            raise UserError(f"{data}: a file stands for {' and '.join(OF_CHALLENGE)} only")
        return data
    path = data / file
    if file == PATHS and (data / SETS).exists():
        return with_paths(data / SETS, runs / file)
    if not path.exists():
        raise UserError(f"{path}: not there; give the folder of the tables (--data), or leave out")
    return path


def with_paths(table: Path, copy: Path) -> Path:
    """A copy of the table of sets whose column `path` is `theme > subtheme`."""
    with table.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        row["path"] = " > ".join(filter(None, (row["theme"], row["subtheme"])))
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return write_text(copy, text.getvalue())
