"""Options of the evaluation: intervals, bands, baselines."""

from typing import Annotated

from pydantic import Field

from product_length.options import Options


class EvaluationOptions(Options):
    """How metrics are resampled and which cheap baselines stand beside the model."""

    resamples: Annotated[int, Field(ge=100)] = 1000
    confidence: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    seed: Annotated[int, Field(ge=0)] = 0
    baselines: bool = True
