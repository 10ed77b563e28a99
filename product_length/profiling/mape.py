"""Where the MAPE of any model will come from, and what two constants reach."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from product_length.catalogue.catalogue import Catalogue
from product_length.catalogue.config import SplitOptions
from product_length.catalogue.split import TEST, assign_splits
from product_length.evaluation.bands import Bands
from product_length.evaluation.baselines import type_median
from product_length.weighted_median import weighted_median

FOLDS = 5
"""Constants are fitted on four of so many parts of the texts and judged on the other one."""


@dataclass(frozen=True)
class BandFigures:
    """Rows whose true length is in a band. Shares are of all rows, errors are MAPE in the band.

    `weight`: its share of Σ 1/length, which a given error in the unit of lengths weighs by.
    """

    name: str
    rows: int
    share: float
    weight: float
    constant: float
    type_median: float | None


@dataclass(frozen=True)
class MapeFigures:
    """MAPE, fractions. `best_constant`: the length, in the catalogue's unit, with the least MAPE.

    `constant` and `type_median` are out of fold: of five parts each is predicted by the other four,
    rows of one text together. `long_*`: of rows from `short_below` on, the rows below left out of
    fitting too. None where there are too few rows, or no types.
    """

    best_constant: float
    constant: float | None
    type_median: float | None
    short_below: float | None
    long_constant: float | None
    long_type_median: float | None
    bands: tuple[BandFigures, ...]


def mape_figures(catalogue: Catalogue, bands: Bands) -> MapeFigures:
    """Of all rows of a catalogue; `bands`: of true length."""
    lengths = catalogue.exact_lengths
    has_types = bool(catalogue.types.value_counts().field("values").to_pylist() != [""])
    constant, of_type = _out_of_fold(catalogue, np.arange(len(lengths)), has_types=has_types)
    long = np.flatnonzero(~bands.is_short(lengths))
    short_below = bands.short_below if 0 < len(long) < len(lengths) else None
    long_means: tuple[float | None, float | None] = (None, None)
    if short_below is not None:
        of_long = _out_of_fold(catalogue, long, has_types=has_types)
        long_means = _mean(of_long[0]), _mean(of_long[1])
    return MapeFigures(
        best_constant=weighted_median(lengths, 1 / lengths),
        constant=_mean(constant),
        type_median=_mean(of_type),
        short_below=short_below,
        long_constant=long_means[0],
        long_type_median=long_means[1],
        bands=_bands(lengths, bands, constant, of_type),
    )


def _out_of_fold(
    catalogue: Catalogue, rows: NDArray[np.int64], *, has_types: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """|prediction - length| / length of the constant and of the type median, float64 (n,).

    NaN for rows whose part of the texts is all there is, and of type medians without types.
    """
    lengths = catalogue.exact_lengths[rows]
    keys, types = catalogue.text_keys[rows], catalogue.types.take(rows)
    constant, of_type = np.full(len(rows), np.nan), np.full(len(rows), np.nan)
    shares = SplitOptions(train=0.9, val=0.1, test=0.0)
    for fold in range(FOLDS):
        options = shares.model_copy(update={"folds": FOLDS, "fold": fold})
        judged = assign_splits(keys, options) == TEST
        fitted = np.flatnonzero(~judged)
        others = np.flatnonzero(judged)
        if not len(fitted) or not len(others):
            continue
        known = lengths[fitted]
        constant[others] = weighted_median(known, 1 / known)
        if has_types:
            of_type[others] = type_median(types, known, 1 / known, fitted)(others)
    return np.abs(constant / lengths - 1), np.abs(of_type / lengths - 1)


def _bands(
    lengths: NDArray[np.float64],
    bands: Bands,
    constant: NDArray[np.float64],
    of_type: NDArray[np.float64],
) -> tuple[BandFigures, ...]:
    codes = bands.codes(lengths)
    weights = 1 / lengths
    found = []
    for code, name in enumerate(bands.names):
        inside = codes == code
        if inside.any():
            found.append(
                BandFigures(
                    name=name,
                    rows=int(inside.sum()),
                    share=float(inside.mean()),
                    weight=float(weights[inside].sum() / weights.sum()),
                    constant=_mean(constant[inside]) or 0.0,
                    type_median=_mean(of_type[inside]),
                )
            )
    return tuple(found)


def _mean(errors: NDArray[np.float64]) -> float | None:
    known = errors[~np.isnan(errors)]
    return float(known.mean()) if len(known) else None
