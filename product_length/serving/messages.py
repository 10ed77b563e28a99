"""What requests and answers hold: typed, and documented in the server's openapi.json."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, cast

from pydantic import BaseModel, ConfigDict, Field, create_model, model_validator
from typing_extensions import Self

from product_length.features.reason import Group, Neighbour, Reason, Statement
from product_length.prediction.reasons import Explanation
from product_length.serving.inputs import Inputs
from product_length.serving.service import LEVELS, Answer, Asked, ReasonsWanted, quantiles

_MOST_ID = 200


class Message(BaseModel):
    """What goes over the wire."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class ProductBase(Message):
    """One product; all that is missing counts as missing."""

    model_config = ConfigDict(coerce_numbers_to_str=True)

    product_id: Annotated[str | None, Field(max_length=_MOST_ID)] = Field(
        default=None, description="Handed on as it is."
    )


class PredictRequestBase(Message):
    """One product, or several, and what is asked of them."""

    product: ProductBase | None = None
    products: list[ProductBase] | None = None
    interval: Annotated[float, Field(gt=0, lt=1)] | None = None
    reasons: ReasonsWanted = "none"
    distribution: bool = False

    @model_validator(mode="after")
    def _one_or_several(self) -> Self:
        if (self.product is None) == (self.products is None):
            raise ValueError("give product, for one, or products, for a list: one of the two")
        return self

    def asked(self, default_interval: float | None) -> list[Asked]:
        """Each product, and what is asked of it."""
        products = [self.product] if self.product is not None else self.products or []
        interval = self.interval if "interval" in self.model_fields_set else default_interval
        return [
            Asked(
                each.model_dump(by_alias=True),
                interval,
                self.reasons,
                self.distribution,
            )
            for each in products
        ]

    def ids(self) -> list[str | None]:
        """The products' ids, in order."""
        products = [self.product] if self.product is not None else self.products or []
        return [each.product_id for each in products if each is not None]


def request_model(
    inputs: Inputs, *, max_rows: int, max_reasons: int, max_characters: int, interval: float | None
) -> type[PredictRequestBase]:
    """The request of a served recipe: the columns that it reads, its limits."""
    text = Annotated[str | None, Field(max_length=max_characters)]
    parts: dict[str, Any] = {
        name: (text, Field(default=None, description=f"The {name.replace('_', ' ')}."))
        for name in inputs.fields
    }
    if inputs.product_type:
        said = "The kind of product, as training had it."
        parts["product_type"] = (text, Field(default=None, description=said))
    for key, names, kind in (
        ("numbers", inputs.numbers, float | None),
        ("categories", inputs.categories, text),
    ):
        if names:
            parts[key] = (_of_columns(key.title(), names, kind) | None, None)
    product = create_model("Product", __base__=ProductBase, __doc__=ProductBase.__doc__, **parts)
    whole: dict[str, Any] = {
        "product": (product | None, Field(default=None, description="One product.")),
        "products": (
            Annotated[list[product], Field(min_length=1, max_length=max_rows)] | None,
            Field(default=None, description=f"Up to {max_rows:,} products."),
        ),
        "interval": (
            Annotated[float, Field(gt=0, lt=1)] | None,
            Field(
                default=interval,
                description="The share of products whose true length the interval should hold; "
                "null: no interval.",
            ),
        ),
        "reasons": (
            ReasonsWanted,
            Field(
                default="none",
                description="features: what is known of each product, and the share of each part "
                "of the model; words: also which words of its title move the length (each product "
                f"is predicted again without each). Of up to {max_reasons:,} products.",
            ),
        ),
        "distribution": (
            bool,
            Field(default=False, description="Whether quantiles of the length are wanted."),
        ),
    }
    made = create_model(
        "PredictRequest", __base__=PredictRequestBase, __doc__=PredictRequestBase.__doc__, **whole
    )
    return cast("type[PredictRequestBase]", made)


def _of_columns(title: str, names: Iterable[str], kind: Any) -> Any:
    """A part of a product with a key for each column, whatever the columns are called."""
    fields: dict[str, Any] = {
        f"column_{number}": (kind, Field(default=None, alias=name))
        for number, name in enumerate(names)
    }
    return create_model(title, __base__=Message, **fields)


class Interval(Message):
    """Both ends of the interval that holds so large a share of true lengths."""

    level: float
    lower: float
    upper: float


class Quantile(Message):
    """The length below which the truth lies with so much probability."""

    level: float
    length: float


class WordMoves(Message):
    """A word of the product's text, and the length that would be predicted without it."""

    word: str
    field: str
    places: list[tuple[int, int]]
    without: float
    factor: float


class Reasons(Message):
    """Why this length: `line` in plain words, and the same in parts.

    Shares are of the predicted distribution. Places are characters [start, stop) of the cleaned
    text of a field, see `fields`.
    """

    line: str
    network_share: float | None
    features: list[Reason]
    words: list[WordMoves]
    fields: dict[str, str]


class Predicted(Message):
    """What is predicted of one product, in the unit. `unseen`: what training did not know of it."""

    product_id: str | None = None
    length: float
    interval: Interval | None = None
    unseen: list[str] = []
    distribution: list[Quantile] | None = None
    reasons: Reasons | None = None


class PredictReply(Message):
    """The predictions, in the order of the products."""

    target: str = Field(description="What is predicted: the column's name in training.")
    unit: str = Field(description="Of all lengths.")
    decision: str | None = Field(description="What a length is decided for; null: a point loss.")
    predictions: list[Predicted]


class Fault(Message):
    """What is wrong with a request, and where."""

    loc: list[str | int]
    msg: str
    type: str


class Refused(Message):
    """Why a request is refused."""

    detail: list[Fault] | str


class Health(Message):
    """That the server answers; requests that wait now."""

    status: str = "ok"
    waiting: int


def predicted_of(answer: Answer, product_id: str | None, asked: Asked, unit: Any) -> Predicted:
    """An answer as it goes over the wire; `unit`: of the lengths, as reasons name it."""
    interval = None
    if answer.ends is not None and asked.interval is not None:
        interval = Interval(level=asked.interval, lower=answer.ends[0], upper=answer.ends[1])
    distribution = None
    if answer.distribution is not None:
        found = zip(LEVELS, quantiles(answer.distribution), strict=True)
        distribution = [Quantile(level=level, length=length) for level, length in found]
    return Predicted(
        product_id=product_id,
        length=answer.length,
        interval=interval,
        unseen=list(answer.unseen),
        distribution=distribution,
        reasons=None
        if answer.explanation is None
        else _reasons(answer.explanation, answer.fields, unit),
    )


def _reasons(explained: Explanation, fields: Mapping[str, str], unit: Any) -> Reasons:
    return Reasons(
        line=explained.line(unit),
        network_share=explained.network_share,
        features=list(explained.reasons),
        words=[
            WordMoves(
                word=each.word,
                field=each.field,
                places=list(each.places),
                without=each.without,
                factor=each.factor,
            )
            for each in explained.words
        ],
        fields=dict(fields),
    )


__all__ = ["Group", "Neighbour", "Statement"]  # pydantic looks the parts of a Reason up here
