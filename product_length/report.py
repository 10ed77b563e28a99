"""Compare finished runs: `python -m product_length.report RUN_FOLDER… [--reference RUN]`.

Prints one table per group of comparable runs, and writes the same with charts to
`comparison.html`, and as `comparison.md` and `comparison.csv`.
"""

import argparse
import glob
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from product_length.errors import UserError
from product_length.evaluation.compare import compare, find_run_folders, load_runs
from product_length.evaluation.comparison_formats import as_csv, as_markdown, as_text
from product_length.evaluation.comparison_page import as_html
from product_length.writing import write_text

DEFAULT_OUTPUT = Path("outputs/comparison")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the verb and return its exit code: 0, or 1 for what the user can mend."""
    options = _parser().parse_args(arguments)
    try:
        _report(options.runs, options.output, options.reference)
        sys.stdout.flush()
    except UserError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    except BrokenPipeError:  # the reader of the table (`… | head`) has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _report(names: Sequence[str], output: Path, reference: Path | None) -> None:
    named = [*names, *([str(reference)] if reference else [])]
    folders = find_run_folders(folder for name in named for folder in _expand(name))
    runs, unfinished = load_runs(folders)
    comparison = compare(runs, reference=reference, unfinished=unfinished)
    pages = {"html": as_html(comparison), "md": as_markdown(comparison), "csv": as_csv(comparison)}
    files = [write_text(output / f"comparison.{kind}", text) for kind, text in pages.items()]
    sys.stdout.write(as_text(comparison))
    sys.stdout.write("\nWritten: " + ", ".join(map(str, files)) + "\n")


def _expand(name: str) -> list[Path]:
    """The folders a name stands for; a shell passes a pattern on when nothing matches it."""
    if Path(name).exists() or not glob.has_magic(name):
        return [Path(name)]
    found = sorted(glob.glob(name, recursive=True))  # noqa: PTH207 -- the pattern may be absolute
    if not found:
        raise UserError(f"{name}: no folder matches this pattern")
    return [path for path in map(Path, found) if path.is_dir()]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m product_length.report",
        description="Compare finished runs: which is best on val rows, by how much, and whether "
        "the difference is more than the choice of rows. Test metrics are shown for the best "
        "run only.",
    )
    parser.add_argument(
        "runs",
        nargs="+",
        metavar="RUN_FOLDER",
        help="folder of a run, or a folder that holds runs (a sweep's)",
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=DEFAULT_OUTPUT,
        metavar="DIR",
        help="where comparison.html, .md and .csv go (default: %(default)s)",
    )
    parser.add_argument(
        "--reference",
        type=Path,
        metavar="RUN",
        help="run to take differences from, in place of the best one",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
