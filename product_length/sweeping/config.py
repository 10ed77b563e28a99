"""Options of `sweep=`: what a sweep is called, and which recipe it is told against."""

from typing import Annotated

from pydantic import Field

from product_length.options import Options, matching

# A folder under multirun/, a study in the database and a group in W&B are named so.
StudyName = Annotated[
    str,
    Field(min_length=1, max_length=100),
    matching(r"[\w.+-]+", "made of letters, digits, _ . + and -"),
]


class SweepOptions(Options):
    """`reference`: overrides that name the recipe which others are compared with, beside the best.
    `without`: combinations of overrides that are no trials, such as a grid has.

    What is swept, by which sampler and how often, is Hydra's: `hydra.sweeper.*`.
    """

    name: str
    without: tuple[tuple[str, ...], ...] = ()
    reference: tuple[str, ...] = ()
