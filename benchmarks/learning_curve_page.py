"""Tables and picture of the learning curve, from the JSON of benchmarks/learning_curve.py alone."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from catalogue_markdown import points

# Of Okabe and Ito, which the colour-blind can tell apart, best first.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#666666")


def as_markdown(results: Mapping[str, Any]) -> str:
    """The tables, with the command and how it was run."""
    products = next(iter(results["sizes"].values()))["products"]
    return (
        f"`{results['command']}`\n\n{results['catalogue']}: MAPE of {products:,} products in "
        f"{results['scored']} of {results['folds']} folds, one seed, with 95% intervals over "
        f"products; lowest in bold. {results['machine']}.\n\n{curve_tables(results)}"
    )


def curve_tables(results: Mapping[str, Any]) -> str:
    """MAPE by the number of training products, and the first model minus each other."""
    sizes = results["sizes"]
    rows = " | ".join(f"{results['train_rows'][size]:,.0f}" for size in sizes)
    lines = [
        f"| training products | {rows} | points a doubling |",
        f"| --- |{' ---: |' * (len(sizes) + 1)}",
    ]
    for name, slope in results["slopes"].items():
        cells = []
        for size in sizes.values():
            mapes = {model: each["all"]["mape"] for model, each in size["recipes"].items()}
            least = min(mapes, key=lambda model: mapes[model]["value"])
            value = f"{mapes[name]['value']:.1%}"
            ends = f"({100 * mapes[name]['low']:.1f} to {100 * mapes[name]['high']:.1f})"
            cells.append(f"{f'**{value}**' if name == least else value} {ends}")
        lines.append(f"| {name} | {' | '.join([*cells, points(slope)])} |")
    first, *others = results["slopes"]
    lines += [
        "",
        f"{first} minus each other on the same products, points:",
        "",
        f"| training products | {rows} |",
        f"| --- |{' ---: |' * len(sizes)}",
    ]
    for name in others:
        pairs = [points(size["recipes"][name]["all"]["difference"]) for size in sizes.values()]
        lines.append(f"| {name} | {' | '.join(pairs)} |")
    return "\n".join(lines) + "\n"


def draw(results: Mapping[str, Any], path: Path) -> None:
    """MAPE of each model against its training products, with intervals, on log scales."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import NullFormatter, PercentFormatter

    figure = Figure(figsize=(8, 4.8), dpi=150, layout="constrained")
    axes = figure.subplots()
    rows = [results["train_rows"][size] for size in results["sizes"]]
    for name, colour in zip(results["slopes"], COLOURS, strict=False):
        mapes = [each["recipes"][name]["all"]["mape"] for each in results["sizes"].values()]
        values, low, high = (
            np.array([100 * each[end] for each in mapes]) for end in ("value", "low", "high")
        )
        width = 2.4 if name == "best" else 1.4
        axes.fill_between(rows, low, high, color=colour, alpha=0.12, linewidth=0)
        axes.plot(rows, values, "o-", color=colour, label=name, linewidth=width, markersize=4)
    axes.set_xscale("log", base=2)
    axes.set_xticks(rows, [f"{each:,.0f}" for each in rows])
    axes.minorticks_off()
    axes.yaxis.set_major_formatter(PercentFormatter(decimals=0))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("training products")
    axes.set_ylabel("MAPE of held-out products, 95% interval")
    axes.grid(color="0.92")
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
    FigureCanvasAgg(figure)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, facecolor="white")
