"""The base of every group of options: typed, immutable, closed to unknown keys."""

from pydantic import BaseModel, ConfigDict


class Options(BaseModel):
    """A group of options; an unknown key, a wrong type or a value out of range is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)
