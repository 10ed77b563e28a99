"""Pictures that a comparison carries along."""

import re
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Picture:
    """A plot made elsewhere: `png` is the whole file."""

    title: str
    caption: str
    png: bytes


def file_names(pictures: Sequence[Picture]) -> list[str]:
    """A PNG file name for each picture, after its title, no two alike."""
    names: list[str] = []
    for number, picture in enumerate(pictures, start=1):
        words = re.sub(r"[^a-z0-9]+", "_", picture.title.lower()).strip("_")
        name = f"comparison_{words}.png"
        names.append(name if words and name not in names else f"comparison_{words}_{number}.png")
    return names
