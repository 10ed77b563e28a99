"""How a CSV file is written."""

from dataclasses import dataclass

from product_length.tables.config import SEPARATOR_WORDS

UTF8 = "utf-8"


@dataclass(frozen=True)
class Dialect:
    """What has to be known to read a CSV file."""

    separator: str = ","
    escape: str | None = None
    """The character that takes the meaning from the one after it, if there is one."""
    encoding: str = UTF8
    lines_before: int = 0
    """Lines before the header that belong to no table."""


def separator_words(separator: str) -> str:
    """What a separator is called in a message, in the plural."""
    word = SEPARATOR_WORDS.get(separator)
    return f"{word}s" if word else repr(separator)
