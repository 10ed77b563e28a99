"""Options of `loss=`: what training minimises."""

from typing import Annotated

from pydantic import Field

from product_length.loss.histogram import Histogram
from product_length.loss.point import PointLossOptions

LossOptions = Annotated[PointLossOptions | Histogram, Field(discriminator="name")]
