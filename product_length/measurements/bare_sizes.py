"""Numbers without any unit: which of them are sizes."""

import re

from product_length.measurements.context import roles_of_header
from product_length.measurements.measurement import Role
from product_length.measurements.patterns import by_initial

_NOT_INCHES = re.compile(
    r"""\ ?-?\ ?(?:px|pixels?|p\b|ml\b|c?l\b|lit|ltr|g\b|gm|gram|kg|mg|lbs?\b|oz|w\b|watt|v\b|volt
    |gb|mb|tb|mah|hz|mp\b|fps|dpi|pcs|pieces?|packs?|packets?|sets?|sheets?|bottles?|count|ct\b|lcd
    |zoom|magnif|telescope|binocular|wd\b|drive|rpm|days?|hours?|hrs?|weeks?|months?|times|[%°²³=:^])
    |\.?[0-9]""",
    re.VERBOSE | re.IGNORECASE,
)
_SCREEN_WORDS = ("resolution", "pixel", "pixels", "display", "zoom", "screen", "ratio", "matrix")
_NOT_A_SIZE = re.compile(rf"(?:{by_initial(_SCREEN_WORDS)}|[rR](?i:ubik\w*))\W*$")
_LARGEST_BARE, _LEAST_BARE = 400.0, 2.0
_NOT_BARE = ([24.0, 7.0], [4.0, 4.0])


def is_bare_size(
    text: str, end: int, values: list[float], names: list[str] | None, before: str, lead: Role
) -> bool:
    """Whether numbers without any unit are sizes: `L30 x W20`, `Size: 12 x 18`, `12x18 poster`."""
    if text[end : end + 1].isalnum() or _NOT_INCHES.match(text, end):
        return False
    if not all(value <= _LARGEST_BARE for value in values):  # nor those that cannot be read
        return False
    if _NOT_A_SIZE.search(before):
        return False
    if lead or any(names or ()) or roles_of_header(text, end, before):
        return True
    return min(values) >= _LEAST_BARE and values not in _NOT_BARE
