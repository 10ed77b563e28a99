"""Hydra's Optuna sweeper, which goes on where a killed sweep stopped and never stops for a trial.

Search spaces, samplers and launchers are the sweeper's own; here is the loop over trials.
"""

import contextlib
import io
import itertools
import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import optuna
import yaml
from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn
from hydra_plugins.hydra_optuna_sweeper._impl import create_params_from_overrides
from hydra_plugins.hydra_optuna_sweeper.optuna_sweeper import OptunaSweeper
from joblib import effective_n_jobs
from omegaconf import OmegaConf
from optuna.distributions import BaseDistribution, IntDistribution
from optuna.trial import Trial
from typing_extensions import override

from product_length.comparison.recipe import FOLD
from product_length.comparison.runs import why_stopped
from product_length.errors import UserError, reason_of
from product_length.evaluation.report import load_report
from product_length.sweeping.console import IN_LOG_ONLY
from product_length.sweeping.standing import fold_in_words, standing
from product_length.sweeping.storage_variable import storage_for_runs
from product_length.sweeping.study import SweepStudy, quiet
from product_length.sweeping.trials import trial_name
from product_length.sweeping.watch import Watch

log = logging.getLogger(__name__)

_NOT_FOR_TRIALS = "storage="  # a URL may hold a password
_HOPELESS = 3
"""So many failures before the first success end a sweep: what is wrong is wrong with all."""


def register(made_from: str) -> None:
    """Make the sweeper known to Hydra; `made_from`: digest of what the sweep holds fixed."""
    StudySweeper.made_from = made_from
    Plugins.instance().register(StudySweeper)


