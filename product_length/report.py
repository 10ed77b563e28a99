"""Compare finished runs: `python -m product_length.report RUN_FOLDER… [--reference RUN_OR_WORDS]`.

Runs that differ in their seed only are one recipe. Prints the tables of each group of comparable
recipes, and writes the same with charts to `comparison.html`, and as `comparison.md` and
`comparison.csv`. The page of each run that is named itself, `report.html` in its folder, is made
anew.
"""

import argparse
import glob
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from product_length.comparison.compare import compare
from product_length.comparison.files import saved_missing, write_comparison
from product_length.comparison.formats import as_text
from product_length.comparison.runs import Run, find_run_folders, load_runs
from product_length.errors import UserError
from product_length.sweeping.pictures import saved_pictures
from product_length.version import __version__

DEFAULT_OUTPUT = Path("outputs/comparison")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the verb and return its exit code: 0, or 1 for what the user can fix."""
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


def _report(names: Sequence[str], output: Path, reference: str | None) -> None:
    wanted = None if reference is None else _reference(reference)
    named = [*names, *([str(wanted)] if isinstance(wanted, Path) else [])]
    folders = find_run_folders(folder for name in named for folder in _expand(name))
    runs, unfinished = load_runs(folders)
    wanted = wanted or _sweeps_reference(runs)
    comparison = compare(runs, reference=wanted, unfinished=unfinished)
    pictures = []
    if len(names) == 1:  # a sweep's folder, perhaps
        pictures = saved_pictures(Path(names[0]))
        comparison = replace(comparison, missing=saved_missing(Path(names[0])))
    from product_length.pages.comparison import write_comparison_page  # takes its time

    files = [write_comparison_page(comparison, output, pictures)]
    files += write_comparison(comparison, output, pictures)
    files += _run_pages(names, runs)
    sys.stdout.write(as_text(comparison))
    sys.stdout.write("\nWritten: " + ", ".join(map(str, files)) + "\n")


def _run_pages(names: Sequence[str], runs: Sequence[Run]) -> list[Path]:
    """The pages of runs that were named one by one, made anew; a sweep's runs have theirs."""
    from product_length.pages.run import write_run_page  # not before: it takes its time

    named = {folder.resolve() for name in names for folder in _expand(name)}
    trained = [each for run in runs for each in run.trainings]
    return [write_run_page(each.folder) for each in trained if each.folder.resolve() in named]


def _sweeps_reference(runs: Sequence[Run]) -> list[str] | None:
    """The reference of the sweep that all runs belong to."""
    first, *others = [(run.config.get("sweep") or {}).get("reference") for run in runs]
    return first if first and all(other == first for other in others) else None


def _reference(given: str) -> Path | list[str]:
    """A run folder, or the words of a recipe; a folder may have "=" in its name too."""
    if "=" in given and not Path(given).exists():
        return given.split()
    return Path(given)


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
        description="Compare the recipes of finished runs: which is best on val rows, by how much, "
        "and whether the difference is more than luck. Runs that differ in their seed only are "
        "one recipe. Test metrics are shown for the best recipe only.",
    )
    parser.add_argument("--version", action="version", version=f"product_length {__version__}")
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
        metavar="RUN_OR_WORDS",
        help="recipe to take differences from, beside the best one: the folder of one of its "
        'runs, or its overrides in quotes ("loss=mape features.use_log_target=true")',
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
