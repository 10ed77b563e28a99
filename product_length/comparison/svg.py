"""Parts of an SVG chart: lines, marks, labels, and the scales that place them.

Colours, fonts and dark mode are the page's business (CSS classes), so that a chart stays legible
wherever the page is read. Series are told apart by colour and by the shape of their marks.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

WIDTH = 520
SERIES = 8
"""So many recipes get a colour of their own; the others are grey behind them."""

_LOG_RATIO = 4


@dataclass(frozen=True)
class Text:
    """A label; `whole` is the text before it was cut, or empty."""

    x: float
    y: float
    text: str
    anchor: str = "start"
    kind: str = "tick"
    whole: str = ""


@dataclass(frozen=True)
class Stroke:
    """A line through points, "x,y x,y …"."""

    points: str
    kind: str


@dataclass(frozen=True)
class Mark:
    """A value: a shape of series `series` (0, 1, … or -1 for the grey ones) around (x, y).

    `seed` marks the value of a single run beside its recipe's mean.
    """

    x: float
    y: float
    series: int
    tip: str
    points: str
    seed: bool = False


@dataclass
class Chart:
    """One SVG, WIDTH units wide; `legend` holds series and names."""

    title: str
    description: str
    height: float
    texts: list[Text] = field(default_factory=list)
    strokes: list[Stroke] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    legend: list[tuple[int, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Scale:
    """Places a value between `start` and `stop`, linearly or by its logarithm."""

    low: float
    high: float
    start: float
    stop: float
    logarithmic: bool

    def __call__(self, value: float) -> float:
        """Where the value stands, in SVG units; one outside the scale stands at its end."""
        low, high, at = self.low, self.high, min(max(value, self.low), self.high)
        if self.logarithmic:
            low, high, at = math.log(low), math.log(high), math.log(at)
        return round(self.start + (at - low) / (high - low) * (self.stop - self.start), 1)

    def ticks(self) -> list[float]:
        """Round values (1, 2, 5 times a power of ten) within the scale, some four to eight."""
        if not self.logarithmic:
            rough = (self.high - self.low) / 5
            power = 10.0 ** math.floor(math.log10(rough))
            step = next(m * power for m in (1, 2, 5, 10) if m * power >= rough * 0.999)
            first = math.ceil(self.low / step - 1e-9)
            last = math.floor(self.high / step + 1e-9)
            return [round(i * step, 10) for i in range(first, last + 1)]
        decades = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        for factors in ((1, 2, 5), (1, 3), (1,)):
            found = [
                round(m * 10.0**k, 10)
                for k in decades
                for m in factors
                if self.low <= m * 10.0**k <= self.high
            ]
            if len(found) <= 8:
                break
        return found


def scale_of(values: Sequence[float], start: float, stop: float) -> Scale:
    """A scale that holds all positive values with some air; logarithmic when they span far.

    Intervals that end at zero run to its end.
    """
    positive = [value for value in values if value > 0] or [1.0]
    low, high = min(positive), max(positive)
    if high > _LOG_RATIO * low:
        return Scale(low / 1.15, high * 1.15, start, stop, logarithmic=True)
    air = 0.06 * (high - low) or 0.1 * high
    return Scale(max(0.0, low - air), high + air, start, stop, logarithmic=False)


def shape(series: int, x: float, y: float, size: float = 6.0) -> str:
    """Corners of the mark of a series around (x, y).

    In order: disc, square, triangle, diamond, triangle down, star, four-pointed star, triangle
    right.
    """
    corners, turn, waist = (
        (24, 0, 1.0),
        (4, 45, 1.0),
        (3, -90, 1.0),
        (4, 0, 1.0),
        (3, 90, 1.0),
        (10, -90, 0.45),
        (8, 0, 0.4),
        (3, 0, 1.0),
    )[series % SERIES]
    ends = []
    for i in range(corners):
        angle = math.radians(turn + 360 * i / corners)
        reach = size * (waist if i % 2 else 1.0)
        ends.append(f"{x + reach * math.cos(angle):.1f},{y + reach * math.sin(angle):.1f}")
    return " ".join(ends)


def x_axis(chart: Chart, scale: Scale, top: float, bottom: float, label: str) -> None:
    """Lines, percentages and name of a horizontal axis."""
    for tick in scale.ticks():
        x = scale(tick)
        chart.strokes.append(Stroke(f"{x},{top} {x},{bottom}", "grid"))
        chart.texts.append(Text(x, bottom + 18, f"{tick:g}%", "middle"))
    kind = ", logarithmic" if scale.logarithmic else ""
    chart.texts.append(Text(WIDTH / 2, bottom + 38, label + kind, "middle", "axis"))


def y_axis(chart: Chart, scale: Scale, left: float, name: str, unit: str) -> None:
    """Lines and values of a vertical axis; the chart's description names it."""
    for tick in scale.ticks():
        y = scale(tick)
        chart.strokes.append(Stroke(f"{left},{y} {WIDTH - 8},{y}", "grid"))
        chart.texts.append(Text(left - 8, y + 5, f"{tick:g}{unit}", "end"))
    chart.description += f" The {name} axis is logarithmic." if scale.logarithmic else ""