class StudySweeper(OptunaSweeper):  # type: ignore[misc]
    """Runs trials until the study has as many as asked for."""

    made_from = ""

    def __init__(self, custom_search_space: str | None, **options: Any) -> None:
        with quiet():
            super().__init__(custom_search_space=None, **options)
        if custom_search_space is not None:
            module, _, name = custom_search_space.rpartition(".")
            self.sweeper.custom_search_space_extender = getattr(import_module(module), name)

    @override
    def sweep(self, arguments: list[str]) -> None:
        """Run the sweep. `arguments`: the overrides of the command line."""
        parts = self.sweeper  # what Hydra's sweeper is made of
        parts._process_searchspace_config()
        given = [a for a in arguments if not a.startswith(_NOT_FOR_TRIALS)]
        space, fixed, deleted = create_params_from_overrides(
            [*parts._parse_sweeper_params_config(), *given]
        )
        space = {name: each for name, each in space.items() if name not in fixed}
        total, sampler = self._sampler(space)
        study = SweepStudy(str(parts.study_name), str(parts.storage), sampler, self.made_from)
        if not study.study.trials:
            _refuse_runs_without_trials(str(parts.study_name), Path(str(parts.sweep_dir)))
        study.record_total(total)
        folds = space.get(FOLD)
        with self._watch(study, space, total, fixed) as watch:
            self._run_trials(
                study,
                watch,
                total,
                lambda trials: parts._configure_trials(trials, space, fixed, deleted),
                folds if isinstance(folds, IntDistribution) else None,
            )
        self._write_results(study)

    def _watch(
        self,
        study: SweepStudy,
        space: Mapping[str, BaseDistribution],
        total: int,
        fixed: Mapping[str, Any],
    ) -> Watch:
        """What follows the trials; says beforehand how many there are to be."""
        parts, done = self.sweeper, study.settled()
        left_out = self._left_out(space, fixed)
        log.info("study %s: %d of %d trials are there", parts.study_name, done, total)
        at_once = self._at_once()
        log.info(
            "%d run(s), %s, in %s%s",
            total - left_out - (done - study.left_out()),
            "one after the other" if at_once == 1 else f"{at_once} at once",
            parts.sweep_dir,
            f"; left out of the {total} combinations: {left_out}" if left_out else "",
        )
        best = study.best()
        return Watch(
            Path(str(parts.sweep_dir)),
            total - left_out,
            done=done - study.left_out(),
            at_once=at_once,
            best=None if best is None or best.value is None else (best.value, best.number),
            scored=FOLD not in space,  # val rows differ from fold to fold
        )

    def _run_trials(
        self,
        study: SweepStudy,
        watch: Watch,
        total: int,
        configured: Callable[[list[Trial]], Sequence[Sequence[str]]],
        folds: IntDistribution | None,
    ) -> None:
        name = self.sweeper.study_name
        before = done = study.settled()
        started = time.monotonic()
        while trials := study.take(self._at_once(), total):
            with study.alive(trials), storage_for_runs(str(self.sweeper.storage)):
                sampled = list(zip(trials, configured(trials), strict=True))
                wanted = self._wanted(study, sampled)
                for trial, _ in wanted:
                    words = (
                        trial_name(trial.params) if folds is None else fold_in_words(trial, folds)
                    )
                    watch.begin(trial.number, words)
                outcomes = self._launch(wanted)
                watch.look()
                for trial, outcome in outcomes:
                    watch.give_up(trial.number)
                    self._settle(study, trial, outcome, is_said=trial.number in watch.failures)
            failures = study.failures()
            if len(failures) >= _HOPELESS and not study.finished():
                raise UserError(
                    f"the first {len(failures)} trials of {name} failed: "
                    f"{next(reversed(failures.values()))}; the same command tries them again"
                )
            done = study.settled()
            seconds = (time.monotonic() - started) / max(1, done - before) * (total - done)
            log.info("%s", standing(study, done, total, seconds), extra=IN_LOG_ONLY)
        log.info("%s", standing(study, study.settled(), total, 0))

    def _left_out(self, space: Mapping[str, BaseDistribution], fixed: Mapping[str, Any]) -> int:
        """How many points of a grid `sweep.without` names; 0 where there is no grid."""
        parts = self.sweeper
        if getattr(parts.sampler, "func", None) is not optuna.samplers.GridSampler:
            return 0
        values = [parts._to_grid_sampler_choices(each) for each in space.values()]
        points = (dict(zip(space, each, strict=True)) for each in itertools.product(*values))
        words = ([f"{k}={v}" for k, v in {**fixed, **point}.items()] for point in points)
        return sum(self._made(each) is not None for each in words)

    def _made(self, words: Sequence[str]) -> Sequence[str] | None:
        """The combination of `sweep.without` that these overrides make; None if they make none."""
        without = OmegaConf.select(self.sweeper.config, "sweep.without") or ()
        given = set(map(_meaning, words))
        return next((each for each in without if set(map(_meaning, each)) <= given), None)

    def _at_once(self) -> int:
        """How many trials run at a time: as asked for, else as many as the launcher can."""
        launcher = self.sweeper.config.hydra.launcher
        if self.sweeper.n_jobs > 0:
            return int(self.sweeper.n_jobs)
        if "n_jobs" in launcher:
            return int(effective_n_jobs(launcher.n_jobs))
        return int(launcher.get("array_parallelism", 1))

    def _sampler(
        self, space: dict[str, BaseDistribution]
    ) -> tuple[int, optuna.samplers.BaseSampler]:
        """How many trials there are to be, and what draws them."""
        parts = self.sweeper
        if getattr(parts.sampler, "func", None) is not optuna.samplers.GridSampler:
            return parts.n_trials, parts.sampler
        grid = {name: list(parts._to_grid_sampler_choices(each)) for name, each in space.items()}
        if not grid:
            raise UserError(
                "this sweep has nothing left to vary: give a key several values, as in loss=mape,"
                "rmsle, or run without -m and sweep="
            )
        return min(parts.n_trials, math.prod(map(len, grid.values()))), parts.sampler(grid)

    def _wanted(
        self, study: SweepStudy, sampled: Sequence[tuple[Trial, Sequence[str]]]
    ) -> list[tuple[Trial, Sequence[str]]]:
        """Without the combinations that `sweep.without` names; the study notes each."""
        kept = []
        for trial, words in sampled:
            made = self._made(words)
            if made is None:
                kept.append((trial, words))
            else:
                study.leave_out(trial, f"sweep.without {' '.join(made)}")
        return kept

    def _launch(
        self, sampled: Sequence[tuple[Trial, Sequence[str]]]
    ) -> list[tuple[Trial, float | Exception]]:
        """Run trials at the same time: the val MAPE of each, or why there is none."""
        if not sampled:
            return []
        trials = [trial for trial, _ in sampled]
        # Numbers have gaps where several machines share a study: each trial names its folder.
        named = [[*words, f"hydra.sweep.subdir={trial.number}"] for trial, words in sampled]
        try:
            returns = self.sweeper.launcher.launch(named, initial_job_idx=trials[0].number)
        except Exception as error:  # no configuration, or a worker was killed: perhaps one of many
            return [(trial, self._left_behind(trial, error)) for trial in trials]
        outcomes = [_outcome(returned) for returned in returns]
        return list(zip(trials, outcomes, strict=True))

    def _settle(
        self, study: SweepStudy, trial: Trial, outcome: float | Exception, *, is_said: bool
    ) -> None:
        """Record in the study how a trial ended; `is_said`: a person knows that it failed."""
        reason = why_stopped(Path(str(self.sweeper.sweep_dir)) / str(trial.number))
        if reason is None:
            _settle(study, trial, outcome, is_said=is_said)
        else:
            study.record_stopped(trial, reason)

    def _left_behind(self, trial: Trial, error: Exception) -> float | Exception:
        """What a trial came to whose launcher broke down."""
        try:
            report = load_report(Path(str(self.sweeper.sweep_dir)) / str(trial.number))
        except UserError:
            return error
        return math.nan if report.val.metrics.mape.value is None else report.val.metrics.mape.value

    def _write_results(self, study: SweepStudy) -> None:
        """What Hydra's sweeper leaves: the best trial's parameters and value."""
        best = study.best()
        if best is not None and FOLD not in best.params:  # val rows differ from fold to fold
            Path(str(self.sweeper.sweep_dir)).mkdir(parents=True, exist_ok=True)
            results = {"name": "optuna", "best_params": best.params, "best_value": best.value}
            OmegaConf.save(
                OmegaConf.create(results), f"{self.sweeper.sweep_dir}/optimization_results.yaml"
            )


