"""What is predicted, in words: a length, or another quantity such as a weight."""

from __future__ import annotations

from dataclasses import dataclass

from product_length.catalogue.units import CatalogueUnit


@dataclass(frozen=True)
class Quantity:
    """The quantity that is predicted: the name of its column, and the unit it is in."""

    target: str
    unit: CatalogueUnit

    @property
    def noun(self) -> str:
        """What one value is called: "length", or the name of the column where it is none."""
        return "length" if self.unit.is_length else self.target

    @property
    def nouns(self) -> str:
        """What several values are called."""
        return "lengths" if self.unit.is_length else f"values of {self.target}"

    def labelled(self, kind: str) -> str:
        """Of an axis or a column: "true length (cm)"; `kind`: "true", "predicted"."""
        return f"{kind} {self.noun} ({self.unit})"

    @property
    def in_words(self) -> str:
        """The column and its unit: "width_cm, in cm"."""
        return f"{self.target}, in {self.unit}"
