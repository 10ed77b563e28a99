"""Options of `features.types`."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import Field
from typing_extensions import override

from product_length.features.feature import Feature, FeatureOptions, Fitted, Training


class TypesOptions(FeatureOptions):
    """The learned vector of the product type; rare and unseen types share one.

    `width`: of the vector; `min_rows`: training rows of a type that has its own; `separator`: what
    divides the levels of types that are paths, as in Home > Kitchen > Mugs, where rare and unseen
    types are taken for the level above; `auto` looks for one, None: types are no paths. `dropout`:
    share of the rows that lose their type in training. `expert`: whether the lengths of the type's
    training rows are mixed with what the network predicts; `tilt`: and reshaped by it as well.
    """

    width: Annotated[int, Field(ge=1)] = 128
    min_rows: Annotated[int, Field(ge=1)] = 3
    separator: Annotated[str, Field(pattern=r"\S")] | None = "auto"
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.05
    expert: bool = False
    tilt: bool = True

    of_network: ClassVar[frozenset[str]] = frozenset({"width", "dropout", "expert", "tilt"})

    @override
    def fit(self, training: Training) -> Fitted:
        """A vocabulary of the training rows' types, and the code of each row's."""
        from product_length.features.types.feature import TypesFeature

        return TypesFeature.fit(self, training)

    @override
    def restore(self, state: Mapping[str, Any]) -> Feature:
        """The feature whose `state` this was."""
        from product_length.features.types.feature import TypesFeature

        return TypesFeature.from_state(self, state)
