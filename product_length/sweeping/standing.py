"""How far a sweep is, in words."""

from optuna.distributions import IntDistribution
from optuna.trial import Trial

from product_length.comparison.recipe import FOLD
from product_length.evaluation.wording import duration, percent
from product_length.sweeping.study import SweepStudy
from product_length.sweeping.trials import trial_name


def fold_in_words(trial: Trial, folds: IntDistribution) -> str:
    """As in `fold 2 of 0–4, loss=mape seed=1`."""
    recipe = trial_name({name: each for name, each in trial.params.items() if name != FOLD})
    fold = f"fold {trial.params[FOLD]} of {folds.low}–{folds.high}"
    return f"{fold}, {recipe}" if recipe else fold


def standing(study: SweepStudy, done: int, total: int, seconds: float) -> str:
    """As in `3 of 16 trials; best val MAPE 12.31% (folder 2); about 5 min left`."""
    says = f"{done} of {total} trials"
    failed = len(study.failures())
    if failed:
        says += f", {failed} failed"
    if study.stopped_early():
        says += f", {study.stopped_early()} stopped early"
    if study.left_out():
        says += f", {study.left_out()} left out"
    best = study.best()
    if best is not None and FOLD not in best.params:  # val rows differ from fold to fold
        says += f"; best val MAPE {percent(best.value, 2)} (folder {best.number})"
    return says if done >= total else f"{says}; about {duration(seconds)} left"
