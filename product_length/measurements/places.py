"""Where in a text the measurements stand that it states."""

from product_length.measurements.measurement import Measurement
from product_length.measurements.parser import measurements_of_plain
from product_length.measurements.spelling import spell_out

Place = tuple[int, int]
"""The characters [start, stop) of a text."""
_NOWHERE: Place = (0, 0)


def measurements_with_places(text: str, max_count: int) -> list[tuple[Measurement, Place]]:
    """The first measurements of `text`, and where each stands; those of one chain stand together.

    (0, 0) where odd characters hide what was read.
    """
    plain = spell_out(text)
    places: list[Place] = []
    found = measurements_of_plain(plain, max_count, places)
    if plain != text:
        places = [_place_in(text, plain[start:stop]) for start, stop in places]
    return list(zip(found, places, strict=False))  # there may be a place more


def _place_in(text: str, part: str) -> Place:
    start = text.find(part)
    return _NOWHERE if start < 0 else (start, start + len(part))
