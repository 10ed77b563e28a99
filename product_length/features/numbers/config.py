"""Options of `features.numbers`."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import Field
from typing_extensions import override

from product_length.features.feature import Feature, FeatureOptions, Fitted, Training


class NumbersOptions(FeatureOptions):
    """The columns that `data.columns.numbers` names; without any there is no such feature.

    `bins`: into which the training values of a column are divided at most, as many values in each.
    `expert`: whether the lengths of the training rows in the same bins are mixed with what the
    network predicts.
    """

    bins: Annotated[int, Field(ge=1, le=1024)] = 64
    expert: bool = False

    of_network: ClassVar[frozenset[str]] = frozenset({"expert"})
    reads: ClassVar[frozenset[str]] = frozenset({"numbers"})

    @override
    def fit(self, training: Training) -> Fitted | None:
        """Bins of the training rows' numbers, and the numbers of every row."""
        from product_length.features.numbers.feature import NumbersFeature

        return NumbersFeature.fit(self, training)

    @override
    def restore(self, state: Mapping[str, Any]) -> Feature:
        """The feature whose `state` this was."""
        from product_length.features.numbers.feature import NumbersFeature

        return NumbersFeature.from_state(self, state)
