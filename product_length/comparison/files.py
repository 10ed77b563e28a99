"""A comparison on disk: comparison.html, .md, .csv, and what lies beside them.

That is the pictures, and for a sweep that lacks runs `missing.csv`.
"""

import csv
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from product_length.comparison.compare import Comparison, Missing
from product_length.comparison.formats import as_csv, as_markdown, missing_as_csv
from product_length.comparison.page import as_html
from product_length.comparison.pictures import Picture, file_names
from product_length.errors import UserError
from product_length.writing import write_text, write_whole

MISSING_FILE = "missing.csv"


def write_comparison(
    comparison: Comparison, output: Path, pictures: Sequence[Picture] = ()
) -> list[Path]:
    """Write the comparison into a folder, each file whole, and return the files.

    Pictures are embedded in the page and lie as PNG files beside the Markdown. Raises UserError
    when a file cannot be written.
    """
    pages = {
        "html": as_html(comparison, pictures),
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
    return files


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
