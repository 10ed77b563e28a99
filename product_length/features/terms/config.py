"""Options of `features.terms`."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import Field
from typing_extensions import override

from product_length.features.feature import Feature, FeatureOptions, Fitted, Training


class TermsOptions(FeatureOptions):
    """Words of titles, and words within product types, whose training rows' lengths are counted.

    What they say is mixed with what the network predicts, which sees nothing of them otherwise.
    `min_rows`: training rows that a word must have; `top_k`: words that are taken of a product,
    those that say most of its length, and as many within its type; `characters`: of a title that
    are read; `max_terms`: words, and words within types, that are kept in all; `min_train_rows`:
    training rows below which nothing is counted. `tilt`: whether the network reshapes what they
    say.
    """

    min_rows: Annotated[int, Field(ge=2)] = 5
    top_k: Annotated[int, Field(ge=1, le=64)] = 8
    characters: Annotated[int, Field(ge=1)] = 120
    max_terms: Annotated[int, Field(ge=1)] = 100_000
    min_train_rows: Annotated[int, Field(ge=0)] = 0
    tilt: bool = True

    of_network: ClassVar[frozenset[str]] = frozenset({"tilt"})

    @property
    @override
    def has_expert(self) -> bool:
        """Always: it is nothing else."""
        return True

    @override
    def fit(self, training: Training) -> Fitted | None:
        """An index of the training rows' words, and the terms of each row."""
        from product_length.features.terms.feature import TermsFeature

        return TermsFeature.fit(self, training)

    @override
    def restore(self, state: Mapping[str, Any]) -> Feature:
        """The feature whose `state` this was."""
        from product_length.features.terms.feature import TermsFeature

        return TermsFeature.from_state(self, state)
