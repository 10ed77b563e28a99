"""The base of every group of options: typed, immutable, closed to unknown keys."""

import os
import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict


class Options(BaseModel):
    """A group of options; an unknown key, a wrong type or a value out of range is refused."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False
    )


def _expanded(path: object) -> object:
    if path == "":
        raise ValueError("must be a path, not an empty text")
    # A shell expands ~ at the start of a word, not after the = of an override.
    if isinstance(path, str):
        return os.path.expanduser(path)  # noqa: PTH111 -- a name of the model hub is no path
    return path


HomePath = Annotated[Path, BeforeValidator(_expanded)]
"""A path; `~` at its start is the home folder."""

HomeText = Annotated[str, BeforeValidator(_expanded)]
"""A path or another name; `~` at its start is the home folder."""


def matching(pattern: str, wanted: str) -> AfterValidator:
    """A check that a whole text matches; `wanted` says in words what the pattern asks for."""
    compiled = re.compile(pattern)

    def check(text: str) -> str:
        if not compiled.fullmatch(text):
            raise ValueError(f"must be {wanted}")
        return text

    return AfterValidator(check)
