"""A page's HTML from a template, with styles, scripts and figures inside, and a security policy.

The policy lets no page load or send anything, and runs only the scripts that it names by hash; a
page that a server sends may talk to that server.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Callable, Sequence
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from product_length.pages.colours import DARK, LIGHT

if TYPE_CHECKING:
    from jinja2 import Environment
    from plotly.graph_objects import Figure

_ROOM = "product_length.pages"


def render(
    template: str,
    *,
    figures: Sequence[Figure] = (),
    scripts: Sequence[str] = (),
    charts: bool | None = None,
    server: bool = False,
    **values: Any,
) -> str:
    """The page that a template of this folder makes of `values`.

    `figures` may be filled while the template renders (`page.Chart`). `scripts`: JavaScript of the
    page beside the kit's. `charts`: whether Plotly is on the page, by default where it has figures.
    `server`: the page may talk to the server that sent it (and to no other).
    """
    body = _environment().get_template(template).render(**values)
    with_charts = bool(figures) if charts is None else charts
    own = [_file("kit.js"), *scripts]
    library = _plotly() if with_charts else None
    hashes = [_sha256(script) for script in own] + ([library.sha256] if library else [])
    page: str = (
        _environment()
        .get_template("shell.html.j2")
        .render(
            title=values.get("title", "product_length"),
            policy=_policy(hashes, server=server),
            style=_markup(_variables() + _file("kit.css")),
            body=_markup(body),
            library=library and _markup(library.packed),
            figures=_markup(_json([json.loads(figure.to_json()) for figure in figures])),
            palette=_markup(_json({colour: name for name, colour in LIGHT.items()})),
            scripts=[_markup(script) for script in own],
        )
    )
    return page


def fragment(template: str, **values: Any) -> dict[str, Any]:
    """A part of a page that a server sends later: `html`, and the `figures` of its charts."""
    figures: list[Any] = []

    def number(figure: Figure) -> int:
        figures.append(json.loads(figure.to_json()))
        return len(figures) - 1

    html = _environment().get_template(template).render(number=number, **values)
    return {"html": html, "figures": figures}


def own_script(name: str) -> str:
    """A page's own JavaScript, a file of this folder."""
    return _file(name)


def _policy(hashes: Sequence[str], *, server: bool) -> str:
    allowed = " ".join(f"'sha256-{each}'" for each in hashes)
    # Plotly writes style elements and attributes of its own.
    policy = f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data:"
    return policy + "; base-uri 'none'; form-action 'none'" + ("; connect-src 'self'" * server)


def _variables() -> str:
    def block(colours: dict[str, str]) -> str:
        return " ".join(f"--{name}: {colour};" for name, colour in colours.items())

    dark = f"@media screen and (prefers-color-scheme: dark) {{ :root {{ {block(DARK)} }} }}\n"
    return f":root {{ {block(LIGHT)} }}\n{dark}"


class _Library:
    """Plotly's JavaScript, packed (gzip, base64) for a page, and the hash of what it unpacks to."""

    def __init__(self, script: str) -> None:
        self.sha256 = _sha256(script)
        packed = gzip.compress(script.encode("utf-8"), 9, mtime=0)
        self.packed = base64.b64encode(packed).decode("ascii")


@lru_cache(maxsize=1)
def _plotly() -> _Library:
    from plotly.offline import get_plotlyjs

    return _Library(get_plotlyjs())


def _sha256(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")


def _json(value: object) -> str:
    """JSON that cannot end the script element it stands in."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


@lru_cache(maxsize=8)
def _file(name: str) -> str:
    return files(_ROOM).joinpath(name).read_text(encoding="utf-8")


def _markup(text: str) -> Any:
    from markupsafe import Markup

    return Markup(text)


@lru_cache(maxsize=1)
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader(_ROOM, package_path=""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    is_kind: Callable[[object, str], bool] = lambda value, kind: type(value).__name__ == kind  # noqa: E731
    environment.tests["kind"] = is_kind
    return environment
