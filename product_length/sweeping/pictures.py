"""Optuna's own pictures of a tuning study: which settings went with which val MAPE."""

import io
import logging
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from product_length.comparison.pictures import Picture, file_names

if TYPE_CHECKING:
    import optuna

log = logging.getLogger(__name__)

_FEWEST_TRIALS = 4
_LABEL = "val MAPE"


@dataclass(frozen=True)
class _Plot:
    """A function of optuna.visualization.matplotlib, and the size of its figure in inches."""

    name: str
    size: tuple[float, float]
    empty: Picture


_PLOTS = (
    _Plot(
        "plot_param_importances",
        (9.0, 4.0),
        Picture(
            "Which settings matter",
            "Share of the variance of val MAPE over the trials that each setting explains: "
            "Optuna's estimate, rough where trials are few.",
            b"",
        ),
    ),
    _Plot(
        "plot_parallel_coordinate",
        (13.0, 5.0),
        Picture(
            "Every trial as a line",
            "From its val MAPE through each of its settings; the darker, the lower the MAPE.",
            b"",
        ),
    ),
    _Plot(
        "plot_optimization_history",
        (9.0, 4.0),
        Picture("The search over time", "Val MAPE of each trial, and the lowest so far.", b""),
    ),
)


def draw_pictures(study: "optuna.Study") -> list[Picture]:
    """Draw a tuning study; a study over a plain grid, or of few trials, has no pictures."""
    from optuna.distributions import CategoricalDistribution
    from optuna.trial import TrialState

    finished = study.get_trials(deepcopy=False, states=[TrialState.COMPLETE])
    ranges = {
        name
        for trial in finished
        for name, each in trial.distributions.items()
        if not isinstance(each, CategoricalDistribution) and "grid_id" not in trial.system_attrs
    }
    if not ranges or len(finished) < _FEWEST_TRIALS:
        return []
    drawn = [(plot, _draw(study, plot)) for plot in _PLOTS]
    return [replace(plot.empty, png=png) for plot, png in drawn if png is not None]


def saved_pictures(folder: Path) -> list[Picture]:
    """The pictures that lie in the folder of a sweep that was compared before."""
    empty = [plot.empty for plot in _PLOTS]
    return [
        replace(picture, png=(folder / name).read_bytes())
        for name, picture in zip(file_names(empty), empty, strict=True)
        if (folder / name).is_file()
    ]


def _draw(study: "optuna.Study", plot: _Plot) -> bytes | None:
    """A PNG file's bytes; None for what cannot be drawn."""
    from matplotlib import pyplot
    from optuna.visualization import matplotlib as plots

    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Optuna's plots are experimental; matplotlib's layout
        try:
            axes = getattr(plots, plot.name)(
                study, target=lambda trial: trial.value, target_name=_LABEL
            )
        except (ValueError, RuntimeError) as error:  # such as: all trials are equally good
            log.info("%s is left out: %s", plot.empty.title, error)
            return None
        axes.set_title("")
        axes.figure.set_size_inches(*plot.size)
        axes.figure.savefig(file, dpi=130, bbox_inches="tight", facecolor="white")
        pyplot.close(axes.figure)
    return file.getvalue()
