"""A trained model in a Python program: products in, lengths out, in the frame that was given."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, TypeVar

import torch
from numpy.typing import NDArray
from pydantic import ValidationError

from product_length.api.frames import Frame, Values, frame_of
from product_length.catalogue.file_columns import FileColumns, absent_column, shown_columns
from product_length.decision.config import DecisionOption
from product_length.devices import check_device, choose_device
from product_length.errors import ConfigError, UserError
from product_length.prediction.checkpoint import load_predictors
from product_length.prediction.config import PredictedColumns
from product_length.prediction.ensemble import Ensemble
from product_length.prediction.files import find_checkpoints
from product_length.prediction.in_memory import TablePredictor
from product_length.prediction.output_columns import INTERVAL, REASONS, check_names
from product_length.prediction.predictor import snapped
from product_length.prediction.reading import ADVICE
from product_length.tables.config import AUTO
from product_length.tables.memory_table import MemoryTable
from product_length.unseen import log_unseen

log = logging.getLogger(__name__)

AnyFrame = TypeVar("AnyFrame")
Names = Mapping[str, str | Sequence[str | None] | None]
"""Names of columns that differ from training, by the keys of `PredictedColumns`."""
NAME = "products"
"""What messages call the frame that was given."""


def load(
    source: str | Path | Sequence[str | Path],
    *,
    decision: DecisionOption = "auto",
    device: str = "auto",
    encoders: Mapping[str, str] | None = None,
) -> Model:
    """The model in a checkpoint, a run's folder or an exported folder; of a list, their average.

    `decision`: what lengths are decided for (mape, rmsle, median, mean, smape), auto as in
    training; `device`: auto, cpu, cuda, mps; `encoders`: where a text encoder's model lies now, by
    its name. Raises UserError when one is missing, damaged or unfinished, and ConfigError when
    several do not predict the same thing.
    """
    given = [source] if isinstance(source, str | Path) else list(source)
    if not given:
        raise ConfigError("load: name a checkpoint, a run's folder, or several in a list")
    check_device(device, "device")
    paths = find_checkpoints([Path(path).expanduser() for path in given])
    chosen = choose_device(device, "device")
    members = load_predictors(paths, dict(encoders or {}), str(chosen))
    return Model(Ensemble.of(members, decision), chosen)


class Model:
    """One trained recipe, or several whose distributions are averaged. Any thread may predict."""

    def __init__(self, ensemble: Ensemble, device: torch.device) -> None:
        self._predictor = TablePredictor(ensemble, device)
        self._levels: dict[float, TablePredictor] = {}
        self._lock = threading.Lock()

    @property
    def unit(self) -> str:
        """What lengths are in, as people write it."""
        return str(self._predictor.ensemble.unit)

    @property
    def target(self) -> str:
        """The name of what is predicted: of the length column in training."""
        return self._predictor.ensemble.target

    @property
    def columns(self) -> dict[str, Any]:
        """The names of the columns in training, by their keys."""
        return self._predictor.ensemble.members[0].columns.model_dump()

    def __repr__(self) -> str:
        ensemble = self._predictor.ensemble
        return f"<product_length model of {ensemble.in_words()}: {', '.join(ensemble.names)}>"

    def predict(
        self,
        products: AnyFrame,
        *,
        interval: float | None = None,
        reasons: bool | Literal["words"] = False,
        columns: Names | None = None,
        keep: Sequence[str] = (),
        snap: bool = False,
        decimal: Literal["auto", ".", ","] = "auto",
    ) -> AnyFrame:
        """The length of each product, in its order, in a frame of the kind that was given.

        `products`: a table of pandas, polars or pyarrow, or a list of dicts, with the columns of
        training; those that it lacks are read as missing, which is logged. Out come the id, if
        there is one, the length under the name that it has in training, and with `interval=0.9`
        LOWER and UPPER, which hold 90% of true lengths; all in `unit`. `reasons=True` adds REASONS,
        a line of plain words for each; "words" says which words move a length too, and is slower.

        `columns`: other names, as in {"title": "name", "bullet_points": None}. `keep`: columns that
        are handed on. `snap`: the nearest length of training. `decimal`: the mark in numbers that
        are texts. Raises ConfigError or UserError in plain words for what cannot be predicted.
        """
        frame = frame_of(products)
        named = _named(columns)
        ids = self._ids(frame, named)
        _check_there(frame, keep)
        written = FileColumns(ids, {}, None, {}, {}, None, tuple(keep))
        named_so = {"interval": interval is not None, "reasons": bool(reasons)}
        check_names(written, self.target, **named_so)
        if not frame.names and not len(frame):  # an empty list
            return products
        read = MemoryTable(frame.names, frame.table, NAME, decimal)
        predictor = self._of_level(interval)
        if reasons:
            predictor.ensemble.with_reasons(reasons)  # refuses several models before any work
        prediction = predictor.predict(read, named, keep_seen=bool(reasons))
        for note in prediction.notes:
            log.warning("warning: %s: %s", NAME, note)
        if len(frame):
            log_unseen(log, NAME, len(frame), prediction.unseen_counts(), ADVICE)
        lengths = prediction.lengths
        if snap:
            lengths = snapped(lengths, prediction.ensemble.usual_lengths)
        new: dict[str, Values] = {self.target: lengths}
        if prediction.ends is not None:
            new |= zip(INTERVAL, prediction.ends.T, strict=True)
        if reasons:
            new[REASONS] = predictor.reason_lines(prediction, words=reasons == "words")
        result: AnyFrame = frame.result(ids, new, keep)
        return result

    def network_inputs(
        self, products: Any, *, columns: Names | None = None
    ) -> dict[str, NDArray[Any]]:
        """What the network reads of each product: an array (rows, …) by the name of each feature.

        These are the inputs of `model.onnx` in an exported folder. `products` and `columns` as in
        `predict`. Raises ConfigError for several models, which read different things.
        """
        if len(self._predictor.ensemble.members) > 1:
            raise ConfigError("network_inputs: each of several models reads its own; load one")
        frame = frame_of(products)
        read = MemoryTable(frame.names, frame.table, NAME, AUTO)
        found = self._predictor.predict(read, _named(columns), keep_seen=True)
        return dict(found.seen[0].columns)

    def _ids(self, frame: Frame, named: PredictedColumns) -> str | None:
        """The column of ids; None where there is none."""
        trained: str | None = self._predictor.ensemble.members[0].columns.product_id
        given = named.given()
        ids = given.get("product_id", trained)
        if ids is not None and ids not in frame.names:
            if "product_id" in given:
                raise UserError(f"{NAME}: {absent_column('product_id', ids, frame.names)}")
            return None
        return ids

    def _of_level(self, interval: float | None) -> TablePredictor:
        """What predicts with intervals of that level; made once for each."""
        if interval is None:
            return self._predictor
        if not 0 < interval < 1:
            raise ConfigError(f"interval={interval:g}: must be a share above 0 and below 1")
        with self._lock:
            if interval not in self._levels:
                ensemble = self._predictor.ensemble.with_intervals(interval)
                self._levels[interval] = replace(self._predictor, ensemble=ensemble)
            return self._levels[interval]


def _check_there(frame: Frame, keep: Sequence[str]) -> None:
    absent = [name for name in keep if name not in frame.names]
    if absent:
        raise UserError(
            f"keep: {NAME} have no column {', '.join(map(repr, absent))}; they have: "
            f"{shown_columns(frame.names)}"
        )


def _named(columns: Names | None) -> PredictedColumns:
    try:
        return PredictedColumns.model_validate(dict(columns or {}))
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
        known = ", ".join(PredictedColumns.model_fields)
        raise ConfigError(f"columns: {'; '.join(faults)}; the keys are {known}") from error
