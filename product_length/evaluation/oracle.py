"""The best predictions there can be, where the catalogue knows its own truth."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from product_length.catalogue.catalogue import Catalogue
from product_length.catalogue.config import DemoData, FileData
from product_length.catalogue.units import HUNDREDTH_INCH


def best_possible(
    data: DemoData | FileData, catalogue: Catalogue, splits: Mapping[str, NDArray[np.int64]]
) -> dict[str, NDArray[np.float64]]:
    """Per split the predictions float64 (rows,) that the demo's own truth allows."""
    if not isinstance(data, DemoData):
        return {}
    from product_length.demo.generator import DemoGenerator

    ratio = HUNDREDTH_INCH.in_unit(catalogue.unit)
    generator = DemoGenerator(rows=data.rows, types=data.types, seed=data.seed)
    return {
        split: generator.conditional_lengths(
            catalogue.product_ids.take(rows).cast("int64").to_numpy()
        ).best_for_mape()
        * ratio
        for split, rows in splits.items()
    }
