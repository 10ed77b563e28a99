"""The colours of every page and chart, light and dark, and which name has which.

Figures are made in the light theme's colours, so that they also stand alone; a page's script puts
in their place what its CSS variables hold. The series are after Okabe & Ito (2008), for any of the
usual colour deficiencies; symbols and dashes differ as well.
"""

from dataclasses import dataclass

LIGHT = {
    "page": "#fafaf8",
    "card": "#ffffff",
    "ink": "#1c1f23",
    "soft": "#565d66",
    "line": "#d7dade",
    "grid": "#e8eaed",
    "rest": "#a9afb6",
    "best": "#eaf3fb",
    "warn": "#fdf1dc",
    "s0": "#0072b2",
    "s1": "#c44e00",
    "s2": "#00795a",
    "s3": "#a8458f",
    "s4": "#806300",
    "s5": "#1596b8",
    "s6": "#4a4f55",
    "s7": "#882255",
    "p0": "#c7e0f0",
    "p1": "#f6d5c0",
    "p2": "#c2e3d9",
    "p3": "#ead3e4",
}
"""By the names of CSS variables: surfaces, text, series s0 to s7, pale fills p0 to p3."""

DARK = {
    "page": "#14171a",
    "card": "#1c2024",
    "ink": "#e8eaed",
    "soft": "#a9b0b8",
    "line": "#383e45",
    "grid": "#2c3137",
    "rest": "#5d656e",
    "best": "#1c3040",
    "warn": "#3a2f18",
    "s0": "#56b4e9",
    "s1": "#ff9350",
    "s2": "#2fcf9f",
    "s3": "#e39ac9",
    "s4": "#e8c547",
    "s5": "#9db8ff",
    "s6": "#c9ced4",
    "s7": "#ff8fa8",
    "p0": "#234b63",
    "p1": "#6b4128",
    "p2": "#1d5546",
    "p3": "#5f4055",
}

SERIES = 8
"""So many recipes get a colour of their own; the others are grey."""

INK, SOFT, LINE, GRID, REST = (LIGHT[name] for name in ("ink", "soft", "line", "grid", "rest"))
PALE = tuple(LIGHT[f"p{i}"] for i in range(4))
_SYMBOLS = ("circle", "square", "triangle-up", "diamond", "triangle-down", "star", "cross", "x")
_DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot", "5px,2px,1px,2px", "2px")


@dataclass(frozen=True)
class Look:
    """How a series is shown, in Plotly's words: colour, symbol of its marks, dash of its lines."""

    colour: str
    symbol: str
    dash: str


MODEL = Look(LIGHT["s0"], "circle", "solid")
ORACLE = Look(LIGHT["ink"], "star", "dot")
_OTHERS = Look(LIGHT["rest"], "circle", "solid")
_SECOND, _THIRD = Look(LIGHT["s1"], "square", "dash"), Look(LIGHT["s2"], "triangle-up", "dot")
TRAIN, VAL, TEST = _SECOND, MODEL, _THIRD
_BASELINES = {
    "type median": Look(LIGHT["s1"], "square", "dash"),
    "neighbour median": Look(LIGHT["s2"], "triangle-up", "dot"),
    "tfidf ridge": Look(LIGHT["s3"], "diamond", "dashdot"),
    "constant": Look(LIGHT["s4"], "triangle-down", "longdash"),
}


def series(number: int) -> Look:
    """The look of the series of this number, from 0; grey from `SERIES` on."""
    if number >= SERIES:
        return _OTHERS
    return Look(LIGHT[f"s{number}"], _SYMBOLS[number], _DASHES[number])


def of_baseline(name: str) -> Look:
    """The look of a baseline by its name in words, the same on every page; grey for a new one."""
    if name.startswith("oracle"):
        return ORACLE
    return _BASELINES.get(name, Look(LIGHT["s6"], "cross", "longdashdot"))
