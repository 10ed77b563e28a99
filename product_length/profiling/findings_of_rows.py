"""Findings about rows, fields and types."""

from collections.abc import Iterator

from product_length.catalogue.prepare import LEAST_ROWS
from product_length.catalogue.validate import MISSING_LENGTH, NOT_A_NUMBER, REASONS
from product_length.evaluation.wording import percent, row_count
from product_length.profiling.finding import Finding
from product_length.profiling.profile import Profile
from product_length.profiling.rows import OUTSIDE, DroppedRows
from product_length.profiling.wording import ratio, share

_MANY_DROPPED = 0.01
_MANY_MISSING = 0.3
_FEW_ROWS = 3000
"""With fewer, one split is a matter of luck."""
_LIKE_AN_ID = 0.9
_GAIN = 0.02
_MANY_RARE = 0.1


def findings_of_rows(profile: Profile) -> Iterator[Finding]:
    """In the order in which the page shows their figures."""
    yield from _few(profile)
    yield from _dropped(profile)
    yield from _missing(profile)
    yield from _types(profile)


def _few(profile: Profile) -> Iterator[Finding]:
    kept = profile.rows.kept
    if kept < LEAST_ROWS:
        text = f"Only {row_count(kept)} can be used: training needs {LEAST_ROWS}."
        yield Finding("rows", text, is_fault=True)
    elif kept < _FEW_ROWS:
        text = f"{kept:,} rows are few: one split is luck. Compare recipes over five folds."
        yield Finding("rows", text, ("-m", "sweep=folds"), "Train on all five folds")


def _dropped(profile: Profile) -> Iterator[Finding]:
    read = profile.rows.read
    for each in profile.rows.dropped:
        what = f"{row_count(each.rows)} ({share(each.rows, read)})"
        if each.reason == REASONS[MISSING_LENGTH]:
            yield Finding("rows", f"{what} have no length: those that are to be predicted.")
        elif each.reason == OUTSIDE:
            yield Finding(
                "rows", f"{what} lie {OUTSIDE}{_such_as(each)}; nothing is trained on them."
            )
        else:
            many = each.rows >= _MANY_DROPPED * read
            text = f"{what} are dropped: {each.reason}{_such_as(each)}."
            settings = _cure(each) if many else ()
            yield Finding("rows", text, settings, "Read lengths as they are written", is_fault=many)


def _cure(dropped: DroppedRows) -> tuple[str, ...]:
    if dropped.reason != REASONS[NOT_A_NUMBER]:
        return ()
    if any("," in example for example in dropped.examples):
        return ("data.decimal=,",)
    has_letters = any(letter.isalpha() for each in dropped.examples for letter in each)
    has_digits = any(letter.isdigit() for each in dropped.examples for letter in each)
    return ("data.unit=cell",) if has_letters and has_digits else ()


def _such_as(dropped: DroppedRows) -> str:
    if dropped.examples:
        return f", such as {', '.join(map(repr, dropped.examples))}"
    rows = ", ".join(f"{row:,}" for row in dropped.first_rows[:3])
    return f" (row {rows})" if len(dropped.first_rows) == 1 else f" (rows {rows}, …)"


def _missing(profile: Profile) -> Iterator[Finding]:
    kept = profile.rows.kept
    for each in profile.fields:
        name = each.name.replace("_", " ")
        if each.missing == kept:
            text = f"No row has a {name}: is it in another column?"
            yield Finding("fields", text, is_fault=each.name == "title")
        elif each.missing >= _MANY_MISSING * kept:
            yield Finding("fields", f"{share(each.missing, kept)} of the rows have no {name}.")


def _types(profile: Profile) -> Iterator[Finding]:
    figures, mape = profile.types, profile.mape
    if figures is None:
        text = (
            "No row has a product type. Any column of kinds helps: data.columns.product_type=…, "
            "or data.columns.categories=[…]."
        )
        yield Finding("types", text)
        return
    typed = profile.rows.kept - figures.rows_without
    if typed >= LEAST_ROWS and figures.types >= _LIKE_AN_ID * typed:
        text = f"{figures.types:,} types in {typed:,} rows: is this column an id, not a type?"
        yield Finding("types", text, is_fault=True)
        return
    if mape.constant is not None and mape.type_median is not None:
        gain = mape.constant - mape.type_median
        told = "tell much" if gain >= _GAIN else "tell little"
        text = (
            f"{figures.types:,} types, half of the rows in {figures.half:,} of them. They {told} "
            f"about the {profile.quantity.noun}: the best constant of each type has a MAPE of "
            f"{percent(mape.type_median)} out of fold, one constant for all "
            f"{percent(mape.constant)}."
        )
        yield Finding(
            "types",
            text,
            ("features=[types]",) if gain >= _GAIN else (),
            "Let a model see the type (experiment=best does)",
        )
    if figures.spread_within is not None:
        text = (
            f"Within a type (the median one) the {profile.quantity.nouns} still differ "
            f"{ratio(figures.spread_within)} times from the 10% to the 90% quantile, in all rows "
            f"{ratio(figures.spread)} times."
        )
        yield Finding("types", text)
    if figures.rare_rows >= _MANY_RARE * profile.rows.kept:
        text = (
            f"{share(figures.rare_rows, profile.rows.kept)} of the rows have a type of fewer "
            f"than five rows ({figures.rare_types:,} types), of which little can be learned. Where "
            "types have levels, write them as a path (Home > Kitchen > Mugs): rare ones learn from "
            "the level above."
        )
        yield Finding("types", text)
