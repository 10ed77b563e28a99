"""Options of `features.neighbours`."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BeforeValidator, Field
from typing_extensions import override

from product_length.features.feature import Feature, FeatureOptions, Fitted, Training
from product_length.search.config import IndexKind


def _listed(names: object) -> object:
    return [names] if isinstance(names, str) else names


def _each_once(names: list[str]) -> list[str]:
    if not names or len(set(names)) < len(names):
        raise ValueError("name one encoder at least, and each once")
    return names


class NeighboursOptions(FeatureOptions):
    """Lengths of the `k` nearest training products, projected to `width` numbers.

    `embedding`: the encoder by whose vectors they are near, or several, by the mean cosine; null is
    the first that has vectors before training.
    `type_weight`: products are also near by their type, whose cosine counts its square times that
    of the texts; 0 is by text alone.
    `recall`: the least share of the exact k neighbours that an approximate search finds, measured
    on a sample of training rows; where it cannot give that, the search is exact.
    `shown_characters`: of each training text that a checkpoint keeps, with its id, to be shown as a
    reason; 0: neither is kept.
    `expert`: whether their lengths are mixed with what the network predicts.
    """

    k: Annotated[int, Field(ge=1, le=1000)] = 20
    embedding: Annotated[list[str], BeforeValidator(_listed), AfterValidator(_each_once)] | None = (
        None
    )
    type_weight: Annotated[float, Field(ge=0, le=10)] = 0.0
    index: IndexKind = "auto"
    recall: Annotated[float, Field(gt=0, le=1)] = 0.95
    width: Annotated[int, Field(ge=1)] = 32
    shown_characters: Annotated[int, Field(ge=0, le=1000)] = 80
    expert: bool = False

    of_network: ClassVar[frozenset[str]] = frozenset({"width", "expert"})

    @override
    def fit(self, training: Training) -> Fitted:
        """An index of the training rows, and numbers about the neighbours of each row."""
        from product_length.features.neighbours.feature import NeighboursFeature

        return NeighboursFeature.fit(self, training)

    @override
    def restore(self, state: Mapping[str, Any]) -> Feature:
        """The feature whose `state` this was."""
        from product_length.features.neighbours.feature import NeighboursFeature

        return NeighboursFeature.from_state(self, state)
