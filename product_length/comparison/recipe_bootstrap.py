"""How sure a recipe's mean over training seeds is: luck of the rows and luck of the seed together.

Rows are resampled as in `bootstrap`, the same draws for every recipe. Seeds are not: drawing again
from two or three of them gives a variance too small by (S − 1) / S, and tails that are too thin.
Instead each resample is shifted by a draw from the Student t distribution that the mean over so
few seeds follows, scaled by its standard error. What the seeds do to single rows is in both parts,
so the intervals err, if at all, by being too wide.

Sources: Welch, The generalization of Student's problem (1947), for the degrees of freedom of a
difference; Efron & Tibshirani, An Introduction to the Bootstrap (1993), chapters 6 and 13.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

from product_length.evaluation import metrics
from product_length.evaluation.bootstrap import (
    BandEstimate,
    Difference,
    Estimate,
    MetricEstimates,
    draws,
    interval,
    ratio,
    verdict,
)
from product_length.evaluation.metrics import BANDS, FloatArray

# A resample's median is one of the rows whose rank is near the middle: this many times the root
# of the number of rows is sixteen standard deviations.
_REACH = 8


def recipe_estimates(
    lengths: ArrayLike,
    predictions: Sequence[NDArray[np.float64]],
    *,
    resamples: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> list[MetricEstimates]:
    """Each recipe's metrics: means over its seeds, with intervals over rows and seeds.

    `lengths` float (rows,), `predictions` of each recipe float64 (seeds, rows), seeds ≥ 2, all in
    1/100 inch. Raises ValueError for what `metrics.checked` refuses, or for a single seed.
    """
    y = np.asarray(lengths, dtype=np.float64)
    if any(len(recipe) < 2 for recipe in predictions):
        raise ValueError("a recipe of one seed says nothing about the luck of the seed")
    runs = [_RunSamples(y, run, resamples) for recipe in predictions for run in recipe]
    codes = metrics.band_codes(y)
    members = [np.flatnonzero(codes == i) for i in range(len(BANDS))]
    errors = np.column_stack([run.errors for run in runs]) if runs else np.empty((y.size, 0))
    log_errors = np.column_stack([run.log_errors for run in runs]) if runs else errors
    below = np.column_stack([run.below for run in runs]) if runs else errors
    parts = [errors[rows] for rows in members]
    done = 0
    for counts in draws(y.size, resamples, seed) if runs else ():
        block = slice(done, done + len(counts))
        done += len(counts)
        squared, drawn_below = counts @ log_errors, counts @ below
        sums = [counts[:, rows] @ part for rows, part in zip(members, parts, strict=True)]
        drawn = np.column_stack([counts[:, rows].sum(axis=1) for rows in members])
        for i, run in enumerate(runs):
            run.log_means[block] = squared[:, i] / y.size
            run.band_sums[block] = np.column_stack([band[:, i] for band in sums])
            run.drawn[block] = drawn
            run.medians[block] = run.medians_of(counts, drawn_below[:, i])
    estimates, start = [], 0
    for recipe in predictions:
        of_recipe = runs[start : start + len(recipe)]
        start += len(recipe)
        estimates.append(_estimates(y, of_recipe, members, confidence, seed))
    return estimates


def recipe_differences(
    errors: Sequence[NDArray[np.float64]],
    against: int,
    *,
    resamples: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> list[Difference | None]:
    """Each recipe's mean MAPE minus that of recipe `against`; None for that one.

    `errors` of each recipe: APE float64 (seeds, rows), fractions, on the same rows. Where either
    side has one seed the interval is over rows only, and the verdict says no more than that.
    """
    rows = errors[against].shape[1]
    means = np.column_stack([recipe.mean(axis=0) for recipe in errors])
    samples = np.vstack([counts @ means for counts in draws(rows, resamples, seed)]) / rows
    found: list[Difference | None] = []
    for i, recipe in enumerate(errors):
        if i == against:
            found.append(None)
            continue
        pair = [recipe.mean(axis=1), errors[against].mean(axis=1)]
        drawn = samples[:, i] - samples[:, against]
        one_seed = min(map(len, pair)) < 2
        if not one_seed:
            drawn = drawn + seed_part(pair, resamples, seed)
        low, high = interval(drawn, rows, confidence)
        words = verdict(low, high)
        found.append(
            Difference(
                rows=rows,
                value=float(pair[0].mean() - pair[1].mean()),
                low=low,
                high=high,
                verdict=one_seed_verdict(words) if one_seed else words,
            )
        )
    return found


def one_seed_verdict(words: str) -> str:
    """A verdict on rows alone, which a second seed may overturn."""
    if words.startswith(("better", "worse")):
        return f"one seed: {words} on these rows"
    return f"one seed: {words}" if words.startswith("no ") else words


def seed_part(sides: Sequence[ArrayLike], resamples: int, seed: int) -> FloatArray:
    """What other seeds might have added to a mean, or a difference of means: float64 (resamples,).

    `sides` holds a metric by seed, float (seeds ≥ 2,), of one recipe or of the two compared.
    Quantiles of Student's t in random order, in place of draws, so that few resamples suffice
    for its heavy tails.
    """
    values = [np.asarray(side, dtype=np.float64) for side in sides]
    variances = np.array([side.var(ddof=1) / side.size for side in values])
    degrees = np.array([side.size - 1 for side in values])
    total = float(variances.sum())
    if total <= 0:  # the seeds made no difference at all
        return np.zeros(resamples)
    shares = variances / total
    freedom = 1.0 / float((shares**2 / degrees).sum())
    levels = (np.arange(resamples) + 0.5) / resamples
    # A stream of its own: the order must not depend on which rows are drawn.
    order = np.random.default_rng([seed, 1]).permutation(resamples)
    part: FloatArray = np.sqrt(total) * stdtrit(freedom, levels)[order]
    return part


@dataclass
class _RunSamples:
    """One run: its errors by row, and what each resample makes of them."""

    lengths: FloatArray
    predictions: FloatArray
    resamples: int
    errors: FloatArray = field(init=False)
    log_errors: FloatArray = field(init=False)

    def __post_init__(self) -> None:
        self.point = metrics.metrics(self.lengths, self.predictions)
        self.errors = metrics.absolute_percentage_errors(self.lengths, self.predictions)
        self.log_errors = metrics.squared_log_errors(self.lengths, self.predictions)
        order = np.argsort(self.errors, kind="stable")
        middle, reach = order.size // 2, int(_REACH * np.sqrt(order.size)) + 1
        self.near = order[max(0, middle - reach) : middle + reach]
        self.below = np.zeros(order.size)
        self.below[order[: max(0, middle - reach)]] = 1.0
        self.log_means, self.medians = np.empty(self.resamples), np.empty(self.resamples)
        self.band_sums = np.empty((self.resamples, len(BANDS)))
        self.drawn = np.empty((self.resamples, len(BANDS)))

    def medians_of(self, counts: FloatArray, drawn_below: FloatArray) -> FloatArray:
        """Medians float64 (block,) of resamples that drew rows `counts` times (block, rows).

        `drawn_below` (block,) is how many draws were of rows below those near the median.
        """
        reached = drawn_below[:, None] + np.cumsum(counts[:, self.near], axis=1)
        ascending = self.errors[self.near]
        size = self.errors.size
        ends = [(reached <= rank).sum(axis=1) for rank in ((size - 1) // 2, size // 2)]
        medians: FloatArray = (ascending[ends[0]] + ascending[ends[1]]) / 2
        return medians

    @property
    def mapes(self) -> FloatArray:
        """MAPE of each resample, float64 (resamples,)."""
        means: FloatArray = self.band_sums.sum(axis=1) / self.errors.size
        return means


def _estimates(
    lengths: FloatArray,
    runs: Sequence[_RunSamples],
    members: Sequence[NDArray[np.intp]],
    confidence: float,
    seed: int,
) -> MetricEstimates:
    long_rows = int((lengths >= metrics.LONG_ENOUGH).sum())
    first_long = next(i for i, band in enumerate(BANDS) if band.lower == metrics.LONG_ENOUGH)

    def estimate(
        values: Sequence[float | None],
        samples: Sequence[FloatArray],
        rows: int,
        most: float = np.inf,
    ) -> Estimate:
        known = [value for value in values if value is not None]
        if len(known) < len(values):
            return Estimate(None)
        drawn = np.mean(samples, axis=0) + seed_part([known], len(samples[0]), seed)
        ends = interval(drawn, rows, confidence)
        # t has tails without end, an error has not.
        low, high = (None if end is None else float(np.clip(end, 0.0, most)) for end in ends)
        return Estimate(float(np.mean(known)), low, high)

    long_means = [
        ratio(run.band_sums[:, first_long:].sum(axis=1), run.drawn[:, first_long:].sum(axis=1))
        for run in runs
    ]
    points = [run.point for run in runs]
    rows = lengths.size
    return MetricEstimates(
        rows=rows,
        mape=estimate([point["mape"] for point in points], [run.mapes for run in runs], rows),
        score=estimate(
            [point["score"] for point in points],
            [np.maximum(0.0, 100.0 * (1.0 - run.mapes)) for run in runs],
            rows,
            most=100.0,
        ),
        rmsle=estimate(
            [point["rmsle"] for point in points], [np.sqrt(run.log_means) for run in runs], rows
        ),
        median_ape=estimate(
            [point["median_ape"] for point in points], [run.medians for run in runs], rows
        ),
        mape_at_least_100=estimate(
            [point["mape_at_least_100"] for point in points], long_means, long_rows
        ),
        bands=[
            BandEstimate(
                band.name,
                members[i].size,
                estimate(
                    [point["bands"][i]["mape"] for point in points],
                    [ratio(run.band_sums[:, i], run.drawn[:, i]) for run in runs],
                    members[i].size,
                ),
            )
            for i, band in enumerate(BANDS)
        ],
    )
