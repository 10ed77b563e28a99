"""Paths and other texts as people type them, made into what Hydra's grammar reads as that text.

In Hydra's grammar `,` separates the values of a sweep, and `=`, brackets, braces, `~` and quotes
have meanings of their own. Where a key takes a text these are part of the text, unless the value
is quoted, an interpolation (`${…}`), null, or a list for a key that takes several.
"""

import os
import re
import shlex
import types
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Union, get_args, get_origin

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, Quote, QuotedString, Sweep
from hydra.errors import HydraException
from pydantic import BaseModel

from product_length.errors import ConfigError

_FOLDERS = ("hydra.run.dir", "hydra.sweep.dir", "hydra.sweep.subdir")
_QUOTED = r"""\s*(?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')\s*"""
_PIECE = re.compile(rf"{_QUOTED}(?=,|$)|(?:\\.|[^,])*", re.DOTALL)
_OVERRIDE = re.compile(r"(\+{0,2})([\w.$/-]+)=(.*)", re.DOTALL)


def text_fields(schema: Any, prefix: str = "") -> Iterator[tuple[str, bool]]:
    """The keys that take a text, dotted, `*` for any name; with each, whether it takes a list."""
    origin = get_origin(schema)
    if schema in (str, Path):
        yield prefix, False
    elif isinstance(schema, type) and issubclass(schema, BaseModel):
        for name, field in schema.model_fields.items():
            yield from text_fields(field.annotation, f"{prefix}.{name}" if prefix else name)
    elif origin is Annotated:
        yield from text_fields(get_args(schema)[0], prefix)
    elif origin in (Union, types.UnionType):
        for each in get_args(schema):
            yield from text_fields(each, prefix)
    elif origin in (list, tuple):
        yield from ((key, True) for key, _ in text_fields(get_args(schema)[0], prefix))
    elif origin is dict:
        yield from text_fields(get_args(schema)[1], f"{prefix}.*")


class TextValues:
    """Rewrites overrides of a schema's text keys, and leaves all others as they are."""

    def __init__(self, schema: type[BaseModel], *, multirun: bool) -> None:
        self._fields = dict.fromkeys(_FOLDERS, False) | dict(text_fields(schema))
        self._multirun = multirun
        self._parser = OverridesParser.create()

    def rewritten(self, override: str) -> str:
        """The override as Hydra reads it as meant; raises ConfigError where that is not clear."""
        parts = _OVERRIDE.fullmatch(override)
        if parts is None or (takes_list := self._takes_list(parts[2])) is None:
            return override
        plus, key, value = parts.groups()
        if key in _FOLDERS and value.startswith("~"):
            value = os.path.expanduser(value)  # noqa: PTH111 -- Path would lose a last slash
        pieces = _pieces(value)
        if takes_list and value.startswith("[") and value.endswith("]"):
            inner = [self._text(each) for each in _joined(_pieces(value[1:-1]))]
            value = f"[{','.join(inner)}]"
        elif self._read(value) is _SWEPT_BY_FUNCTION:
            pass
        elif self._multirun and len(pieces) > 1 and key not in _FOLDERS:
            value = ",".join(self._text(each) for each in _joined(pieces))
        elif takes_list and len(pieces) > 1 and not _exists(value):
            listed = shlex.quote(f"{plus}{key}=[{value}]")
            raise ConfigError(
                f"{key}={value}: nothing has this name; several are written as a list: {listed}"
            )
        else:
            value = self._text(value)
        return f"{plus}{key}={value}"

    def _takes_list(self, key: str) -> bool | None:
        """Whether a key takes a list of texts; None: it takes no text."""
        parts = key.split(".")
        for pattern, takes_list in self._fields.items():
            names = pattern.split(".")
            if len(names) == len(parts) and all(
                name in ("*", part) for name, part in zip(names, parts, strict=True)
            ):
                return takes_list
        return None

    def _read(self, value: str) -> Any:
        """What Hydra makes of a value; `_UNREADABLE` if nothing."""
        try:
            read = self._parser.parse_override(f"key={value}").value()
        except HydraException:
            return _UNREADABLE
        if isinstance(read, Sweep) and not (isinstance(read, ChoiceSweep) and read.simple_form):
            return _SWEPT_BY_FUNCTION
        return read

    def _text(self, value: str) -> str:
        """One value, quoted where Hydra would make something else of it than its text."""
        read = self._read(value)
        in_quotes = read is not _UNREADABLE and re.fullmatch(_QUOTED, value, re.DOTALL)
        if value == "" or read is None or in_quotes:
            return value
        # Hydra's own escapes (`a\,b`) and interpolations are read as Hydra reads them.
        as_hydra_reads = value == value.strip() and ("\\" in value or "${" in value)
        if isinstance(read, str) and (read == value or as_hydra_reads):
            return value
        return quoted(value)


_UNREADABLE = object()
_SWEPT_BY_FUNCTION = object()


def quoted(text: str) -> str:
    """A text in quotes, which Hydra and OmegaConf read as this text whatever it holds.

    Only OmegaConf's own interpolations, such as `${oc.env:NAME}`, stay what they are.
    """
    literal = re.sub(r"\$\{(?!oc\.)", r"\\${", text)
    return str(QuotedString(literal, Quote.double).with_quotes())


def _pieces(value: str) -> list[str]:
    """A value cut at its commas, but for those in quotes or behind a backslash."""
    pieces, at = [], 0
    while True:
        piece = _PIECE.match(value, at)
        assert piece is not None  # it matches nothing, too
        pieces.append(piece[0])
        at = piece.end() + 1
        if at > len(value):
            return pieces


def _joined(pieces: Sequence[str]) -> list[str]:
    """The same with their commas where only together they name something that exists."""
    if all(map(_exists, pieces)):
        return list(pieces)
    joined, at = [], 0
    while at < len(pieces):
        ends = range(len(pieces), at + 1, -1)
        end = next((end for end in ends if _exists(",".join(pieces[at:end]))), at + 1)
        joined.append(",".join(pieces[at:end]))
        at = end
    return joined


def _exists(path: str) -> bool:
    # Unlike Path.exists this is False, not an error, for what can be no path.
    return os.path.exists(os.path.expanduser(path))  # noqa: PTH110, PTH111
