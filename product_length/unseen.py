"""What a recipe meets that it does not know: counted, and logged in one line."""

import logging
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

WARN_FROM = 0.1
"""From this share of the rows on the line is a warning."""

_FIRST = 16  # columns that distinguish most rows from those of zeros


def log_unseen(
    log: logging.Logger, where: str, rows: int, counts: Mapping[str, int], advice: str = ""
) -> None:
    """Say how many of so many rows each of `counts` holds of, by what holds of them.

    A warning, with `advice`, from a share of `WARN_FROM` on.
    """
    found = [f"{count:,} ({count / rows:.1%}) {what}" for what, count in counts.items() if count]
    line = f"of {rows:,} rows {', '.join(found)}" if found else f"{rows:,} rows, nothing unknown"
    if any(is_much(count, rows) for count in counts.values()):
        log.warning("warning: %s: %s%s", where, line, f": {advice}" if advice else "")
    else:
        log.info("%s: %s", where, line)


def any_of(
    unseen: Iterable[Mapping[str, NDArray[np.bool_]]],
) -> dict[str, NDArray[np.bool_]]:
    """Rows, bool (rows,), that any of several says something of, by what is said."""
    found: dict[str, NDArray[np.bool_]] = {}
    for each in unseen:
        for what, holds in each.items():
            found[what] = found[what] | holds if what in found else holds
    return found


def counted(unseen: Mapping[str, NDArray[np.bool_]]) -> dict[str, int]:
    """How many rows there are, by what is said of them."""
    return {what: int(holds.sum()) for what, holds in unseen.items()}


def is_much(count: int, rows: int) -> bool:
    """Whether so many of the rows are a reason to warn."""
    return count > 0 and count >= WARN_FROM * rows


def distinct_types(types: pa.ChunkedArray) -> list[str]:
    """The types of rows, string (rows,), each once, in the order of their names, without ""."""
    return sorted(set(pc.unique(types).to_pylist()) - {"", None})


def unseen_types(types: pa.ChunkedArray, seen: Collection[str]) -> dict[str, NDArray[np.bool_]]:
    """Which types, string (rows,), are missing ("") and which are not among the `seen` ones.

    bool (rows,) each, by what is said of such rows; nothing where no type was seen.
    """
    if not seen:
        return {}
    missing: NDArray[np.bool_] = pc.equal(types, "").to_numpy(zero_copy_only=False)
    known = pc.is_in(types, value_set=pa.array(seen, types.type)).to_numpy(zero_copy_only=False)
    return {
        "have no product type": missing,
        "have a product type that training did not have": ~(known | missing),
    }


def are_blank(outputs: NDArray[Any]) -> NDArray[np.bool_]:
    """Which rows an encoder saw nothing in, bool (rows,): those whose outputs (rows, d) are 0."""
    blank = np.asarray(~outputs[:, :_FIRST].any(axis=1))
    suspects = np.flatnonzero(blank)
    blank[suspects] = ~outputs[suspects].any(axis=1)
    return blank


def are_beyond(lengths: NDArray[np.floating[Any]], reach: tuple[float, float]) -> NDArray[np.bool_]:
    """Which lengths (rows,) lie beyond the ends of a range, in the same unit: bool (rows,)."""
    least, greatest = reach
    return (lengths < least) | (lengths > greatest)
