"""The one way from products that were read to their lengths, whether in a file or in memory."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from product_length.catalogue.products import Products
from product_length.catalogue.scripts import are_foreign
from product_length.catalogue.text import are_empty
from product_length.errors import UserError
from product_length.features.columns import Columns
from product_length.features.features import unseen_by
from product_length.mapped_memory import give_back
from product_length.prediction.ensemble import Ensemble, Forecast
from product_length.prediction.predictor import Predictor
from product_length.unseen import any_of, are_beyond

Unseen = Mapping[str, NDArray[np.bool_]]
"""Rows, bool (rows,), with what training did not know, by what is said of them in words."""

CHUNK_ROWS = 2048
"""Rows whose texts are encoded at a time."""
ADVICE = (
    "those lengths are guesses; is this the kind of catalogue that was trained on, with the same "
    "columns, spelling of types and language?"
)
"""What to think of where much is unseen."""
_SHOWN_IDS = 5


class Output(NamedTuple):
    """What one recipe makes of some rows: its features' columns, the network's raw outputs."""

    columns: Columns
    raw: Tensor


class Part(NamedTuple):
    """Some rows and what is predicted for them. `outputs`: of each member of the ensemble."""

    rows: slice
    forecast: Forecast
    unseen: Unseen
    outputs: Sequence[Output]


@dataclass(frozen=True)
class Reading:
    """The products as one recipe reads them.

    `vectors`: of its text encoders, by their names, (rows, dimension) each.
    """

    predictor: Predictor
    products: Products
    vectors: Mapping[str, NDArray[Any]]

    def predict(self, part: slice, device: torch.device) -> tuple[Output, Unseen]:
        """What becomes of some rows, and which of them hold what is not known."""
        products = self.products.part(part)
        vectors = {name: vectors[part] for name, vectors in self.vectors.items()}
        columns = self.predictor.transform(products, vectors)
        foreign = are_foreign(products.joined().combine_chunks(), self.predictor.scripts)
        found = {
            "have no text and are predicted from the other columns": are_empty(products.text_keys),
            **unseen_by(self.predictor.features, products, columns),
            "have a text mostly in a script that training did not have": foreign,
        }
        return Output(columns, self.predictor.raw(columns, device)), found


def predicted(
    ensemble: Ensemble,
    readings: Sequence[Reading],
    batch_rows: int,
    device: torch.device,
    bar_after: float = 0,
) -> Iterator[Part]:
    """Batch by batch, under a bar that is shown after so many seconds.

    `readings`: one for each member of the ensemble, in its order.
    """
    rows = len(readings[0].products)
    with tqdm(total=rows, unit=" rows", desc="predicting", disable=None, delay=bar_after) as bar:
        for start in range(0, rows, batch_rows):
            part = slice(start, min(start + batch_rows, rows))
            outputs, unseen = zip(*(each.predict(part, device) for each in readings), strict=True)
            forecast = ensemble.forecast([each.raw for each in outputs])
            beyond = are_beyond(forecast.lengths, ensemble.reach)
            ends = {"are predicted at the ends of the training lengths": beyond}
            yield Part(part, forecast, any_of([*unseen, ends]), outputs)
            give_back(*(vectors for each in readings for vectors in each.vectors.values()))
            bar.update(len(forecast.lengths))


class NotFinite:
    """Counts rows whose predicted lengths are no numbers that a length can be."""

    def __init__(self) -> None:
        self._count = 0
        self._first: list[str] = []

    def add(self, ids: pa.ChunkedArray, lengths: Sequence[NDArray[np.float32]]) -> None:
        """Look at some rows: ids (rows,), and float32 (rows,) of each column."""
        places = np.flatnonzero(~np.isfinite(lengths).all(axis=0))
        self._count += len(places)
        shown = places[: _SHOWN_IDS - len(self._first)].tolist()
        self._first += [ids[place].as_py() for place in shown]

    def refuse(self, rows: int, outcome: str = "") -> None:
        """Raise UserError if there was one among so many rows; `outcome`: what that led to."""
        if self._count:
            more = ", …" if self._count > len(self._first) else ""
            raise UserError(
                f"{self._count:,} of {rows:,} predictions are not finite (nan or infinite), those "
                f"of {', '.join(self._first)}{more}{outcome}. The checkpoint's weights "
                "are damaged or its training diverged: predict with another one, or train again"
            )