def _refuse_runs_without_trials(study: str, folder: Path) -> None:
    """Raises UserError where runs are whose trials the database does not know."""
    runs = sorted(path.parent.name for path in folder.glob("*/config.yaml"))
    if runs:
        raise UserError(
            f"study={study}: its database holds no trials, but {folder} holds {len(runs)} run(s): "
            "the database was deleted, or is another one. Bring it back, name another one with "
            "study=NAME, or delete that folder"
        )


def _meaning(override: str) -> tuple[str, Any]:
    """Key and value of an override: `key=True` means what `key=true` does."""
    key, _, value = override.partition("=")
    return key, str(yaml.safe_load(value))


def _outcome(returned: JobReturn) -> float | Exception:
    try:
        with contextlib.redirect_stderr(io.StringIO()):  # Hydra prints the overrides there
            return float(returned.return_value)
    except Exception as error:  # a trial's fault, whatever it is, does not end the sweep
        return error


def _settle(
    study: SweepStudy, trial: Trial, outcome: float | Exception, *, is_said: bool = False
) -> None:
    """Record in the study how a trial ended that was not stopped."""
    if isinstance(outcome, Exception):
        reason = reason_of(outcome)
        if not isinstance(outcome, UserError):
            log.error("trial %d failed", trial.number, exc_info=outcome)
    elif math.isfinite(outcome):
        study.record(trial, outcome)
        return
    else:
        reason = f"val MAPE is {outcome}"
    log.warning("trial %d failed: %s", trial.number, reason, extra=IN_LOG_ONLY if is_said else None)
    study.record_failure(trial, reason)
