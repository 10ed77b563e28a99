"""Fields, words, scripts and languages of a catalogue's texts, and what encoders would cut."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow.compute as pc

from product_length.catalogue.catalogue import Catalogue
from product_length.catalogue.config import Columns
from product_length.catalogue.scripts import SCRIPTS
from product_length.catalogue.text import FIELDS
from product_length.profiling.languages import LANGUAGES, UNCLEAR
from product_length.profiling.sample import Sample
from product_length.profiling.tokens import Limit

_QUANTILES = (0.05, 0.25, 0.50, 0.75, 0.95, 0.99)
NO_LETTERS = "no letters"


@dataclass(frozen=True)
class FieldFigures:
    """What is known of a product: a text, its type, a number, a category.

    `columns`: of the file that it is read from. `missing`: rows kept without it. `words`: in those
    of the sample that have it, by quantile; empty for what is no text.
    """

    name: str
    columns: tuple[str, ...]
    missing: int
    words: dict[str, float]


@dataclass(frozen=True)
class CutFigures:
    """What one encoder cuts. `limit`: tokens that it reads; `tokens`: of a text, by quantile.

    `cut`: share of texts that have more; `lost`: share of all tokens beyond the limit. `estimated`:
    the tokenizer is not on this machine, tokens are told from words.
    """

    encoder: str
    limit: int
    tokens: dict[str, float]
    cut: float
    lost: float
    estimated: bool


@dataclass(frozen=True)
class TextFigures:
    """Of a sample of `sampled` texts: rows by the script of most letters, most common first.

    `looked_at`: texts among them whose language and tokens were told; `languages` and `cuts` are of
    these; `cuts_unknown`: in words, encoders that nothing can be said of.
    """

    sampled: int
    scripts: dict[str, int]
    looked_at: int
    languages: dict[str, int]
    cuts: tuple[CutFigures, ...]
    cuts_unknown: tuple[str, ...]


def field_figures(
    catalogue: Catalogue, columns: Columns, sample: Sample
) -> tuple[FieldFigures, ...]:
    """Every field that the file has; missing ones are counted in all rows kept."""
    counted = catalogue.reading.counted
    found = []
    for at, name in enumerate(FIELDS):
        if names := tuple(getattr(columns, name)):
            words = sample.words[:, at]
            missing = counted[f"without {name.replace('_', ' ')}"]
            found.append(FieldFigures(name, names, missing, _quantiles(words[words > 0])))
    if columns.product_type is not None:
        missing = counted["without product type"]
        found.append(FieldFigures("product_type", (columns.product_type,), missing, {}))
    return (*found, *_other_fields(catalogue))


def _other_fields(catalogue: Catalogue) -> Iterator[FieldFigures]:
    for name in catalogue.number_names:
        missing = int(np.isnan(catalogue.number(name)).sum())
        yield FieldFigures(f"number {name}", (name,), missing, {})
    for name in catalogue.category_names:
        missing = int(pc.sum(pc.equal(catalogue.category(name), "")).as_py() or 0)
        yield FieldFigures(f"category {name}", (name,), missing, {})


def text_figures(sample: Sample, limits: Sequence[Limit], unknown: Sequence[str]) -> TextFigures:
    """Of a sample; `limits`: of the encoders whose tokens were counted."""
    scripts = Counter(
        NO_LETTERS if script < 0 else SCRIPTS[script] for script in sample.scripts.tolist()
    )
    languages = Counter(
        language if language == UNCLEAR else LANGUAGES[language]
        for language in sample.languages.tolist()
    )
    return TextFigures(
        sampled=len(sample.rows),
        scripts=dict(scripts.most_common()),
        looked_at=len(sample.languages),
        languages=dict(languages.most_common()),
        cuts=tuple(_cut(limit, sample.tokens[:, at]) for at, limit in enumerate(limits)),
        cuts_unknown=tuple(unknown),
    )


def _cut(limit: Limit, tokens: np.ndarray[tuple[int], np.dtype[np.int64]]) -> CutFigures:
    beyond = np.maximum(tokens - limit.tokens, 0)
    return CutFigures(
        encoder=limit.encoder,
        limit=limit.tokens,
        tokens=_quantiles(tokens),
        cut=float((beyond > 0).mean()),
        lost=float(beyond.sum() / tokens.sum()),
        estimated=limit.tokenizer is None,
    )


def _quantiles(counts: np.ndarray[tuple[int], np.dtype[np.integer]]) -> dict[str, float]:
    if not len(counts):
        return {}
    return {f"{share:g}": float(np.quantile(counts, share)) for share in _QUANTILES}
