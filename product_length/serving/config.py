"""Options of `python -m product_length.serve`."""

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from product_length.decision.config import DecisionOption
from product_length.options import HomePath, HomeText, Options
from product_length.prediction.config import Share, as_list, some_checkpoints


class ServeJob(Options):
    """One checkpoint or several, and an address.

    `interval`: of requests that name none; None: none. `max_rows`: products of one request;
    `max_reasons`: of one that asks for reasons; `max_characters`: of one text; `max_body_mb`: of
    one request, in 1,000,000 bytes; `max_waiting`: requests that wait, above which others are
    refused. `batch_rows`: products that are predicted at a time, whosever they are. `encoders`
    gives another place (folder or hub id) for an encoder of the checkpoint, by name.
    """

    checkpoint: Annotated[
        list[HomePath], BeforeValidator(as_list), AfterValidator(some_checkpoints)
    ]
    host: Annotated[str, Field(min_length=1)]
    port: Annotated[int, Field(ge=0, le=65_535)]
    decision: DecisionOption
    interval: Share | None
    max_rows: Annotated[int, Field(ge=1, le=1_000_000)]
    max_reasons: Annotated[int, Field(ge=1)]
    max_characters: Annotated[int, Field(ge=1)]
    max_body_mb: Annotated[float, Field(gt=0)]
    max_waiting: Annotated[int, Field(ge=1)]
    batch_rows: Annotated[int, Field(ge=1, le=65_536)]
    encoders: dict[str, HomeText]
    device: str
