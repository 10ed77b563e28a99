"""A comparison on disk: comparison.md, .csv, and what lies beside them (`pages` has the page).

That is the pictures, for a sweep that lacks runs `missing.csv`, and of runs by folds
`out_of_fold/`: the predictions of all rows, a Parquet file for each recipe and seed.
"""

import csv
import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from product_length.comparison.compare import Comparison, Missing
from product_length.comparison.folds import OUT_OF_FOLD, out_of_fold_table
from product_length.comparison.formats import as_csv, as_markdown, missing_as_csv
from product_length.comparison.pictures import Picture, file_names
from product_length.errors import UserError
from product_length.writing import write_text, write_whole

MISSING_FILE = "missing.csv"
_LONGEST_NAME = 100


def write_comparison(
    comparison: Comparison, output: Path, pictures: Sequence[Picture] = ()
) -> list[Path]:
    """Write the comparison into a folder, each file whole, and return the files.

    Pictures lie as PNG files beside the Markdown. Raises UserError
    when a file cannot be written.
    """
    pages = {
        "md": as_markdown(comparison, pictures),
        "csv": as_csv(comparison),
    }
    files = [write_text(output / f"comparison.{kind}", text) for kind, text in pages.items()]
    if comparison.missing:
        files.append(write_text(output / MISSING_FILE, missing_as_csv(comparison.missing)))
    else:
        (output / MISSING_FILE).unlink(missing_ok=True)
    for name, picture in zip(file_names(pictures), pictures, strict=True):
        files.append(write_whole(output / name, partial(_fill, picture.png)))
    return files + _write_out_of_fold(comparison, output / OUT_OF_FOLD)


def _write_out_of_fold(comparison: Comparison, folder: Path) -> list[Path]:
    """The predictions of runs by folds; files of an earlier comparison go."""
    tables: dict[str, Any] = {}
    for group in comparison.groups:
        for recipe in group.recipes:
            for run in recipe.runs:
                if run.folds is not None:
                    words = re.sub(r"[^A-Za-z0-9.=_-]+", "_", recipe.name)[:_LONGEST_NAME].strip(
                        "._"
                    )
                    name = f"{words}_seed{run.report.seed}.parquet"
                    if name in tables:  # of other data, or cut
                        name = f"{len(tables)}_{name}"
                    tables[name] = out_of_fold_table(run)
    for older in set(folder.glob("*.parquet")) - {folder / name for name in tables}:
        older.unlink()
    return [
        write_whole(folder / name, partial(pq.write_table, table, compression="zstd"))
        for name, table in tables.items()
    ]


def saved_missing(folder: Path) -> list[Missing]:
    """What was missing when the sweep in this folder was last compared.

    Raises UserError when the file is damaged.
    """
    path = folder / MISSING_FILE
    if not path.is_file():
        return []
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return [
                Missing(line["name"], line["reason"], int(line["trial"]) if line["trial"] else None)
                for line in csv.DictReader(file)
            ]
    except (OSError, KeyError, ValueError, TypeError, csv.Error) as error:
        raise UserError(f"{path}: damaged; run the sweep's command again, or delete it") from error


def _fill(content: bytes, path: Path) -> None:
    path.write_bytes(content)
