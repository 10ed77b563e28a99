"""What a sweep comes to: a comparison of its runs, and a run in W&B that sums them up."""

import logging
from pathlib import Path

from product_length.evaluation.compare import Comparison, compare
from product_length.evaluation.comparison_files import write_comparison
from product_length.evaluation.comparison_formats import as_records, as_text
from product_length.evaluation.runs import find_run_folders, load_runs
from product_length.experiment import Experiment
from product_length.sweeping.pictures import draw_pictures
from product_length.tracking.tracker import open_tracker

log = logging.getLogger(__name__)


def finish(experiment: Experiment, folder: Path) -> None:
    """Compare the runs in a sweep's folder: files there, a table in the log, a summary in W&B.

    `experiment` is the sweep's first run. Raises UserError when no run has finished.
    """
    runs, unfinished = load_runs(find_run_folders([folder]))
    reference = experiment.sweep.reference if experiment.sweep else ()
    comparison = compare(runs, reference=reference or None, unfinished=unfinished)
    pictures = []
    if experiment.study and experiment.storage:
        pictures = draw_pictures(experiment.study, experiment.storage)
    write_comparison(comparison, folder, pictures)
    log.info("\n%s", as_text(comparison))
    log.info("compared in %s", folder / "comparison.html")
    if len(runs) > 1:
        _summarise(experiment, folder, comparison)


def _summarise(experiment: Experiment, folder: Path, comparison: Comparison) -> None:
    """One run in the study's W&B group that holds the comparison."""
    records = as_records(comparison)
    best = records[0]
    study = experiment.study or folder.name
    facts = {
        "study": study,
        "sweep": experiment.sweep.name if experiment.sweep else None,
        "recipes": len(records),
        "unfinished": len(comparison.unfinished),
    }
    with open_tracker(
        experiment.tracking, config=facts, folder=folder, name=f"{study}: summary", group=study
    ) as tracker:
        tracker.table("recipes", list(best), [list(record.values()) for record in records])
        tracker.page("comparison", (folder / "comparison.html").read_text(encoding="utf-8"))
        tracker.summary({**facts, "best": best})
