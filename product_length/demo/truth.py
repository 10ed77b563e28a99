"""What can be known of a length: one discrete distribution a row, and the best guess from it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ConditionalLengths:
    """Each row's distribution of the label given all that the row shows.

    Row i owns `atoms[offsets[i] : offsets[i + 1]]`, ascending and distinct.
    """

    atoms: Floats
    """float64 (atoms,), 1/100 inch."""
    probabilities: Floats
    """float64 (atoms,), sum to 1 in each row."""
    offsets: npt.NDArray[np.int64]
    """int64 (rows + 1,)."""

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @staticmethod
    def concatenate(parts: Sequence["ConditionalLengths"]) -> "ConditionalLengths":
        """The rows of several parts (at least one) one after another."""
        counts = np.concatenate([np.diff(part.offsets) for part in parts])
        return ConditionalLengths(
            atoms=np.concatenate([part.atoms for part in parts]),
            probabilities=np.concatenate([part.probabilities for part in parts]),
            offsets=np.concatenate(([0], np.cumsum(counts))),
        )

    def row(self, index: int) -> tuple[Floats, Floats]:
        """Atoms (1/100 inch) and probabilities of one row."""
        part = slice(self.offsets[index], self.offsets[index + 1])
        return self.atoms[part], self.probabilities[part]

    @property
    def _rows(self) -> npt.NDArray[np.int64]:
        return np.repeat(np.arange(len(self)), np.diff(self.offsets))

    def best_for_mape(self) -> Floats:
        """Estimate of least expected MAPE, float64 (rows,), 1/100 inch.

        It minimises sum(p |x - a| / a), hence is the median with weights p / a
        (Gneiting 2011, Making and evaluating point forecasts, section 3.3).
        """
        if not len(self):
            return np.empty(0)
        weights = self.probabilities / self.atoms
        weights /= np.add.reduceat(weights, self.offsets[:-1])[self._rows]
        running = np.cumsum(weights)
        before = running[self.offsets[:-1]] - weights[self.offsets[:-1]]
        # A hair below one half: rounding must not step over an atom that ends exactly there.
        reached = running - before[self._rows] >= 0.5 - 1e-9
        first = np.maximum.reduceat(np.where(reached, -np.arange(len(reached)), -len(reached)),
                                    self.offsets[:-1])  # fmt: skip
        return self.atoms[-first]

    def expected_mape(self, predictions: Floats) -> Floats:
        """Expected MAPE (a fraction) of `predictions` float64 (rows,), 1/100 inch, by row."""
        if predictions.shape != (len(self),):
            raise ValueError(f"{predictions.shape} predictions for {len(self)} rows")
        if not len(self):
            return np.empty(0)
        errors = np.abs(predictions[self._rows] - self.atoms) / self.atoms
        return np.asarray(np.add.reduceat(self.probabilities * errors, self.offsets[:-1]))


def merge_atoms(
    rows: npt.NDArray[np.int64], values: Floats, weights: Floats, count: int
) -> ConditionalLengths:
    """Collect weighted values (1/100 inch) into `count` rows, equal values as one atom.

    `rows` int64, `values` and `weights` float64 are (values,), in any order; a row's weights
    are scaled to sum to 1. Raises ValueError where a row has none above 0.
    """
    if not rows.shape == values.shape == weights.shape or rows.ndim != 1:
        raise ValueError(f"shapes differ: {rows.shape}, {values.shape}, {weights.shape}")
    totals = np.bincount(rows, weights, minlength=count)
    if (totals <= 0).any():
        raise ValueError("a row without any possible length")
    possible = weights > 0
    rows, values, shares = rows[possible], values[possible], (weights / totals[rows])[possible]
    order = np.lexsort((values, rows))
    rows, values, shares = rows[order], values[order], shares[order]
    new = np.ones(len(values), bool)
    new[1:] = (values[1:] != values[:-1]) | (rows[1:] != rows[:-1])
    first = np.nonzero(new)[0]
    return ConditionalLengths(
        atoms=values[first],
        probabilities=np.add.reduceat(shares, first) if len(first) else shares,
        offsets=np.concatenate(([0], np.cumsum(np.bincount(rows[first], minlength=count)))),
    )
