"""Findings about lengths, and about labels that contradict each other or their texts."""

from collections.abc import Iterator, Sequence

from product_length.evaluation.wording import capitalised, percent
from product_length.profiling.finding import Finding
from product_length.profiling.profile import Profile
from product_length.profiling.stated import UnitSlip
from product_length.profiling.wording import number, ratio, share

_FAR = 100.0
"""So many times the 99% quantile a length is far out."""
_FEW_VALUES = 200
_ON_GRID, _ABOVE_CHANCE = 0.15, 2.0
_HEAVY, _TIMES_ITS_ROWS = 0.2, 3.0
_MANY_REPEATS, _LEAST_FLOOR = 0.01, 0.0005


def findings_of_labels(profile: Profile) -> Iterator[Finding]:
    """In the order in which the page shows their figures."""
    yield from _lengths(profile)
    yield from _grids(profile)
    yield from _short(profile)
    yield from _repeats(profile)
    yield from _near_repeats(profile)
    yield from _unit(profile)


def _lengths(profile: Profile) -> Iterator[Finding]:
    figures, unit = profile.lengths, profile.quantity.unit
    if figures.values == 1:
        text = (
            f"All {profile.quantity.nouns} are {unit.amount(number(figures.least))}: there is "
            "nothing to predict."
        )
        yield Finding("lengths", text, is_fault=profile.rows.kept > 1)
        return
    low, high = figures.quantiles["0.05"], figures.quantiles["0.95"]
    text = (
        f"Nine tenths of the {profile.quantity.nouns} lie between {number(low)} and "
        f"{unit.amount(number(high))}; the median is {number(figures.quantiles['0.5'])}."
    )
    yield Finding("lengths", text)
    under, above = figures.quantiles["0.01"], figures.quantiles["0.99"]
    if under > _FAR * figures.least:
        limit = float(f"{under / 10:.0e}")
        text = (
            f"The shortest is {unit.amount(number(figures.least))}, 99% of the rows are longer "
            f"than {number(under)}: can it be right? data.min_length={limit:g} leaves such "
            "labels out."
        )
        settings = (f"data.min_length={limit:g}",)
        answer = "Leave out lengths that can hardly be right"
        yield Finding("lengths", text, settings, answer, is_fault=True)
    if figures.greatest > _FAR * above:
        limit = float(f"{10 * above:.0e}")
        times = number(figures.greatest / above)
        text = (
            f"The longest is {unit.amount(number(figures.greatest))}, {times} times what 99% of "
            f"the rows are under. Such labels can hardly be right; "
            f"data.max_length={limit:g} leaves them out."
        )
        yield Finding(
            "lengths",
            text,
            (f"data.max_length={limit:g}",),
            "Leave out lengths that can hardly be right",
            is_fault=True,
        )


def _grids(profile: Profile) -> Iterator[Finding]:
    figures = profile.lengths
    grids = [
        each
        for each in figures.grids
        if each.share >= _ON_GRID and each.share >= _ABOVE_CHANCE * each.by_chance
    ]
    if grids and figures.values > 1:
        named = ", ".join(f"{share(each.share)} are {each.name}" for each in grids[:5])
        most = max(each.by_chance for each in grids[:5])
        text = (
            f"{capitalised(profile.quantity.nouns)} are round: {named}; by chance at most "
            f"{share(most)} of any would be."
        )
        yield Finding("lengths", text)
    if 1 < figures.values_of_half <= _FEW_VALUES:
        text = (
            f"{figures.values_of_half:,} values make up half of the rows, "
            f"{figures.values_of_nine_tenths:,} nine tenths. A prediction may be moved to the "
            "nearest value seen in training: snap=true of the predict command."
        )
        yield Finding("lengths", text)


