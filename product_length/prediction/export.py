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

log = logging.getLogger(__name__)


def export_model(checkpoint: Path, output: Path, encoders: Mapping[str, str]) -> list[Path]:
    """Write the model of a finished run's checkpoint into a new folder; returns the files.

    `encoders`: where a text encoder's model lies now, by its name. Metrics in the card are those of
    the run's report; without one that is said. Raises UserError when the checkpoint cannot be
    exported, or the folder is there already.
    """
    check_new(output)
    content = read_finished(checkpoint)
    predictor = load_predictors([checkpoint], encoders, "cpu")[checkpoint]
    card = model_card(predictor, _report_of(checkpoint), output.name)
    try:
        return write_exported(content, card, output)
    except TypeError as error:
        raise UserError(
            f"{checkpoint}: {error}; a feature's state holds tensors, numbers and texts"
        ) from error


def _report_of(checkpoint: Path) -> Report | None:
    """The report of the run that a checkpoint lies in."""
    folder = run_folder_of(checkpoint)
    try:
        return load_report(folder)
    except UnfinishedRunError:
        log.warning("warning: %s: has no report, so the card has no metrics", folder)
        return None
