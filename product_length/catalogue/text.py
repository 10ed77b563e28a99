"""From a product's raw fields to its one text; the same for training and prediction.

Each field is cleaned on its own, then the fields of the recipe are joined. Cleaning is idempotent:
a cleaned field is not changed by cleaning it again.
"""

import html
import itertools
from collections.abc import Callable, Sequence
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash
from numpy.typing import NDArray

from product_length.catalogue.config import TextRecipe

FIELDS = ("title", "bullet_points", "description")
"""The text fields of a product, in the order of the columns that this module returns."""

CLEANING_VERSION = 2
"""Part of the address of what was cleaned; raise it whenever a cleaned field would differ."""

# Control characters but tab and line ends, and the byte order mark; RE2 syntax throughout.
_CONTROLS = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x{9f}\x{feff}"
# Every Unicode space but the ordinary one.
_SPACES = r"\t\n\r\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}"
_UNFOLDED = rf"^ | $|  |[{_SPACES}]"
_SPACE_RUN = rf" *[{_SPACES}][ {_SPACES}]*| {{2,}}"
# A tag starts with a letter, so that "<5 cm and >3 cm" is text.
_MARKUP = (
    r"(?is)<(?:script|style)\b[^<>]*>.*?</(?:script|style)\s*>"
    r"|<!--.*?-->|<[!?][a-z][^<>]*>|</?[a-z][^<>]*>"
)

# Whole numbers as pandas, NumPy and spreadsheets write them: 713.0, 713., +713.
_WHOLE = r"^\+?(-?[0-9]+)(?:\.0*)?$"
# 7.13e+02, 1e+16 or Java's 1.2E7; "12E3" may be a code, a point or a sign makes it a number.
_SCIENTIFIC = r"^[+-]?[0-9](?:\.[0-9]+[eE]\+?|[eE]\+)[0-9]{1,2}$"


def clean_field(values: pa.StringArray, recipe: TextRecipe) -> pa.StringArray:
    """Clean one field, string (rows,) without nulls; "" stays "".

    In this order: HTML entities become characters (until none is left, as sellers escape twice),
    control characters become spaces, markup becomes a space, runs of white space become one space
    and those at the ends vanish. Control characters always go; the rest is the recipe's choice.
    """
    if recipe.unescape_html:
        values = _where(pc.match_substring(values, "&"), values, _unescape)
    controls = pc.match_substring_regex(values, f"[{_CONTROLS}]")
    values = _where(controls, values, _blank_controls)
    if recipe.strip_tags:
        values = _where(pc.match_substring(values, "<"), values, _strip_markup)
    if recipe.fold_whitespace:
        values = _where(pc.match_substring_regex(values, _UNFOLDED), values, _fold_spaces)
    return values


def clean_fields(rows: pa.RecordBatch, recipe: TextRecipe) -> pa.RecordBatch:
    """The columns FIELDS of `rows` cleaned, whether or not the recipe joins them."""
    return pa.RecordBatch.from_arrays(
        [clean_field(rows.column(name), recipe) for name in FIELDS], names=list(FIELDS)
    )


def join_fields(fields: pa.RecordBatch, recipe: TextRecipe) -> pa.StringArray:
    """One text a row, string (rows,): the recipe's fields in its order, empty ones left out."""
    return join_texts([fields.column(name) for name in recipe.fields], recipe.separator)


def join_texts(columns: Sequence[pa.StringArray], separator: str) -> pa.StringArray:
    """Texts of one or more columns, string (rows,) each, joined; empty ones are left out."""
    texts, *others = columns
    for column in others:
        # Not null_handling="skip" over nulls: pyarrow 26 drops the rows in which all are null.
        both = pc.and_(pc.not_equal(texts, ""), pc.not_equal(column, ""))
        texts = pc.binary_join_element_wise(texts, column, pc.if_else(both, separator, ""))
    return texts


def clean_types(values: pa.StringArray) -> pa.StringArray:
    """Product types with one spelling each, string (rows,); "" where missing.

    White space at the ends goes, and a whole number has no decimal point, plus sign or exponent:
    713.0, 713. and 7.13e+02 are 713. Its digits stay as they are, leading zeros too: 007.0 is 007
    but not 7, since codes may begin with zeros.
    """
    values = trim_types(values)
    values = _where(pc.match_substring_regex(values, _SCIENTIFIC), values, _without_exponents)
    values = pc.replace_substring_regex(values, _WHOLE, r"\1")
    return pc.if_else(pc.equal(values, "-0"), "0", values)


def trim_types(values: pa.StringArray) -> pa.StringArray:
    """Product types without white space at the ends, string (rows,), spelled as they were."""
    return pc.utf8_trim_whitespace(values)


def string_keys(values: pa.StringArray) -> NDArray[np.uint64]:
    """xxh3_64 of each string's UTF-8, uint64 (rows,): the same on every machine."""
    if values.null_count:
        raise ValueError("nulls have no key")
    _, offset_buffer, data = values.buffers()
    if not len(values):
        return np.empty(0, dtype=np.uint64)
    offsets = np.frombuffer(offset_buffer, dtype=np.int32)
    ends = offsets[values.offset : values.offset + len(values) + 1].tolist()
    view = memoryview(data or b"")
    digest = xxhash.xxh3_64_intdigest
    keys = (digest(view[start:stop]) for start, stop in itertools.pairwise(ends))
    return np.fromiter(keys, dtype=np.uint64, count=len(values))


def are_empty(text_keys: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Which texts, given by their keys uint64 (rows,), have no character: bool (rows,)."""
    empty: NDArray[np.bool_] = text_keys == np.uint64(xxhash.xxh3_64_intdigest(b""))
    return empty


def _where(
    mask: pa.BooleanArray,
    values: pa.StringArray,
    change: Callable[[pa.StringArray], pa.StringArray],
) -> pa.StringArray:
    if not pc.any(mask).as_py():
        return values
    return pc.replace_with_mask(values, mask, change(values.filter(mask)))


def _without_exponents(values: pa.StringArray) -> pa.StringArray:
    """Numbers written out, digit by digit; those with a fraction as they were."""
    written = ((value, format(Decimal(value), "f")) for value in values.to_pylist())
    plain = [out if not out.partition(".")[2].strip("0") else value for value, out in written]
    return pa.array(plain, type=pa.string())


def _unescape(values: pa.StringArray) -> pa.StringArray:
    return pa.array([_unescape_one(value) for value in values.to_pylist()], type=pa.string())


def _unescape_one(value: str) -> str:
    plain = html.unescape(value)
    while plain != value and "&" in plain:
        value, plain = plain, html.unescape(plain)
    return plain


def _blank_controls(values: pa.StringArray) -> pa.StringArray:
    return pc.replace_substring_regex(values, f"[{_CONTROLS}]", " ")


def _strip_markup(values: pa.StringArray) -> pa.StringArray:
    # Removing a tag can complete another one around it; each round removes at least one "<".
    while pc.any(pc.match_substring_regex(values, _MARKUP)).as_py():
        values = pc.replace_substring_regex(values, _MARKUP, " ")
    return values


def _fold_spaces(values: pa.StringArray) -> pa.StringArray:
    return pc.utf8_trim(pc.replace_substring_regex(values, _SPACE_RUN, " "), " ")
