"""From a text to the measurements that it states.

Numbers are found with the units that follow them, joined to chains (`10 x 20 x 5 cm`, `3-5 inch`),
and the words around say which side of what they measure.
"""

import re
from itertools import pairwise

from product_length.measurements.bare_sizes import is_bare_size
from product_length.measurements.context import (
    WORDS,
    Single,
    depths_in_lists,
    first_behind,
    role_behind,
    role_of_axis,
    role_of_lead,
    roles_of_axes,
    roles_of_header,
    unit_around,
)
from product_length.measurements.measurement import (
    LENGTH_OF,
    LONGEST,
    SHORTEST,
    Measurement,
    Role,
    Subject,
    Unit,
)
from product_length.measurements.quantities import (
    LED,
    TIMES,
    TO,
    WIDEST_GAP,
    Quantity,
    char_ahead,
    quantities,
)
from product_length.measurements.spelling import spell_out
from product_length.measurements.subject import subject_of

PARSER_VERSION = 5
"""Part of the address of what was parsed; raise it whenever a text would give others."""

_BEFORE = 48
"""Characters ahead of a measurement that are looked at."""
_TIMES, _TO = re.compile(TIMES), re.compile(TO)
_PLAIN_TIMES = frozenset(f"{space}{cross}{space}" for space in ("", " ") for cross in "xX×*")
_AXIS_BEHIND = re.compile(r"\.?\ ?[(\[]?\ ?([LWHDBTlwhdbt])\ ?[)\]]?(?![^\W_])")
_IDEOGRAPHS = re.compile("[\u2e80-\u9fff]+")
_NONE, _SIZE, _DIAMETER = Role.NONE, Role.SIZE, Role.DIAMETER  # looking members up takes time
_WIDEST_RANGE = 4.0
_COUNTED = re.compile(r"(?i)\b(?:pack|set|box|lot|pair|combo|case)s?\ (?:of\ )?$")
_BETWEEN = re.compile(r"(?i)\b(?:between|from|zwischen|von|entre|de|da|tra|fra)\ $")
_MAX_IN_CHAIN = 4
_EQUALS = re.compile(r"\ ?=\ ?[0-9]")
# What mostly stands right ahead of a number of its own.
_PLAIN = frozenset(("", " ", "(", ":", "-", ","))


def measurements(text: str, max_count: int | None = None) -> list[Measurement]:
    """What `text` states, in its order, the first `max_count`; `Subject.OTHER` marks decoys."""
    return measurements_of_plain(spell_out(text), max_count)


def measurements_of_plain(
    text: str, max_count: int | None = None, places: list[tuple[int, int]] | None = None
) -> list[Measurement]:
    """The same of a text which `spell_out` returned or would not change.

    `places` gets, for each measurement, where it stands; one more than `max_count` may be added.
    """
    found: list[Measurement] = []
    singles: list[Single] = []
    # Decoys such as `1 inch = 2.54 cm` are dropped, and a last chain is to be whole.
    numbers = quantities(text, None if max_count is None else 2 * max_count + _MAX_IN_CHAIN)
    diameters = False
    at = last_end = 0
    count = len(numbers)
    # One more than the first `max_count`, since what follows a D can show what it means.
    while at < count and (max_count is None or len(found) <= max_count):
        first = numbers[at]
        at += 1
        start, _, end, unit, _, joins, _, _ = first  # faster than one after the other
        if not (unit or joins or _led_by_unit(text, first, last_end)):
            continue
        chain: list[Quantity] = [first]
        names: list[str] | None = []
        if joins and at < count:
            chain, names = _chain(text, numbers, at - 1)
            at += len(chain) - 1
            end = chain[-1].end
        if not unit:
            if len(chain) == 1 and joins and not _led_by_unit(text, first, last_end):
                continue
        elif "=" in text[end : end + 2] and _EQUALS.match(text, end) and first.value(text) == 1:
            at += 1  # `1 inch = 2.54 cm`
            continue
        far = start - _BEFORE
        before = text[far if far > last_end else last_end : start]
        stated = _stated(text, chain, names, before)
        if stated:
            if len(chain) == 1:
                role = stated[0].role
                singles.append((start, end, len(found), role))
                diameters |= role is _DIAMETER
            found += stated
            if places is not None:
                places += [(start, end)] * len(stated)
            last_end = end
    if diameters and len(singles) > 1:
        for each in depths_in_lists(text, singles):
            found[each] = found[each]._replace(role=Role.DEPTH)
    return found if max_count is None else found[:max_count]


def _chain(text: str, numbers: list[Quantity], at: int) -> tuple[list[Quantity], list[str] | None]:
    """The numbers from `at` on that belong together, and for each the name of its side, or "".

    None for the names of a range.
    """
    chain, names = [numbers[at]], [""]
    for right in numbers[at + 1 : at + _MAX_IN_CHAIN]:
        left = chain[-1]
        if not left.joins or right.start - left.end > WIDEST_GAP:
            break
        if text[left.end : right.start] in _PLAIN_TIMES:  # most; the rest would come to the same
            chain.append(right)
            names.append("")
            continue
        times = _TIMES.fullmatch(text, left.end, right.start)
        if times is None:
            if len(chain) == 1 and _is_range(text, left, right):
                return [left._replace(unit=right.unit), right], None
            break
        enclosed, behind, ahead = times.groups("")
        behind = enclosed or behind
        if behind and not role_of_axis(behind):
            break
        if ahead and not role_of_axis(ahead):
            if not _IDEOGRAPHS.fullmatch(ahead):
                break
            ahead = ""
        names[-1] = names[-1] or behind
        chain.append(right)
        names.append(ahead)
    if len(chain) > 1 and not names[-1]:
        behind_last = _AXIS_BEHIND.match(text, chain[-1].end)
        if behind_last and (names[-2] or behind_last[1].isupper()):
            names[-1] = behind_last[1]
    return chain, names


