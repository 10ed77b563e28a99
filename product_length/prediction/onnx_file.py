"""The network of a model in ONNX, for programs that have neither PyTorch nor this package.

It goes from what features make of products to lengths. What features make, the vectors of texts,
the neighbours and the stated measurements, is not in it: `Model.network_inputs` gives it.
"""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from product_length.catalogue.products import one_product
from product_length.errors import UserError, first_line
from product_length.features.columns import Batch
from product_length.prediction.ensemble import Ensemble
from product_length.prediction.in_memory import TablePredictor
from product_length.prediction.predictor import Predictor

_INSTALL = "pip install 'product_length[onnx]'"
_OPSET = 20
_TEXT = "30 x 20 cm"
"""Of the product that the network is followed with; what it holds does not matter."""
_CHATTY = ("torch.onnx", "torch.export", "onnxscript", "onnx_ir")


class LengthModule(nn.Module):
    """From columns of features, in the order of `names`, to what ONNX's outputs are."""

    def __init__(self, predictor: Predictor, names: Sequence[str], ensemble: Ensemble) -> None:
        super().__init__()
        self.network = predictor.network
        self._names = tuple(names)
        self._objective = predictor.objective
        self._decision = ensemble.decision

    def forward(self, *columns: Tensor) -> tuple[Tensor, ...]:
        """Lengths float32 (rows,), unit of the catalogue; of a distribution also its cells.

        These are probabilities float32 (rows, cells) and edges float32 (cells + 1,), lengths.
        """
        raw = self.network(Batch(dict(zip(self._names, columns, strict=True)), None))
        distribution = self._objective.distribution(raw)
        if distribution is None:
            return (self._objective.lengths(raw),)
        decision = "mape" if self._decision == "auto" else self._decision
        lengths = distribution.decide(decision)
        return lengths, distribution.probabilities, distribution.edges.exp()


def onnx_bytes(predictor: Predictor) -> bytes:
    """The network as an ONNX file; inputs are named as the features are, in any number of rows.

    Raises UserError where the extra `onnx` is not installed, or an operation has no ONNX form.
    """
    try:
        import onnxscript  # noqa: F401 -- torch.onnx needs it
    except ImportError as error:
        raise UserError(f"onnx=true needs an extra: {_INSTALL}") from error
    ensemble = Ensemble.of({Path("model"): predictor}, "auto")
    columns = _example(ensemble)
    module = LengthModule(predictor, list(columns), ensemble).eval()
    with torch.inference_mode():
        outputs = ["length", "probabilities", "edges"][: len(module(*columns.values()))]
    rows = torch.export.Dim("rows", min=1)
    try:
        with _quietly(), torch.no_grad():
            program = torch.onnx.export(
                module,
                tuple(columns.values()),
                input_names=list(columns),
                output_names=outputs,
                dynamic_shapes={"columns": tuple({0: rows} for _ in columns)},
                opset_version=_OPSET,
                custom_translation_table={torch.ops.aten.searchsorted.Tensor: _searchsorted()},
                dynamo=True,
                verbose=False,
            )
    except torch.onnx.OnnxExporterError as error:
        raise UserError(
            f"onnx=true: the network cannot be written as ONNX ({_reason(error)}); export it with "
            "onnx=false"
        ) from error
    assert program is not None
    program.model.metadata_props.update(
        target=predictor.columns.length, unit=str(predictor.unit), decision=str(ensemble.decision)
    )
    written: bytes = program.model_proto.SerializeToString()
    return written


def _example(ensemble: Ensemble) -> dict[str, Tensor]:
    """The columns of two products, from which shapes and kinds of numbers are taken."""
    (predictor,) = ensemble.members
    product = one_product(_TEXT, predictor.recipe, predictor.unit)
    two = product.take(np.zeros(2, dtype=np.int64))
    found = TablePredictor(ensemble, torch.device("cpu")).predict(two, keep_seen=True)
    columns = found.seen[0].columns
    return {name: torch.from_numpy(np.ascontiguousarray(each)) for name, each in columns.items()}


def _searchsorted() -> Any:
    """`torch.searchsorted`, which ONNX has not: how many of the ascending edges lie below."""
    from onnxscript import opset20 as op

    def searchsorted(edges: Any, values: Any, **_: Any) -> Any:
        # Not `Greater`: NaN comes last.
        below = op.Not(op.LessOrEqual(op.Unsqueeze(values, [-1]), op.Unsqueeze(edges, [-2])))
        return op.ReduceSum(op.Cast(below, to=7), [-1], keepdims=False)  # 7: int64

    return searchsorted


@contextmanager
def _quietly() -> Iterator[None]:
    """Without what torch.onnx prints, warns and logs of its own workings."""
    loggers = [logging.getLogger(name) for name in _CHATTY]
    levels = [each.level for each in loggers]
    with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        for each in loggers:
            each.setLevel(logging.CRITICAL)
        try:
            yield
        finally:
            for each, level in zip(loggers, levels, strict=True):
                each.setLevel(level)


def _reason(error: BaseException) -> str:
    """What stood at the beginning of a chain of errors."""
    while error.__cause__ is not None:
        error = error.__cause__
    return first_line(error)
