"""What a sweep comes to: a comparison of its runs, and a run in W&B that sums them up."""

import logging
from dataclasses import replace
from pathlib import Path

from product_length.comparison.compare import Comparison, Missing, compare
from product_length.comparison.files import write_comparison
from product_length.comparison.formats import as_console, as_records, as_text
from product_length.comparison.pictures import Picture
from product_length.comparison.runs import find_run_folders, load_runs, why_stopped
from product_length.comparison.sentences import lacks
from product_length.errors import UserError
from product_length.experiment import Experiment
from product_length.pages.comparison import write_comparison_page
from product_length.sweeping.console import IN_LOG_ONLY
from product_length.sweeping.pictures import draw_pictures
from product_length.sweeping.study import load_study
from product_length.sweeping.trials import TOTAL, elsewhere, missing
from product_length.tracking.open_tracker import open_tracker

log = logging.getLogger(__name__)


def finish(experiment: Experiment, folder: Path) -> None:
    """Compare the runs in a sweep's folder: files there, a table in the log, a summary in W&B.

    `experiment` is the sweep's first run. Raises UserError when no run has finished, when the
    study of the sweep cannot be read, and, once all is written, when combinations are missing.
    """
    pictures: list[Picture] = []
    lacking: list[Missing] = []
    absent: list[str] = []
    if experiment.sweep and experiment.study and experiment.storage:
        study = load_study(experiment.study, experiment.storage)
        pictures = draw_pictures(study)
        lacking = missing(study.trials, study.user_attrs.get(TOTAL, 0))
        absent = elsewhere(study.trials, folder)
    reference = experiment.sweep.reference if experiment.sweep else ()
    try:
        runs, unfinished = load_runs(find_run_folders([folder]))
        compared = compare(runs, reference=reference or None)
    except UserError as error:
        says = lacks(Comparison([], [], missing=lacking, elsewhere=absent))
        raise UserError(" ".join([f"{error}.", *says]).removesuffix(".")) from error
    tried = {str(each.trial) for each in lacking}
    comparison = replace(
        compared,
        unfinished=[each for each in unfinished if each.name not in tried],
        missing=lacking,
        elsewhere=absent,
    )
    write_comparison(comparison, folder, pictures)
    write_comparison_page(comparison, folder, pictures)
    log.info("\n%s", as_console(comparison))
    log.info("\n%s", as_text(comparison), extra=IN_LOG_ONLY)
    log.info("compared in %s", folder / "comparison.html")
    if len(runs) > 1:
        _summarise(experiment, folder, comparison)
    if lacking:
        named = "".join(f"\n  - {each.name}: {each.reason}" for each in lacking)
        raise UserError(
            f"{len(lacking)} combination(s) of {experiment.study} have no finished run; the same "
            f"command runs them again:{named}"
        )


def _summarise(experiment: Experiment, folder: Path, comparison: Comparison) -> None:
    """One run in the study's W&B group that holds the comparison."""
    records = as_records(comparison)
    best = records[0]
    study = experiment.study or folder.name
    stopped = sum(why_stopped(each) is not None for each in comparison.unfinished)
    facts = {
        "study": study,
        "sweep": experiment.sweep.name if experiment.sweep else None,
        "recipes": len(records),
        "missing": len(comparison.missing),
        "unfinished": len(comparison.unfinished) - stopped,
        "stopped_early": stopped,
    }
    with open_tracker(
        experiment.tracking, config=facts, folder=folder, name=f"{study}: summary", group=study
    ) as tracker:
        tracker.table("recipes", list(best), [list(record.values()) for record in records])
        tracker.page("comparison", (folder / "comparison.html").read_text(encoding="utf-8"))
        tracker.summary({**facts, "best": best})