def _short(profile: Profile) -> Iterator[Finding]:
    bands, below = profile.mape.bands, profile.mape.short_below
    if below is None or len(bands) < 2:
        return
    rows = weight = 0.0
    for band in bands[:-1]:
        rows, weight = rows + band.share, weight + band.weight
        if weight >= max(_HEAVY, _TIMES_ITS_ROWS * rows):
            break
    else:
        return
    edge = band.name.lstrip("<≤").split("–")[-1]
    amount = profile.quantity.unit.amount(edge)
    text = (
        f"Rows below {amount} are {share(rows)} of all rows but {share(weight)} of Σ 1/length, by "
        f"which MAPE weighs them. data.min_length={edge} leaves them out of training and of "
        "every figure; do so only if such products will not be predicted."
    )
    yield Finding("MAPE", text, (f"data.min_length={edge}",), "Leave out the shortest products")


def _repeats(profile: Profile) -> Iterator[Finding]:
    figures, kept = profile.repeats, profile.rows.kept
    if figures.rows < _MANY_REPEATS * kept and figures.floor < 0.005:
        return
    apart = (
        f"of these {figures.texts:,} texts {share(figures.disagreeing)} have labels that differ by "
        "more than 1%"
    )
    if figures.ratio is not None:
        apart += f", the middle one of them {ratio(figures.ratio)} times"
    text = f"{share(figures.rows, kept)} of the rows share their whole text with another; {apart}."
    if figures.floor >= _LEAST_FLOOR:
        text += (
            " No model that sees text, type, numbers and categories can have a MAPE below "
            f"{percent(figures.floor)} on the rows of this table."
        )
    else:
        text += " Type, numbers and categories tell nearly all of them apart."
    yield Finding("repeats", text)


def _near_repeats(profile: Profile) -> Iterator[Finding]:
    figures = profile.near_repeats
    if figures.found < 0.05 * figures.searched:
        return
    text = (
        f"{share(figures.found, figures.searched)} of the {figures.searched:,} distinct texts "
        "searched have another that shares 80% of its words: variants of one product."
    )
    if figures.disagreeing is not None:
        text += (
            f" Where both have the same numbers in them, {share(figures.disagreeing)} have another "
            "length"
        )
        text += f" (the middle one {ratio(figures.ratio)} times)." if figures.ratio else "."
    yield Finding("repeats", text)


def _unit(profile: Profile) -> Iterator[Finding]:
    slips = [slip for slip in profile.stated.slips if slip.stands_out]
    warning = profile.unit_warning
    if warning is not None:
        advised = warning.partition("; set ")[2].partition(";")[0]
        of_all = advised.startswith("data.unit=")
        if of_all or not slips:
            settings = (advised,) if of_all else ()
            text = f"The unit: {warning}."
            yield Finding(
                "unit",
                text,
                settings,
                "Read labels in the unit that texts agree with",
                is_fault=True,
                recommended=of_all,
            )
            return
    if slips:
        yield Finding("unit", _slips_in_words(profile, slips), is_fault=True)


def _slips_in_words(profile: Profile, slips: Sequence[UnitSlip]) -> str:
    unit = profile.quantity.unit
    rows = sum(slip.rows for slip in slips)
    piles = "; ".join(
        f"{slip.rows:,} are {factor_in_words(slip.factor)} a stated one ({slip.in_words}; "
        f"{ratio(slip.by_chance)} would be by chance)"
        for slip in slips
    )
    text = (
        f"Of {profile.stated.stating:,} rows that state a length, {rows:,} have labels that look "
        f"like slips of the unit: {piles}. The audit command ranks such rows one by one."
    )
    example = next((slip.examples[0] for slip in slips if slip.examples), None)
    if example is None:
        return text
    return (
        f"{text} Product {example.product_id} states {number(example.stated)}, its label is "
        f"{unit.amount(number(example.length))}."
    )


def factor_in_words(factor: float) -> str:
    """ "2.54 times", "1/25.4 of"."""
    return f"{factor:g} times" if factor >= 1 else f"1/{1 / factor:.4g} of"
