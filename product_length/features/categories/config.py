"""Options of `features.categories`."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import Field
from typing_extensions import override

from product_length.features.feature import Feature, FeatureOptions, Fitted, Training


class CategoriesOptions(FeatureOptions):
    """The columns that `data.columns.categories` names; without any there is no such feature.

    `width`: of each column's vectors; `min_rows`: training rows of a value that has a vector of its
    own, rarer ones of a column share one with unseen ones; `dropout`: share of the values that are
    taken for such a one in training. `expert`: whether the lengths of the training rows with the
    same values are mixed with what the network predicts.
    """

    width: Annotated[int, Field(ge=1)] = 32
    min_rows: Annotated[int, Field(ge=1)] = 3
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.05
    expert: bool = False

    of_network: ClassVar[frozenset[str]] = frozenset({"width", "dropout", "expert"})
    reads: ClassVar[frozenset[str]] = frozenset({"categories"})

    @override
    def fit(self, training: Training) -> Fitted | None:
        """A vocabulary of each column's training values, and the codes of every row's."""
        from product_length.features.categories.feature import CategoriesFeature

        return CategoriesFeature.fit(self, training)

    @override
    def restore(self, state: Mapping[str, Any]) -> Feature:
        """The feature whose `state` this was."""
        from product_length.features.categories.feature import CategoriesFeature

        return CategoriesFeature.from_state(self, state)
