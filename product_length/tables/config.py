"""How a table in a file is written, where it cannot be seen from the file alone."""

import codecs
from typing import Annotated, Literal

from pydantic import AfterValidator, model_validator
from typing_extensions import Self

from product_length.options import Options

AUTO = "auto"
SEPARATOR_WORDS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}
"""Words for the usual separators, which need no quotes on a command line."""
_SPELT = {word: separator for separator, word in SEPARATOR_WORDS.items()} | {"\\t": "\t"}


def _separator(spelt: str) -> str:
    separator = _SPELT.get(spelt.lower(), spelt)
    if separator == AUTO:
        return AUTO
    if (
        len(separator) != 1
        or not separator.isascii()
        or separator.isalnum()
        or separator in '"\r\n\0'
    ):
        raise ValueError(
            f"auto, {', '.join(SEPARATOR_WORDS.values())} or another single character of ASCII, "
            "neither a letter, a digit nor a quote"
        )
    return separator


def _encoding(name: str) -> str:
    if name == AUTO:
        return AUTO
    try:
        "".encode(name)
        codec = codecs.lookup(name)
    except (LookupError, ValueError, TypeError, OSError):
        codec = None
    if codec is None or codec.incrementaldecoder is None:
        raise ValueError(
            f"{name!r} is no encoding that Python knows; such as utf-8, utf-16, cp1252"
        )
    return "utf-8" if codec.name == "utf-8-sig" else codec.name


def _one_character(escape: str) -> str:
    if len(escape) != 1 or not "!" <= escape <= "~" or escape.isalnum() or escape in '",':
        raise ValueError(
            "one character of ASCII, neither a letter nor a digit, a comma or a quote; "
            'a backslash is data.escape="\\\\"'
        )
    return escape


Escape = Annotated[str, AfterValidator(_one_character)]
"""The character that takes the meaning from the one after it in a CSV file."""


class TableOptions(Options):
    """How a table is written; `auto` is found out from the file, and said where it is unusual.

    `separator`: of fields in CSV. `decimal`: the decimal mark of numbers that are written as text.
    `encoding`: of text, by the name that Python has for it. `escape`: what CSV writes before a
    quote inside a quoted field; null where it doubles quotes.
    """

    separator: Annotated[str, AfterValidator(_separator)] = AUTO
    decimal: Literal["auto", ".", ","] = "auto"
    encoding: Annotated[str, AfterValidator(_encoding)] = AUTO
    escape: Escape | None = None

    def as_written(self) -> "TableOptions":
        """How the table is written, without what other options stand beside."""
        return TableOptions(**{name: getattr(self, name) for name in TableOptions.model_fields})

    @model_validator(mode="after")
    def _apart(self) -> Self:
        if self.escape is not None and self.escape == self.separator:
            raise ValueError("escape and separator may not be one character")
        return self
