"""Numbers about the measurements that a product's text states, for the network.

All lengths are ln of a length in the unit that is asked for, NaN where none is stated.
"""

import numpy as np
from numpy.typing import NDArray

from product_length.catalogue.text import FIELDS
from product_length.measurements.candidates import Candidates
from product_length.measurements.measurement import Role, Subject, Unit

_ROLES = [role for role in Role if role is not Role.NONE]
_UNITS = [unit for unit in Unit if unit is not Unit.MISSING]
_CHAIN = 3
_OF_GROUP = ("count", "first", "last", "least", "median", "greatest")
_GROUPS = ("with_unit", *FIELDS, "without_unit", "package", "other_thing")


def column_names() -> list[str]:
    """The columns of `measurement_columns`, in order."""
    return [
        *(f"{group}_{name}" for group in _GROUPS for name in _OF_GROUP),
        *(
            f"{role.name.lower()}_{name}"
            for role in _ROLES
            for name in ("stated", "first", "greatest")
        ),
        *(f"chain_{place}" for place in range(_CHAIN)),
        *(f"first_in_{unit.name.lower()}" for unit in _UNITS),
    ]


def pointer_columns() -> list[int]:
    """The columns that each name one stated length: by its side, its place in a chain, its kind.

    Not those of a field, nor last, least and greatest lengths: pointing at them too, MAPE is worse.
    """
    names = column_names()
    wanted = [
        *(f"{role.name.lower()}_first" for role in _ROLES),
        *(f"chain_{place}" for place in range(_CHAIN)),
        "with_unit_first",
        "without_unit_first",
        "package_first",
    ]
    return [names.index(name) for name in wanted]


def measurement_columns(candidates: Candidates, millimetres: float) -> NDArray[np.float32]:
    """Numbers float32 (rows, len(column_names())), NaN where nothing is stated.

    `millimetres`: how many one of the unit is.
    """
    logs = np.log(candidates.values.astype(np.float64) / millimetres)
    there = ~np.isnan(logs)
    of_product = there & (candidates.subjects == Subject.PRODUCT)
    measured = of_product & (candidates.units != Unit.MISSING)
    groups = [
        measured,
        *(measured & (candidates.fields == field) for field in range(len(FIELDS))),
        of_product & (candidates.units == Unit.MISSING),
        there & (candidates.subjects == Subject.PACKAGE),
        there & (candidates.subjects == Subject.OTHER),
    ]
    columns = [column for group in groups for column in _of_group(logs, group)]
    for role in _ROLES:
        mask = of_product & (candidates.roles == role)
        greatest = np.where(mask, logs, -np.inf).max(axis=1, initial=-np.inf)
        stated = mask.any(axis=1)
        columns += [stated, _first(logs, mask), np.where(stated, greatest, np.nan)]
    # `10 x 20 x 5 cm`: the first number of a chain is the one ahead of the first second number.
    second = of_product & (candidates.places == 1)
    begin = np.where(second.any(axis=1), second.argmax(axis=1) - 1, logs.shape[1])
    for place in range(_CHAIN):
        at = begin + place
        inside = np.minimum(at, logs.shape[1] - 1)[:, None]
        chained = (at < logs.shape[1]) & (at >= 0)
        chained &= np.take_along_axis(candidates.places == place, inside, axis=1)[:, 0]
        chained &= np.take_along_axis(there, inside, axis=1)[:, 0]
        value = np.take_along_axis(logs, inside, axis=1)[:, 0]
        columns.append(np.where(chained, value, np.nan))
    first = np.where(of_product.any(axis=1), of_product.argmax(axis=1), 0)[:, None]
    unit = np.take_along_axis(candidates.units, first, axis=1)[:, 0]
    unit = np.where(of_product.any(axis=1), unit, Unit.MISSING)
    columns += [unit == each for each in _UNITS]
    return np.stack([column.astype(np.float32) for column in columns], axis=1)


def _of_group(logs: NDArray[np.float64], mask: NDArray[np.bool_]) -> list[NDArray[np.float64]]:
    """The columns _OF_GROUP of the numbers (rows, most) that `mask` chooses."""
    count = mask.sum(axis=1)
    ordered = np.sort(np.where(mask, logs, np.inf), axis=1)
    ordered[np.isinf(ordered)] = np.nan

    def at(place: NDArray[np.int64]) -> NDArray[np.float64]:
        chosen: NDArray[np.float64] = np.take_along_axis(ordered, place[:, None], axis=1)[:, 0]
        return chosen

    greatest = np.maximum(count - 1, 0)
    median = (at(greatest // 2) + at((greatest + 1) // 2)) / 2
    last = _first(logs[:, ::-1], mask[:, ::-1])
    return [np.log1p(count), _first(logs, mask), last, ordered[:, 0], median, at(greatest)]


def _first(logs: NDArray[np.float64], mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """In each row the first number that `mask` chooses, NaN without one, float64 (rows,)."""
    value = np.take_along_axis(logs, mask.argmax(axis=1)[:, None], axis=1)[:, 0]
    return np.where(mask.any(axis=1), value, np.nan)
