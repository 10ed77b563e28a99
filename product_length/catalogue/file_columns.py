"""Which columns of a table hold what is known of a product."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from product_length.catalogue.config import Columns
from product_length.catalogue.text import FIELDS
from product_length.errors import UserError

_MOST_SHOWN = 200
"""Names of a header that are shown in a message."""


@dataclass(frozen=True)
class FileColumns:
    """Names of a table's columns.

    `product_id`: None, a product is called by the number of its row. `fields`: by text field, none
    or some. `numbers`, `categories`: by the names they have in training, None where the table has
    no such column. `length`: None where lengths are not read. `keep`: what is only handed on.
    """

    product_id: str | None
    fields: Mapping[str, tuple[str, ...]]
    product_type: str | None
    numbers: Mapping[str, str | None]
    categories: Mapping[str, str | None]
    length: str | None
    keep: tuple[str, ...] = ()

    @classmethod
    def of(cls, columns: Columns, *, with_lengths: bool = True) -> FileColumns:
        """The columns that `data.columns` names."""
        return cls(
            product_id=columns.product_id,
            fields={field: tuple(getattr(columns, field)) for field in FIELDS},
            product_type=columns.product_type,
            numbers={name: name for name in columns.numbers},
            categories={name: name for name in columns.categories},
            length=columns.length if with_lengths else None,
        )

    def each(self) -> Iterator[tuple[str, str]]:
        """Key of data.columns and name, of all columns that are read."""
        if self.product_id is not None:
            yield "product_id", self.product_id
        for field, names in self.fields.items():
            yield from ((field, name) for name in names)
        if self.product_type is not None:
            yield "product_type", self.product_type
        for key, columns in (("numbers", self.numbers), ("categories", self.categories)):
            yield from ((key, name) for name in columns.values() if name is not None)
        if self.length is not None:
            yield "length", self.length

    @property
    def as_numbers(self) -> list[str]:
        """The columns that are read as numbers, each once."""
        named = [name for name in (*self.numbers.values(), self.length) if name is not None]
        return list(dict.fromkeys(named))

    @property
    def as_text(self) -> list[str]:
        """The columns that are read as text, each once."""
        named = [name for key, name in self.each() if key not in ("numbers", "length")]
        return list(dict.fromkeys([*named, *self.keep]))

    def check(self, table: str, present: Sequence[str]) -> None:
        """Raise UserError naming every column that is missing or occurs twice in a table."""
        faults = []
        for key, name in [*self.each(), *(("keep", name) for name in self.keep)]:
            count = present.count(name)
            if count > 1:
                faults.append(f"column {name!r} occurs {count} times; rename or remove the others")
            elif not count:
                faults.append(absent_column(key, name, present))
        if faults:
            raise UserError(
                f"{table}: {'; '.join(faults)}; the table has: {shown_columns(present)}"
            )

    def without(self, absent: Sequence[str]) -> FileColumns:
        """The same where the table has no columns of these names: read as missing."""
        gone = frozenset(absent)
        return replace(
            self,
            fields={
                field: tuple(name for name in names if name not in gone)
                for field, names in self.fields.items()
            },
            product_id=None if self.product_id in gone else self.product_id,
            product_type=None if self.product_type in gone else self.product_type,
            numbers={key: None if name in gone else name for key, name in self.numbers.items()},
            categories={
                key: None if name in gone else name for key, name in self.categories.items()
            },
        )


def absent_column(key: str, name: str, present: Sequence[str]) -> str:
    """In words that a column of `data.columns.KEY`, or of `keep`, is not among the `present`."""
    near = nearest_names(name, present)
    hint = f", did you mean {' or '.join(map(repr, near))}?" if near else ""
    return f"no column {name!r}{hint} ({key if key == 'keep' else f'data.columns.{key}'})"


def shown_columns(present: Sequence[str]) -> str:
    """The columns of a table in words, as far as a message has room."""
    more = f", … ({len(present)} in all)" if len(present) > _MOST_SHOWN else ""
    return ", ".join(repr(name) for name in present[:_MOST_SHOWN]) + more


def nearest_names(name: str, present: Sequence[str]) -> list[str]:
    """At most three of the `present` names that look like `name`, the nearest first."""
    folded = {other.strip().casefold(): other for other in reversed(present)}
    wanted = name.strip().casefold()
    close = difflib.get_close_matches(wanted, folded, n=3, cutoff=0.7)
    close += [other for other in folded if other and (wanted in other or other in wanted)]
    return [folded[each] for each in dict.fromkeys(close)][:3]
