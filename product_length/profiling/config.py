"""Options of `python -m product_length.profile`."""

from typing import Annotated, Literal

from pydantic import Field

from product_length.catalogue.config import DataOptions
from product_length.embeddings.config import EmbeddingOptions
from product_length.options import HomePath, Options


class ProfileJob(Options):
    """A catalogue, the encoders that would read it, and a folder for the page and the figures.

    `sample_rows`: texts of at most so many rows are read, evenly spaced; null reads those of all.
    Lengths, types and repeated texts are always those of all rows. `workers`: processes that read
    texts; auto is one for each core.
    """

    data: DataOptions
    embeddings: EmbeddingOptions
    output: HomePath
    sample_rows: Annotated[int, Field(ge=1)] | None = 200_000
    workers: Annotated[int, Field(ge=1)] | Literal["auto"] = "auto"
    cache_dir: HomePath
