"""What a cross-validation comes to: intervals, paired differences, the gate, the table.

Errors are absolute percentage errors as fractions, float64 (products,), the same products in the
same order for every model.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from product_length.evaluation.resampling import Mean, middle, resample

RESAMPLES = 2000
# What is shipped is evaluated, not the luckiest of its variations.
SHIPPED = "best"
Errors = dict[str, float]
"""By product id."""


@dataclass(frozen=True)
class Outcome:
    """Of one model in one fold: the error of each product, median APE, seconds of fitting.

    `coverage`: rows, and the share of them that 90% intervals hold, of all products and of bands of
    length; empty where there are no intervals.
    """

    errors: Errors
    median_ape: float
    seconds: float
    coverage: Mapping[str, tuple[int, float]] = field(default_factory=dict)


def compare(
    recipes: Mapping[str, Sequence[Outcome]], rivals: Mapping[str, Sequence[Outcome]]
) -> dict[str, Any]:
    """What each model's folds come to; the first of all is what others are relative to."""
    outcomes = {**recipes, **rivals}
    means = {name: per_product([each.errors for each in folds]) for name, folds in outcomes.items()}
    products = next(iter(means.values()))
    assert all(list(each) == list(products) for each in means.values()), "all score the same"
    errors = {name: np.array(list(each.values())) for name, each in means.items()}
    found = {
        name: {
            **against(errors[name], next(iter(errors.values()))),
            "median_ape": float(np.mean([each.median_ape for each in outcomes[name]])),
            "train_seconds": float(np.mean([each.seconds for each in outcomes[name]])),
            "coverage": pooled(outcomes[name]),
        }
        for name in outcomes
    }
    return {
        "products": len(products),
        "recipes": {name: found[name] for name in recipes},
        "rivals": {name: found[name] for name in rivals},
        "gate": gate(
            {name: errors[name] for name in recipes}, {name: errors[name] for name in rivals}
        ),
    }


def pooled(outcomes: Sequence[Outcome]) -> dict[str, dict[str, float]]:
    """Rows and the share that is covered, of all folds together; bands without rows left out."""
    found = {}
    for band in outcomes[0].coverage:
        counts = [each.coverage[band] for each in outcomes]
        rows = sum(count for count, _ in counts)
        if rows:
            found[band] = {
                "rows": rows,
                "share": sum(count * share for count, share in counts) / rows,
            }
    return found


def per_product(repeats: Sequence[Errors]) -> Errors:
    """Mean error of each product over the folds or splits that scored it."""
    gathered = defaultdict(list)
    for errors in repeats:
        for product, error in errors.items():
            gathered[product].append(error)
    return {product: float(np.mean(gathered[product])) for product in sorted(gathered)}


def against(errors: NDArray[np.float64], others: NDArray[np.float64]) -> dict[str, Any]:
    both = [Mean(errors), Mean(others)]
    mine, theirs = resample(both, len(errors), resamples=RESAMPLES, seed=0)
    return {
        "mape": float(errors.mean()),
        "interval": middle(mine),
        "relative": float(errors.mean() / others.mean() - 1),
        "relative_interval": middle(mine / theirs - 1),
    }


def gate(
    recipes: Mapping[str, NDArray[np.float64]], rivals: Mapping[str, NDArray[np.float64]]
) -> dict[str, Any] | None:
    """The shipped recipe against each rival; None without it or without rivals."""
    if SHIPPED not in recipes or not rivals:
        return None
    of_rivals = {name: against(recipes[SHIPPED], errors) for name, errors in rivals.items()}
    return {
        "recipe": SHIPPED,
        "relative": {name: each["relative"] for name, each in of_rivals.items()},
        "relative_interval": {name: each["relative_interval"] for name, each in of_rivals.items()},
        "not_beaten": [
            name for name, each in of_rivals.items() if each["relative_interval"][1] >= 0
        ],
    }


def as_markdown(results: dict[str, Any]) -> str:
    lines = []
    for track, found in results["tracks"].items():
        lines += [
            f"**{track}**: {found['products']:,} products, {results['folds']} folds, "
            f"{results['repeats']} repeat{'s' if results['repeats'] > 1 else ''}",
            "",
            "| recipe | MAPE | 95% interval | to the first, relative | median APE | train |",
            "| --- | ---: | ---: | ---: | ---: | ---: |",
        ]
        rows = {**found["recipes"]}
        by_mape = sorted(found["rivals"].items(), key=lambda item: item[1]["mape"])
        rows |= {f"*rival: {name}*": each for name, each in by_mape}
        first = next(iter(found["recipes"] or found["rivals"]))
        for name, each in rows.items():
            relative = f"{each['relative']:+.1%} ({span(each['relative_interval'], '+.1%')})"
            lines.append(
                f"| {name} | {each['mape']:.1%} | {span(each['interval'], '.1%')} "
                f"| {'–' if name in (first, f'*rival: {first}*') else relative} "
                f"| {each['median_ape']:.1%} | {each['train_seconds']:.0f} s |"
            )
        lines += ["", *verdict(found["gate"]), *covered(found["recipes"])]
    return "\n".join(lines)


def verdict(gate: dict[str, Any] | None) -> list[str]:
    if gate is None:
        return []
    differences = ", ".join(
        f"{name} {each:+.1%} ({span(gate['relative_interval'][name], '+.1%')})"
        for name, each in gate["relative"].items()
    )
    beaten = (
        f"not beaten by more than chance: {'; '.join(gate['not_beaten'])}"
        if gate["not_beaten"]
        else "every rival is beaten by more than chance"
    )
    return [
        f"Gate: MAPE of *{gate['recipe']}* relative to each rival's: {differences}; {beaten}.",
        "",
    ]


def covered(recipes: Mapping[str, Any]) -> list[str]:
    """What the intervals of the shipped recipe hold."""
    if SHIPPED not in recipes or not recipes[SHIPPED]["coverage"]:
        return []
    shares = ", ".join(
        f"{band} {each['share']:.1%} of {each['rows']:,}"
        for band, each in recipes[SHIPPED]["coverage"].items()
    )
    return [f"90% intervals of *{SHIPPED}* hold: {shares}.", ""]


def span(interval: Sequence[float], form: str) -> str:
    return f"{format(interval[0], form)} to {format(interval[1], form)}"
