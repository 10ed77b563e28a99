"""The tables of the catalogues' figures, from the JSON of benchmarks/catalogues.py alone."""

from collections.abc import Mapping
from typing import Any

from product_length.evaluation.bands import plain_number


def as_markdown(results: Mapping[str, Any]) -> str:
    """The tables of figures, with the command and how it was run."""
    folds, seeds = results["folds"], results["seeds"]
    lines = [
        f"`{results['command']}`",
        "",
        f"MAPE by {folds} folds, {seeds} seed{'s' if seeds > 1 else ''}, with 95% intervals over "
        f"products; lowest in bold. {results['machine']}.",
        *(["", results["note"]] if "note" in results else []),
        "",
        *overview(results, "all"),
        "",
        "The same of lengths from the second band edge on, which a few tiny ones do not decide:",
        "",
        *overview(results, "long"),
    ]
    for name, each in results["catalogues"].items():
        lines += ["", *of_one(name, each)]
    return "\n".join(lines) + "\n"


def overview(results: Mapping[str, Any], which: str) -> list[str]:
    """All catalogues in one table, and where the first recipe is better or worse than each."""
    catalogues = results["catalogues"]
    first, *others = next(iter(catalogues.values()))["recipes"]
    lines = [
        f"| catalogue | {' | '.join([first, *others])} |",
        f"| --- |{' ---: |' * (1 + len(others))}",
    ]
    for name, catalogue in catalogues.items():
        mapes = [each[which]["mape"]["value"] for each in catalogue["recipes"].values()]
        shown = [f"**{each:.1%}**" if each == min(mapes) else f"{each:.1%}" for each in mapes]
        lines.append(f"| {name} | {' | '.join(shown)} |")
    if not others:
        return lines
    means = [ratio(results["geometric_means"][which][name]) for name in others]
    lines += [f"| *geometric mean of {first} / it* | | {' | '.join(means)} |", ""]
    for other in others:
        found: dict[str, list[str]] = {}
        for name, each in catalogues.items():
            found.setdefault(verdict(each["recipes"][other][which]["difference"]), []).append(name)
        said = "; ".join(f"{each} on {', '.join(on)}" for each, on in sorted(found.items()))
        lines.append(f"- {first} than {other}: {said}.")
    return lines


def ratio(found: Mapping[str, float]) -> str:
    return f"{found['value']:.3f} ({found['low']:.3f} to {found['high']:.3f})"


def verdict(found: Mapping[str, Any]) -> str:
    if found["low"] is None:
        return "too few rows"
    if found["high"] < 0:
        return "better"
    return "**worse**" if found["low"] > 0 else "not distinguishable"


def of_one(name: str, catalogue: Mapping[str, Any]) -> list[str]:
    """The table of one catalogue."""
    first = next(iter(catalogue["recipes"]))
    edge = plain_number(catalogue["long_from"])
    lines = [
        f"**{name}**: {catalogue['products']:,} products, {catalogue['long_products']:,} of them "
        f"from {edge} on ({catalogue['unit']})",
        "",
        f"| recipe | MAPE | {first} minus it, points | verdict | MAPE from {edge} on "
        f"| {first} minus it | verdict | median APE | 90% intervals hold | val loss | train |",
        "| --- | ---: | ---: | --- | ---: | ---: | --- | ---: | ---: | ---: | ---: |",
    ]
    for recipe, each in catalogue["recipes"].items():
        cells = [recipe]
        for which in ("all", "long"):
            pair = each[which]["difference"]
            cells += [
                mape(each[which]["mape"]),
                *((points(pair), verdict(pair)) if pair else ("–", "–")),
            ]
        cells += [
            f"{each['median_ape']:.1%}",
            "" if each["coverage"] is None else f"{each['coverage']:.1%}",
            "" if each["val_loss"] is None else f"{each['val_loss']:.3f}",
            f"{each['train_seconds']:.1f} s",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def mape(found: Mapping[str, Any]) -> str:
    if found["low"] is None:
        return f"{found['value']:.2%}"
    return f"{found['value']:.2%} ({100 * found['low']:.1f} to {100 * found['high']:.1f})"


def points(found: Mapping[str, Any]) -> str:
    value = f"{100 * found['value']:+.2f}"
    if found["low"] is None:
        return value
    return f"{value} ({100 * found['low']:+.2f} to {100 * found['high']:+.2f})"
