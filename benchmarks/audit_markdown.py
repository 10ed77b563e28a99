"""The figures of benchmarks/audit.py as Markdown."""

from collections.abc import Mapping, Sequence
from typing import Any

RANKINGS = (
    "audit",
    "tail probability alone",
    "distance to the type's median",
    "distance to the nearest stated length",
)


def as_markdown(results: Mapping[str, Any]) -> str:
    """Two tables: how well changed labels are found, and which slips are named."""
    lines = [
        f"Labels of {100 * results['share']:g}% of the rows were changed on purpose "
        f"(`{results['command']}`).",
        "",
        "Average precision, with 95% bootstrap intervals over rows:",
        "",
        f"| catalogue, seed | changed | {' | '.join(RANKINGS)} |",
        f"| --- | ---: |{' ---: |' * len(RANKINGS)}",
    ]
    runs = [
        (name, seed, run)
        for name, seeds in results["catalogues"].items()
        for seed, run in seeds.items()
    ]
    for name, seed, run in runs:
        cells = [interval(run["precision"][each]) for each in RANKINGS]
        lines.append(
            f"| {name}, {seed} | {run['changed']} of {run['rows']:,} | {' | '.join(cells)} |"
        )
    lines += [
        "",
        "Labels called wrong at a false-discovery rate of 10%:",
        "",
    ]
    lines += [
        "| catalogue, seed | expected wrong | called by probability | of them changed | "
        "called by tails (Benjamini–Hochberg) | of them changed |"
    ]
    lines += ["| --- | ---: | ---: | ---: | ---: | ---: |"]
    lines += [
        f"| {name}, {seed} | {run['expected_wrong']:.0f} | {run['called']} | "
        f"{run['called_changed']} | {run['surprising']} | {run['surprising_changed']} |"
        for name, seed, run in runs
    ]
    for name, seeds in results["catalogues"].items():
        lines += ["", *of_kinds(name, list(seeds.values()))]
    return "\n".join(lines) + "\n"


def of_kinds(name: str, runs: Sequence[Mapping[str, Any]]) -> list[str]:
    """By kind of slip, all seeds together."""
    lines = [
        f"{name}, all seeds, by what was done to the label (found: among as many first rows as "
        "labels were changed):",
        "",
        "| changed to | labels | found | kind named rightly |",
        "| --- | ---: | ---: | ---: |",
    ]
    kinds = dict.fromkeys(kind for run in runs for kind in run["kinds"])
    totals = dict.fromkeys(("changed", "first", "named"), 0)
    for kind in sorted(kinds):
        some = {key: sum(run["kinds"].get(kind, {}).get(key, 0) for run in runs) for key in totals}
        totals = {key: totals[key] + some[key] for key in totals}
        lines.append(row(kind, some))
    return [*lines, row("all", totals)]


def row(kind: str, counts: Mapping[str, int]) -> str:
    """One line of the table of kinds."""
    changed = counts["changed"]
    shares = [f"{counts[key]} ({counts[key] / changed:.0%})" for key in ("first", "named")]
    return f"| {kind} | {changed} | {' | '.join(shares)} |"


def interval(values: Sequence[float]) -> str:
    """`0.412 (0.380–0.440)`."""
    value, low, high = values
    return f"{value:.3f} ({low:.3f}–{high:.3f})"
