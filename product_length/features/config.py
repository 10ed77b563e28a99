"""Options of `features=`: what is known of a product beside its text, and what the model emits."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Annotated, Any

from pydantic import Field, JsonValue, ValidationError, model_validator
from typing_extensions import Self

from product_length.errors import reason_of
from product_length.features.categories.config import CategoriesOptions
from product_length.features.feature import FeatureOptions
from product_length.features.measurements.config import MeasurementsOptions
from product_length.features.neighbours.config import NeighboursOptions
from product_length.features.numbers.config import NumbersOptions
from product_length.features.terms.config import TermsOptions
from product_length.features.types.config import TypesOptions
from product_length.options import Options, matching

KINDS: Mapping[str, type[FeatureOptions]] = {
    "types": TypesOptions,
    "neighbours": NeighboursOptions,
    "terms": TermsOptions,
    "measurements": MeasurementsOptions,
    "numbers": NumbersOptions,
    "categories": CategoriesOptions,
}
"""The features of this package, in the order in which they are fitted and asked."""


class CustomFeature(Options):
    """A feature of one's own, outside of this package.

    `kind`: the import path of its class of options, `module.Class`, a FeatureOptions; `options`:
    what is given to that class.
    """

    kind: Annotated[str, matching(r"\w+(\.\w+)+", "an import path, as in my_module.MyOptions")]
    options: dict[str, JsonValue] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _is_there(self) -> Self:
        self.typed()
        return self

    def typed(self) -> FeatureOptions:
        """The typed options. Raises ValueError where there are none, or they do not suit."""
        return options_of(self.kind, self.options)


class FeatureGroup(Options):
    """`null` leaves a feature out; `use_log_target` makes the network emit log1p(length).

    `experts`: what each feature's `expert` is, unless that is set by itself: the YAML of a feature
    refers to it.
    """

    use_log_target: bool = False
    experts: bool = False
    types: TypesOptions | None = None
    neighbours: NeighboursOptions | None = None
    terms: TermsOptions | None = None
    measurements: MeasurementsOptions | None = None
    numbers: NumbersOptions | None = None
    categories: CategoriesOptions | None = None
    custom: dict[str, CustomFeature] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _is_called_otherwise(self) -> Self:
        for name in self.custom.keys() & KINDS.keys():
            raise ValueError(
                f"custom.{name}: is the name of a feature of this package, choose another"
            )
        return self

    def chosen(self) -> dict[str, FeatureOptions]:
        """The options of all features that are not left out, in the order of fitting."""
        own = {name: getattr(self, name) for name in KINDS}
        found = {name: options for name, options in own.items() if options is not None}
        return {**found, **{name: each.typed() for name, each in self.custom.items()}}

    def kind_of(self, name: str) -> str:
        """How a checkpoint calls the class of a feature's options."""
        return self.custom[name].kind if name in self.custom else name

    def fitted_by(self) -> dict[str, Any]:
        """What decides how features are fitted; JSON-able."""
        return {
            name: [self.kind_of(name), each.model_dump(mode="json", exclude=set(each.of_network))]
            for name, each in self.chosen().items()
        }


def options_of(kind: str, options: Mapping[str, Any]) -> FeatureOptions:
    """The typed options of a feature of this package by its name, or of another by import path.

    Raises ValueError when there is no such class, or the options do not suit it.
    """
    found = KINDS.get(kind)
    if found is None:
        module, _, name = kind.rpartition(".")
        try:
            found = getattr(import_module(module), name)
        except Exception as error:  # code of one's own may raise anything
            raise ValueError(
                f"{kind} cannot be imported ({reason_of(error)}); is its folder on PYTHONPATH?"
            ) from error
        if not (isinstance(found, type) and issubclass(found, FeatureOptions)):
            raise ValueError(f"{kind} is not a FeatureOptions of product_length.features.feature")
    try:
        return found.model_validate(options)
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()
        )
        raise ValueError(f"{kind}: {faults}") from error
