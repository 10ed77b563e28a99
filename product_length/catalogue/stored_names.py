"""What stored columns are called that are not every catalogue's."""

from collections.abc import Iterable

_NUMBER, _CATEGORY, _KEEP = "number ", "category ", "keep "


def number_column(name: str) -> str:
    """The column of one of `data.columns.numbers`."""
    return f"{_NUMBER}{name}"


def category_column(name: str) -> str:
    """The column of one of `data.columns.categories`."""
    return f"{_CATEGORY}{name}"


def keep_column(name: str) -> str:
    """A column that is only handed on."""
    return f"{_KEEP}{name}"


def is_kept(column: str) -> bool:
    """Whether a column is one that is only handed on."""
    return column.startswith(_KEEP)


def number_names(columns: Iterable[str]) -> tuple[str, ...]:
    """The names in `data.columns.numbers` of the number columns among some columns, in order."""
    return _named(_NUMBER, columns)


def category_names(columns: Iterable[str]) -> tuple[str, ...]:
    """The names in `data.columns.categories` of the category columns among some, in order."""
    return _named(_CATEGORY, columns)


def _named(prefix: str, columns: Iterable[str]) -> tuple[str, ...]:
    return tuple(each.removeprefix(prefix) for each in columns if each.startswith(prefix))
