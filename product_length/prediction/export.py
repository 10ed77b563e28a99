"""From a finished run's checkpoint to a folder that travels."""

import logging
from collections.abc import Mapping
from pathlib import Path

from product_length.errors import UserError
from product_length.evaluation.records import Report
from product_length.evaluation.report import UnfinishedRunError, load_report
from product_length.prediction.card import model_card
from product_length.prediction.checkpoint import load_predictors, read_finished
from product_length.prediction.exported import check_new, write_exported
from product_length.prediction.files import run_folder_of
from product_length.prediction.predictor import Predictor

log = logging.getLogger(__name__)


def export_model(
    checkpoint: Path, output: Path, encoders: Mapping[str, str], *, onnx: bool = False
) -> list[Path]:
    """Write the model of a finished run's checkpoint into a new folder; returns the files.

    `encoders`: where a text encoder's model lies now, by its name; `onnx`: whether the network is
    written as ONNX too. Metrics in the card are those of the run's report; without one that is
    said. Raises UserError when the checkpoint cannot be exported, or the folder is there already.
    """
    check_new(output)
    content = read_finished(checkpoint)
    predictor = load_predictors([checkpoint], encoders, "cpu")[checkpoint]
    card = model_card(predictor, _report_of(checkpoint), output.name)
    network = _onnx(predictor) if onnx else None
    try:
        return write_exported(content, card, output, network)
    except TypeError as error:
        raise UserError(
            f"{checkpoint}: {error}; a feature's state holds tensors, numbers and texts"
        ) from error


def _onnx(predictor: Predictor) -> bytes:
    # Imported here: it takes a second, and most exports do not need it.
    from product_length.prediction.onnx_file import onnx_bytes

    log.info("onnx: following the network, in less than a minute …")
    return onnx_bytes(predictor)


def _report_of(checkpoint: Path) -> Report | None:
    """The report of the run that a checkpoint lies in."""
    folder = run_folder_of(checkpoint)
    try:
        return load_report(folder)
    except UnfinishedRunError:
        log.warning("warning: %s: has no report, so the card has no metrics", folder)
        return None
