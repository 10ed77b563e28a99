"""A comparison on disk: comparison.html, .md, .csv, and the pictures beside them."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from product_length.evaluation.compare import Comparison
from product_length.evaluation.comparison_formats import as_csv, as_markdown
from product_length.evaluation.comparison_page import as_html
from product_length.evaluation.pictures import Picture, file_names
from product_length.writing import write_text, write_whole


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
    for name, picture in zip(file_names(pictures), pictures, strict=True):
        files.append(write_whole(output / name, partial(_fill, picture.png)))
    return files


def _fill(content: bytes, path: Path) -> None:
    path.write_bytes(content)
