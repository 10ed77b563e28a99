"""Stops a sweep's trial in mid-training when others were far better at the same epoch."""

import logging

import optuna
from optuna.pruners import PercentilePruner
from sqlalchemy.exc import SQLAlchemyError
from typing_extensions import override

from product_length.errors import UserError, first_line
from product_length.evaluation.wording import percent
from product_length.lightning_import import Callback, L
from product_length.secrets import shown
from product_length.sweeping.config import PrunerOptions
from product_length.sweeping.study import load_study
from product_length.training.module import FitModule

log = logging.getLogger(__name__)

_REPORTED = "val/mape"  # losses of trials cannot be compared, this can


class TrialStopping(Callback):
    """Reports each epoch's val MAPE to the study, and ends the fit when the pruner asks for it.

    `number`: the trial's. `reason` says afterwards why the fit was ended; None where it was not.
    A database that cannot be used stops no run: it is trained to its end, with a warning.
    """

    def __init__(self, study: str, storage: str, number: int, options: PrunerOptions) -> None:
        self.reason: str | None = None
        self._options = options
        self._number = number
        self._study: optuna.Study | None = None
        self._trial = -1
        self._pruner = pruner(options)
        try:
            self._study = load_study(study, storage)
            self._trial = self._study.get_trials(deepcopy=False)[number]._trial_id
        except (UserError, IndexError) as error:
            self._go_without(error)

    @override
    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Report the epoch; all processes of a training hear the answer of the first."""
        assert isinstance(pl_module, FitModule)
        hopeless = trainer.is_global_zero and self._hopeless(pl_module.history)
        if trainer.should_stop or len(pl_module.history) == trainer.max_epochs:
            return  # it has ended by itself
        if trainer.strategy.reduce_boolean_decision(hopeless, all=False):
            epochs = len(pl_module.history)
            mape = percent(pl_module.history[-1][_REPORTED], 2)
            self.reason = (
                f"in epoch {epochs} of {trainer.max_epochs}, at val MAPE {mape}: not among the "
                f"better {self._options.keep_percent:g}% of trials at that epoch"
            )
            trainer.should_stop = True

    def _hopeless(self, history: list[dict[str, float]]) -> bool:
        if self._study is None:
            return False
        storage = self._study._storage
        try:
            storage.set_trial_intermediate_value(self._trial, len(history), history[-1][_REPORTED])
            return self._pruner.prune(self._study, storage.get_trial(self._trial))
        except (SQLAlchemyError, optuna.exceptions.OptunaError) as error:
            self._go_without(error)
            return False

    def _go_without(self, error: Exception) -> None:
        self._study = None
        said = shown(str(error) if isinstance(error, UserError) else first_line(error))
        log.warning("trial %d is not compared with others, and not stopped: %s", self._number, said)


def pruner(options: PrunerOptions) -> PercentilePruner:
    """Optuna's rule for these options; a trial's steps are its epochs, from 1."""
    return PercentilePruner(
        options.keep_percent,
        n_startup_trials=options.startup_trials,
        n_warmup_steps=options.warmup_epochs + 1,
        # Trials that ended say nothing of later epochs: there too so many must be left.
        n_min_trials=options.startup_trials,
    )
