"""How numbers are shown to people: percentages, ranges, counts, durations."""

from product_length.catalogue.units import CatalogueUnit
from product_length.decision.config import Decision
from product_length.evaluation.bands import Bands, plain_number
from product_length.evaluation.estimates import Estimate
from product_length.evaluation.metrics import MAPE, Metric
from product_length.evaluation.resampling import Difference

NOTHING = "–"
_MINUS = "−"


def shortened(text: str, most: int) -> str:
    """A text of at most so many characters, its end cut where it has more."""
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def capitalised(text: str) -> str:
    """The text with a capital at its start; names within it stay as they are."""
    return text[:1].upper() + text[1:]


def percent(fraction: float | None, digits: int = 1) -> str:
    """A fraction as a percentage: 0.5182 is "51.8%"; "–" for None."""
    return NOTHING if fraction is None else f"{100 * fraction:.{digits}f}%"


def metric_title(metric: Metric, bands: Bands, unit: CatalogueUnit) -> str:
    """The name of a metric in a catalogue: "MAPE", "MAPE ≥ 30 cm"."""
    if not metric.without_short or bands.short_below is None:
        return metric.title
    return f"{MAPE.title} ≥ {unit.amount(plain_number(bands.short_below))}"


def decision_in_words(decision: Decision | None) -> str:
    """What predictions are decided for, in one line."""
    match decision:
        case None:
            return "decision: none, since the loss emits one length"
        case "mape":
            return "decision: mape, the value with the least expected MAPE"
        case "median":
            return (
                "decision: median, the typical value; MAPE prefers lower ones, see it under its "
                "own decision below"
            )
        case _:
            return f"decision: {decision}; see MAPE under its own decision below"


def metric_value(metric: Metric, value: float | None) -> str:
    """A metric's value as people read it: "51.8%", "0.551"; "–" for None."""
    if value is None:
        return NOTHING
    return percent(value, metric.digits) if metric.is_percentage else f"{value:.{metric.digits}f}"


def metric_range(metric: Metric, estimate: Estimate) -> str:
    """The interval of a metric: "51.2–52.4%", "0.549–0.553"; "–" where there is none."""
    if estimate.low is None or estimate.high is None:
        return NOTHING
    low, high = (metric_value(metric, end) for end in (estimate.low, estimate.high))
    return f"{low.removesuffix('%')}–{high}"


def metric_with_range(metric: Metric, estimate: Estimate) -> str:
    """A metric with its interval: "51.8% (51.2–52.4%)"."""
    value = metric_value(metric, estimate.value)
    return value if estimate.low is None else f"{value} ({metric_range(metric, estimate)})"


def points(difference: Difference) -> str:
    """A MAPE difference with its interval, in points: "−4.3 (−5.6 to −3.1)"."""
    value = signed(100 * difference.value)
    if difference.low is None or difference.high is None:
        return value
    return f"{value} ({signed(100 * difference.low)} to {signed(100 * difference.high)})"


def signed(value: float) -> str:
    """A number with its sign and at least one significant decimal: "+0.04", "−5.6", "0.0"."""
    digits = 1
    while value and digits < 4 and round(value, digits) == 0:
        digits += 1
    shown = f"{abs(value):.{digits}f}"
    if float(shown) == 0:
        return "0.0"
    return f"{'+' if value > 0 else _MINUS}{shown}"


def count(value: int | None) -> str:
    """A count with separators: "2,249,698"."""
    return NOTHING if value is None else f"{value:,}"


def row_count(rows: int) -> str:
    """A number of rows: "1 row", "2,249,698 rows"."""
    return f"{rows:,} row" if rows == 1 else f"{rows:,} rows"


def duration(seconds: float) -> str:
    """A time to read: "0.4 s", "38 s", "12 min 05 s", "3 h 07 min"."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02d} min"


def name_in_words(name: str) -> str:
    """An identifier as words: "type_median" is "type median"."""
    return name.replace("_", " ")


def text_table(header: list[str], rows: list[list[str]], numeric_from: int = 1) -> str:
    """A table for a terminal: columns from `numeric_from` on are aligned to the right."""
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]

    def line(cells: list[str]) -> str:
        padded = (
            cell.ljust(width) if i < numeric_from else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(cells, widths, strict=True))
        )
        return "  ".join(padded).rstrip()

    return "\n".join([line(header), "  ".join("─" * width for width in widths), *map(line, rows)])
