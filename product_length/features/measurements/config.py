"""Options of `features.measurements`."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import Field
from typing_extensions import override

from product_length.features.feature import Feature, FeatureOptions, Fitted, Training


class MeasurementsOptions(FeatureOptions):
    """Measurements that the text states, projected to `width` numbers.

    `max_measurements`: of each product, the first of its text. `expert`: whether stated lengths are
    mixed with what the network predicts; `ratios`: and what products were long that stated such a
    length.
    """

    max_measurements: Annotated[int, Field(ge=1, le=128)] = 16
    width: Annotated[int, Field(ge=1)] = 32
    expert: bool = False
    ratios: bool = True

    of_network: ClassVar[frozenset[str]] = frozenset({"width", "expert", "ratios"})

    @override
    def fit(self, training: Training) -> Fitted:
        """Numbers about what each row states."""
        from product_length.features.measurements.feature import MeasurementsFeature

        return MeasurementsFeature.fit(self, training)

    @override
    def restore(self, state: Mapping[str, Any]) -> Feature:
        """The feature whose `state` this was. Raises UserError for another parser's."""
        from product_length.features.measurements.feature import MeasurementsFeature

        return MeasurementsFeature.from_state(self, state)
