"""Pictures that a comparison carries along."""

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Picture:
    """A plot made elsewhere: `png` is the whole file."""

    title: str
    caption: str
    png: bytes

    @property
    def data_address(self) -> str:
        """The picture itself as an address, for a page that needs no other file."""
        return f"data:image/png;base64,{base64.b64encode(self.png).decode('ascii')}"


def file_names(pictures: Sequence[Picture]) -> list[str]:
    """A PNG file name for each picture, after its title, no two alike."""
    names: list[str] = []
    for number, picture in enumerate(pictures, start=1):
        words = re.sub(r"[^a-z0-9]+", "_", picture.title.lower()).strip("_")
        name = f"comparison_{words}.png"
        names.append(name if words and name not in names else f"comparison_{words}_{number}.png")
    return names
