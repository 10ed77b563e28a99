"""How figures of a profile are shown to people."""

from product_length.evaluation.wording import percent

_SIGNIFICANT = 4


def number(value: float) -> str:
    """A length, or a ratio of lengths, to four digits: "393.7", "0.025", "1,968,504"."""
    if value == 0:
        return "0"
    digits = f"{value:.{_SIGNIFICANT}g}"
    if abs(value) >= 10**_SIGNIFICANT:
        return f"{value:,.0f}"
    plain = f"{float(digits):f}".rstrip("0").rstrip(".") if "e" in digits else digits
    whole, point, rest = plain.partition(".")
    return f"{int(whole):,}{point}{rest}" if whole.lstrip("-") not in ("", "0") else plain


def share(part: float, whole: float = 1) -> str:
    """A share as a percentage that does not hide what is small: "51%", "0.3%", "<0.1%"."""
    fraction = part / whole if whole else 0.0
    if 0 < fraction < 0.001:
        return "<0.1%"
    if 0.999 < fraction < 1:
        return ">99.9%"
    near_an_end = min(fraction, 1 - fraction) < 0.0995
    return percent(fraction, 1 if near_an_end and fraction not in (0.0, 1.0) else 0)


def ratio(value: float) -> str:
    """A ratio to two digits: "2.5", "16", "1,900"."""
    return f"{value:.2g}" if value < 100 else f"{float(f'{value:.2g}'):,.0f}"
