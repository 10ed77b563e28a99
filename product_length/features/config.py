"""Options of `features=`: what the model sees beside the text, and which target it emits."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from product_length.options import Options


class TypeOptions(Options):
    """The learnable product-type embedding; rare and unseen types share one vector."""

    dimensions: Annotated[int, Field(ge=1)] = 128
    min_rows: Annotated[int, Field(ge=1)] = 3
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.05


def _listed(names: object) -> object:
    return [names] if isinstance(names, str) else names


def _each_once(names: list[str]) -> list[str]:
    if not names or len(set(names)) < len(names):
        raise ValueError("name one encoder at least, and each once")
    return names


IndexKind = Literal["auto", "exact", "approximate"]


class KnnOptions(Options):
    """Lengths of the nearest training products, projected to a few numbers.

    `embedding`: the encoder by whose vectors they are near, or several, by the mean cosine; null is
    the first that has vectors before training.
    `type_weight`: products are also near by their type, whose cosine counts its square times that
    of the texts; 0 is by text alone.
    `recall`: the least share of the exact k neighbours that an approximate search finds, measured
    on a sample of training rows; where cells cannot give it, the search is exact.
    """

    k: Annotated[int, Field(ge=1, le=1000)] = 20
    embedding: Annotated[list[str], BeforeValidator(_listed), AfterValidator(_each_once)] | None = (
        None
    )
    type_weight: Annotated[float, Field(ge=0, le=10)] = 0.0
    index: IndexKind = "auto"
    recall: Annotated[float, Field(gt=0, le=1)] = 0.95
    projection: Annotated[int, Field(ge=1)] = 32


class DimensionOptions(Options):
    """Measurements that the text states, projected to a few numbers.

    `candidates`: how many of each product are kept.
    """

    candidates: Annotated[int, Field(ge=1, le=128)] = 16
    projection: Annotated[int, Field(ge=1)] = 32


class TermOptions(Options):
    """Words of titles, and words within product types, whose training rows' lengths are counted.

    `min_rows`: training rows that a word must have; `most`: words that are taken of a product,
    those that tell most, and as many within its type; `characters`: of a title that are read;
    `entries`: words, and words within types, that are kept in all; `least_rows`: training rows
    below which nothing is counted, and the prior of terms left out.
    """

    min_rows: Annotated[int, Field(ge=2)] = 5
    most: Annotated[int, Field(ge=1, le=64)] = 8
    characters: Annotated[int, Field(ge=1)] = 120
    entries: Annotated[int, Field(ge=1)] = 100_000
    least_rows: Annotated[int, Field(ge=0)] = 0


class FeatureOptions(Options):
    """`null` leaves a part out; `use_log_target` makes the network emit log1p(length)."""

    use_log_target: bool
    type: TypeOptions | None
    knn: KnnOptions | None
    dimensions: DimensionOptions | None = None
    terms: TermOptions | None = None
