"""The tables of README.md and of the pages under docs/, from benchmarks/results alone.

    python benchmarks/docs_tables.py [--check]

Each table stands between `<!-- table NAME -->` and `<!-- /table -->`. --check changes nothing and
ends with exit code 1 where a page and the results differ.
"""

import argparse
import json
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from catalogue_markdown import mape, overview, points, verdict
from learning_curve_page import curve_tables
from measured import RESULTS

from product_length.writing import write_text

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = (ROOT / "README.md", *sorted(DOCS.rglob("*.md")))
MARKED = re.compile(r"(<!-- table ([\w-]+) -->\n)(.*?)(<!-- /table -->)", re.DOTALL)
BEST, BEFORE = "best", "best before"


def main() -> int:
    options = parser().parse_args()
    stale = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        if (filled := fill(text)) != text:
            stale.append(page.name)
            if not options.check:
                write_text(page, filled)
    print(f"{'out of date' if options.check else 'written'}: {', '.join(stale) or 'nothing'}")
    return int(options.check and bool(stale))


def fill(text: str) -> str:
    """A page with each of its tables made anew. Raises KeyError for a table that is unknown."""
    return MARKED.sub(lambda found: f"{found[1]}{TABLES[found[2]]().strip()}\n{found[4]}", text)


def results_of(name: str) -> Any:
    return json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))


def gate(which: str) -> str:
    """MAPE of each recipe and catalogue, and where the shipped one is better or worse."""
    return "\n".join(overview(results_of("catalogues"), which))


def gate_in_short() -> str:
    """MAPE of the shipped recipe beside some of the others, and over theirs on average."""
    results = results_of("catalogues")
    shown = {
        BEST: "`experiment=best`",
        "lightgbm, rows weighted by 1/length": "LightGBM",
        "reference": "reference recipe",
        "neighbour median": "median of the neighbours",
        "type median": "median of the type",
    }
    lines = [f"| catalogue | products | {' | '.join(shown.values())} |"]
    lines += [f"| --- |{' ---: |' * (1 + len(shown))}"]
    for name, catalogue in results["catalogues"].items():
        mapes = [catalogue["recipes"][recipe]["all"]["mape"]["value"] for recipe in shown]
        cells = [f"**{each:.1%}**" if each == min(mapes) else f"{each:.1%}" for each in mapes]
        lines.append(f"| {name} | {catalogue['products']:,} | {' | '.join(cells)} |")
    means = results["geometric_means"]["all"]
    over = [f"{means[recipe]['value']:.2f}" for recipe in shown if recipe != BEST]
    lines.append(f"| *geometric mean of best / it* | | | {' | '.join(over)} |")
    return "\n".join(lines)


def gate_of_best() -> str:
    """What else is known of the shipped recipe, by catalogue."""
    lines = [
        "| catalogue | products | MAPE | from the second band edge on | median APE "
        "| 90% intervals hold | training |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, catalogue in results_of("catalogues")["catalogues"].items():
        each = catalogue["recipes"][BEST]
        lines.append(
            f"| {name} | {catalogue['products']:,} | {mape(each['all']['mape'])} "
            f"| {mape(each['long']['mape'])} | {each['median_ape']:.1%} | {each['coverage']:.1%} "
            f"| {each['train_seconds']:.0f} s |"
        )
    return "\n".join(lines)


@dataclass(frozen=True)
class Change:
    """A variant of the shipped recipe, what it is called, and the two recipes of some results."""

    results: str
    called: str
    variant: str
    shipped: str = BEST


def changes(*made: Change) -> str:
    """Variants beside what was shipped when they were measured, one line a catalogue."""
    lines = [
        "| variant | catalogue | MAPE shipped | of the variant | variant minus shipped, points "
        "| verdict | from the second band edge on | verdict |",
        "| --- | --- | ---: | ---: | ---: | --- | ---: | --- |",
    ]
    for change in made:
        for catalogue, found in results_of(change.results)["catalogues"].items():
            if change.variant not in found["recipes"]:
                continue
            variant, shipped = (found["recipes"][name] for name in (change.variant, change.shipped))
            cells = [change.called, catalogue]
            cells += [f"{each['all']['mape']['value']:.2%}" for each in (shipped, variant)]
            for which in ("all", "long"):
                pair = variant_minus_shipped(variant[which], shipped[which])
                cells += [points(pair), verdict(pair)]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def variant_minus_shipped(
    variant: Mapping[str, Any], shipped: Mapping[str, Any]
) -> dict[str, float | None]:
    """Results hold the first recipe minus the other, and nothing at the first."""
    if variant["difference"] is None:
        found: dict[str, float | None] = shipped["difference"]
        return found
    other = variant["difference"]
    low, high = (None if end is None else -end for end in (other["high"], other["low"]))
    return {"value": -other["value"], "low": low, "high": high}


def learning_curve() -> str:
    return curve_tables(results_of("learning_curve"))


def written(name: str) -> str:
    """A table that its own script has written beside the figures."""
    return (RESULTS / f"{name}.md").read_text(encoding="utf-8")


TABLES: dict[str, Callable[[], str]] = {
    "demo": partial(written, "demo"),
    "losses": partial(written, "losses"),
    **{
        name: partial(written, name)
        for name in (
            *("reading", "start_up", "encoding", "lsa", "neighbours", "dimensions", "pipeline"),
            *("audit", "profiling", "serving", "serving_best", "predicting_parts", "against"),
        )
    },
    "neighbours-against": partial(written, "neighbours_against"),
    "short": gate_in_short,
    "training-time": partial(written, "training_time"),
    "gate": partial(gate, "all"),
    "gate-long": partial(gate, "long"),
    "gate-best": gate_of_best,
    "learning-curve": learning_curve,
    "parts": partial(
        changes,
        Change("tilts", "no tilts", "best, no tilts"),
        Change("ablate", "no tilts", "best, no tilts"),
        Change("ablate", "no expert of ratios", "best, no expert of ratios"),
        Change("terms", "no words counted", "best, no terms"),
        Change("minsteps24", "12 steps an epoch at least, not 24", BEFORE),
        Change("sets_without_columns", "no numbers, no categories", BEST, BEFORE),
        Change("sets_without_categories", "no categories", BEST, BEFORE),
        Change("sets_paths", "paths of types not taken apart", BEFORE),
    ),
    "not-taken": partial(
        changes, Change("wordslsa", "characters beside words: `[words,lsa]`", BEST, BEFORE)
    ),
    "ngrams": partial(
        changes, Change("ngrams", "learned n-grams too", "best, learned n-grams too")
    ),
}


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    made.add_argument("--check", action="store_true", help="only say which pages are out of date")
    return made


if __name__ == "__main__":
    sys.exit(main())
