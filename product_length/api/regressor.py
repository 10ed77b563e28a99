"""A scikit-learn regressor around a run: `fit` trains, `predict` predicts."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted, column_or_1d
from typing_extensions import Self

from product_length.api.frames import Frame, Labelled, frame_of
from product_length.api.model import Model, load
from product_length.api.training import train
from product_length.composition import assignment
from product_length.prediction.files import find_checkpoint

_TARGET = "length"


class ProductLengthRegressor(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """A regressor whose X is a frame of products and whose y their lengths.

    `overrides`: as on the command line, one or a list, such as ["experiment=best", "data.unit=cm"].
    `folder`: where the run is kept; None, it goes with its caches when it is fitted. Columns are
    named, or found, as by `product_length.train`. Of the rows a tenth is kept for choosing the
    epoch, unless data.split says otherwise; none is kept for a test.
    """

    def __init__(
        self, overrides: str | Sequence[str] = (), *, folder: str | Path | None = None
    ) -> None:
        self.overrides = overrides
        self.folder = folder

    def fit(self, X: Any, y: Any) -> Self:  # noqa: N803 -- scikit-learn's name
        """Train on products X, a frame, and lengths y (rows,), in the unit of `data.unit`.

        Raises ConfigError or UserError as `product_length.train` does, ValueError where X and y
        differ in rows.
        """
        frame = frame_of(X)
        lengths = np.asarray(column_or_1d(y), dtype=np.float64)
        if len(lengths) != len(frame):
            raise ValueError(f"X has {len(frame):,} rows, y has {len(lengths):,}")
        overrides = [self.overrides] if isinstance(self.overrides, str) else list(self.overrides)
        labelled, named = _labelled(frame, y, lengths, overrides)
        with tempfile.TemporaryDirectory() as temporary:
            own = [*named, *_defaults(overrides)]
            if self.folder is None:
                own.append(assignment("cache_dir", str(Path(temporary, "cache"))))
            place = Path(temporary, "run") if self.folder is None else self.folder
            run = train(labelled, *own, *overrides, folder=place)
            self.checkpoint_ = find_checkpoint(run.folder).read_bytes()
            self.report_ = run.report
            self._model = run.model
        self.feature_names_in_ = np.array(frame.names, dtype=object)
        self.n_features_in_ = len(frame.names)
        return self

    def predict(self, X: Any) -> NDArray[np.float32]:  # noqa: N803
        """Lengths of products X, float32 (rows,), in the unit of training."""
        check_is_fitted(self)
        frame = self.model_.predict(frame_of(X).table(self.feature_names_in_))
        lengths: NDArray[np.float32] = frame[self.model_.target].to_numpy()
        return lengths

    @property
    def model_(self) -> Model:
        """The fitted model, for intervals and frames."""
        check_is_fitted(self, "checkpoint_")
        if self._model is None:
            with tempfile.TemporaryDirectory() as temporary:
                path = Path(temporary, "best.ckpt")
                path.write_bytes(self.checkpoint_)
                self._model = load(path)
        return self._model

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = dict(super().__getstate__())
        if "checkpoint_" in state:  # the model is in it
            state["_model"] = None
        return state

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False  # a frame with named columns
        tags.input_tags.string = True
        tags.input_tags.allow_nan = True
        tags.target_tags.positive_only = True
        return tags


def _labelled(
    frame: Frame, y: Any, lengths: NDArray[np.float64], overrides: Sequence[str]
) -> tuple[Labelled, list[str]]:
    """The products with their lengths, and the override that names these."""
    key = "data.columns.length="
    given = [text.removeprefix(key) for text in overrides if text.startswith(key)]
    if given:
        return Labelled(frame, given[-1].strip("'\""), lengths), []
    name = getattr(y, "name", None)
    name = name if isinstance(name, str) and name and name not in frame.names else _TARGET
    return Labelled(frame, name, lengths), [assignment("data.columns.length", name)]


def _defaults(overrides: Sequence[str]) -> list[str]:
    if any(text.startswith("data.split") for text in overrides):
        return []
    return ["data.split.train=0.9", "data.split.val=0.1", "data.split.test=0"]