def _is_range(text: str, low: Quantity, high: Quantity) -> bool:
    """`3-5 inch`, `3 inch to 5 inch`; not `pack of 2 - 3 inch`."""
    if not high.unit or low.unit not in (Unit.MISSING, high.unit):
        return False
    joint = _TO.fullmatch(text, low.end, high.start)
    if joint is None:
        return False
    ahead = text[max(0, low.start - 12) : low.start]
    least = low.value(text)
    near = least < high.value(text) <= least * _WIDEST_RANGE
    if near and not joint["and"]:
        return bool(low.unit) or not _COUNTED.search(ahead)
    return not low.unit and _BETWEEN.search(ahead) is not None


def _led_by_unit(text: str, number: Quantity, last_end: int) -> bool:
    """`Length (cm): 30`: a number alone whose side and unit were said ahead of it."""
    start = number.start
    if char_ahead(text, start) not in LED:
        return False
    before = text[max(last_end, start - _BEFORE) : start]
    said = "(" in before or "[" in before or "in " in before.lower()
    if not said or text[number.end : number.end + 1].isalpha():
        return False
    lower = before.lower()
    return bool(unit_around("", 0, before) and role_of_lead(before, lower, WORDS.findall(lower)))


def _stated(
    text: str, chain: list[Quantity], names: list[str] | None, before: str
) -> list[Measurement]:
    """The measurements of a chain; none where it is something else."""
    if before[-1:] not in _PLAIN and not _stands_free(before):
        if len(chain) == 1 or not chain[1].unit:
            return []
        chain, names, before = chain[1:], names and names[1:], ""  # `M8 x 40 mm`
    if len(chain) == 1 and chain[0].unit and not chain[0].several:
        return _one(text, chain[0], before)
    end = chain[-1].end
    lower = before.lower()
    words = WORDS.findall(lower)
    lead = role_of_lead(before, lower, words)
    if len(chain) == 1:
        units = [chain[0].unit]
    else:
        units = [each.unit for each in chain]
        if not all(units):
            _share_units(units)
    if not units[-1]:
        values = [each.value(text) for each in chain]
        unit = unit_around(text, end, before)
        if not unit and not is_bare_size(text, end, values, names, before, lead):
            return []
        units = [unit] * len(chain)
    first = first_behind(text, end)
    roles = _roles(text, end, first, len(chain), names, before, lead)
    single = names is None or len(chain) == 1
    subject = subject_of(
        text, end, before, lower, words, first, unit=units[-1], role=roles[0], single=single
    )
    found = []
    place = 0
    for unit, role, quantity in zip(units, roles, chain, strict=True):
        if quantity.several:
            numbers = quantity._replace(unit=unit).values(text)
        else:
            numbers = [quantity.value(text)]
        for number in numbers:
            value = number * LENGTH_OF[unit]
            if SHORTEST <= value <= LONGEST:
                each = (value, role, subject, unit, place)
                found.append(tuple.__new__(Measurement, each))
        place += not single
    return found


def _one(text: str, number: Quantity, before: str) -> list[Measurement]:
    """The measurement of a number with a unit that stands alone, which `_stated` would give too.

    Most are such, and this is the shorter way.
    """
    _, _, end, unit, _, _, _, _ = number
    value = number.value(text) * LENGTH_OF[unit]
    if not SHORTEST <= value <= LONGEST:
        return []
    lower = before.lower()
    words = WORDS.findall(lower)
    lead = role_of_lead(before, lower, words)
    first = first_behind(text, end)
    role = role_behind(text, end, first, led=bool(lead)) or lead
    subject = subject_of(text, end, before, lower, words, first, unit=unit, role=role, single=True)
    return [tuple.__new__(Measurement, (value, role, subject, unit, 0))]


def _stands_free(before: str) -> bool:
    """Whether the number is one of its own, not the end of a model code or a price."""
    last = before[-1:]
    if last in ("$", "₹", "€", "£", "#", "@"):
        return False
    if not last.isalnum() and last != "_":
        return True
    if last > "\u024f" and not "\u1e00" <= last <= "\u1eff" and (last == "Φ" or not last.isupper()):
        return True  # a letter that is not Latin, but for `М8`, where it is a code
    rest = before[-2:-1]
    if last in "xX×":
        return not rest.isalpha()  # `4pcs x10cm`
    return last in "LWHDBTØølwhd" and not rest.isalnum() and rest not in ("'", "’", "-")


def _share_units(units: list[Unit]) -> None:
    """Give numbers that have none the next unit to the right, else to the left, in place."""
    for at in range(len(units) - 2, -1, -1):
        units[at] = units[at] or units[at + 1]
    for left, right in pairwise(range(len(units))):
        units[right] = units[right] or units[left]


def _roles(
    text: str, end: int, first: str, count: int, names: list[str] | None, before: str, lead: Role
) -> list[Role]:
    """The sides of the `count` numbers of a chain; `first`: the first word behind its `end`."""
    if names is None or count == 1:
        return [role_behind(text, end, first, led=bool(lead)) or lead] * count
    if any(names):
        roles = roles_of_axes([names[0] or lead.name.lower(), *names[1:]])
        roles[-1] = roles[-1] or role_behind(text, end, first, led=False)
        return roles
    header = roles_of_header(text, end, before)
    if header:
        return (header + [_NONE] * count)[:count]
    if lead is _SIZE:
        return [lead] * count
    return [lead, *[_NONE] * (count - 2), role_behind(text, end, first, led=False)]


def stated(found: list[Measurement]) -> list[Measurement]:
    """Those that measure the product or its package."""
    return [each for each in found if each.subject is not Subject.OTHER]
