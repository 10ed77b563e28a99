"""An Optuna study that outlives a kill and may be worked on by several processes at once.

A trial counts once it is finished, or failed by its own fault. One whose process was killed or
interrupted is failed and queued again with the same parameters. Processes on trials write to the
database every few seconds that they live; one that has not for a while is taken for dead.
"""

import contextlib
import logging
import threading
import time
import warnings
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import optuna
from optuna.storages import RDBStorage, RetryHeartbeatStaleTrialCallback
from optuna.trial import FrozenTrial, Trial, TrialState
from sqlalchemy.exc import SQLAlchemyError

from product_length.errors import ConfigError, UserError
from product_length.secrets import shown
from product_length.sweeping.database import locked, reached
from product_length.sweeping.trials import (
    OUTCOME,
    TOTAL,
    UNDER_WAY,
    name_of,
    queued_again,
    reason_of_failure,
    settled,
)

log = logging.getLogger(__name__)

HEARTBEAT_SECONDS, GRACE_SECONDS, UNMARKED_SECONDS = 3, 12, 60
MAX_RETRIES = 3
"""So often a trial is run again whose process was killed: it may be the trial that kills it."""
_MADE_FROM = "made_from"
_UNREACHABLE = (SQLAlchemyError, optuna.exceptions.OptunaError)
"""What a database raises that cannot be used now."""


class SweepStudy:
    """The trials of one sweep, in a database.

    `made_from` is a digest of all that the sweep holds fixed. Raises ConfigError for a URL that
    is none, or a study of this name that was made from something else; UserError when the database
    cannot be reached.
    """

    def __init__(
        self, name: str, url: str, sampler: optuna.samplers.BaseSampler, made_from: str
    ) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        with reached(url):
            self._storage = _storage(url)
            self.study = optuna.create_study(
                study_name=name,
                storage=self._storage,
                sampler=sampler,
                direction="minimize",
                load_if_exists=True,
            )
            known = self.study.user_attrs.get(_MADE_FROM)
            if known is None:
                self.study.set_user_attr(_MADE_FROM, made_from)
            elif known != made_from:
                raise ConfigError(
                    f"study={name}: holds the trials of another sweep (other data, settings or "
                    "search space); choose another name, or leave study= out"
                )
            with locked(url):  # two processes that start together would both queue the same
                self._queue_failures()
            self._url = url
        if self.study.get_trials(deepcopy=False):
            # A fixed seed would have the sampler draw once more what was tried already.
            sampler.reseed_rng()

    def finished(self) -> list[FrozenTrial]:
        """Trials that came to a val MAPE."""
        return self.study.get_trials(states=[TrialState.COMPLETE])

    def best(self) -> FrozenTrial | None:
        """The trial of least val MAPE; None where none has finished."""
        return min(self.finished(), key=lambda trial: trial.value or 0.0, default=None)

    def failures(self) -> dict[int, str]:
        """Why trials failed, by number; those that were queued again are not among them."""
        failed = [trial for trial in self._settled() if trial.state == TrialState.FAIL]
        return {trial.number: reason_of_failure(trial) for trial in failed}

    def take(self, max_trials: int, total: int) -> list[Trial]:
        """Up to `max_trials` trials to run now, none once `total` have been settled.

        Waits while the last ones run elsewhere, since they may be left behind.
        """
        logged = False
        while True:
            with locked(self._url):  # or two processes would both take the last one
                self._fail_stale()
                open_trials = self.study.get_trials(deepcopy=False, states=[TrialState.RUNNING])
                left = total - len(self._settled()) - len(open_trials)
                if left > 0:
                    return [self._ask() for _ in range(min(max_trials, left))]
            if not open_trials:
                return []
            if not logged:
                log.info(
                    "%s: %d trial(s) of another process, or of a killed one; waiting for them",
                    self.study.study_name,
                    len(open_trials),
                )
                logged = True
            time.sleep(1)

    @contextlib.contextmanager
    def alive(self, trials: Sequence[Trial]) -> Iterator[None]:
        """Mark trials as running, again and again; queue them anew if the block is left early."""
        ended = threading.Event()

        def beat() -> None:
            while True:
                for trial in trials:
                    with contextlib.suppress(*_UNREACHABLE):  # the next beat may reach it
                        self._storage.record_heartbeat(trial._trial_id)
                if ended.wait(HEARTBEAT_SECONDS):
                    return

        thread = threading.Thread(target=beat, daemon=True)
        thread.start()
        try:
            yield
        except BaseException:
            for trial in trials:
                if self.study.trials[trial.number].state is TrialState.RUNNING:
                    self._record(trial, None, "interrupted")
                    self._queue_again(self.study.trials[trial.number])
            raise
        finally:
            ended.set()
            thread.join()

    def record(self, trial: Trial, value: float) -> None:
        """Record the val MAPE (fraction) of a trial."""
        self._record(trial, value, "finished")

    def record_failure(self, trial: Trial, reason: str) -> None:
        """Record why a trial failed."""
        self._record(trial, None, reason)

    def leave_out(self, trial: Trial, reason: str) -> None:
        """Record why a trial was not run: it is settled, and no failure."""
        self._record(trial, None, reason, TrialState.PRUNED)

    def record_stopped(self, trial: Trial, reason: str) -> None:
        """Record that a trial was stopped early: its value is the last val MAPE it reported."""
        self._record(trial, None, f"stopped early, {reason}", TrialState.PRUNED)

    def record_total(self, total: int) -> None:
        """Record how many trials there are to be, for those who look at the study later."""
        if self.study.user_attrs.get(TOTAL) != total:
            self.study.set_user_attr(TOTAL, total)

    def left_out(self) -> int:
        """How many trials were left out."""
        return sum(not trial.intermediate_values for trial in self._pruned())

    def stopped_early(self) -> int:
        """How many trials were stopped in mid-training."""
        return sum(bool(trial.intermediate_values) for trial in self._pruned())

    def settled(self) -> int:
        """How many trials count towards the sweep."""
        return len(self._settled())

    def _ask(self) -> Trial:
        with quiet():
            trial = self.study.ask()
        self._storage.record_heartbeat(trial._trial_id)
        trial.set_user_attr(OUTCOME, UNDER_WAY)  # see _fail_stale
        return trial

    def _pruned(self) -> list[FrozenTrial]:
        return self.study.get_trials(deepcopy=False, states=[TrialState.PRUNED])

    def _settled(self) -> list[FrozenTrial]:
        return settled(self.study.get_trials(deepcopy=False))

    def _queue_failures(self) -> None:
        """What failed in an earlier sweep of this study is run again."""
        failed = [trial for trial in self._settled() if trial.state is TrialState.FAIL]
        for trial in failed:
            self._queue_again(trial)
        if failed:
            names = "; ".join(map(name_of, failed))
            log.info("without a finished run, run again (%d): %s", len(failed), names)

    def _record(
        self,
        trial: Trial,
        value: float | None,
        outcome: str,
        without_value: TrialState = TrialState.FAIL,
    ) -> None:
        try:
            trial.set_user_attr(OUTCOME, outcome)
            state = without_value if value is None else TrialState.COMPLETE
            with quiet():
                self.study.tell(trial, value, state=state)
        except optuna.exceptions.UpdateFinishedTrialError:
            log.warning("trial %d was taken for dead meanwhile and queued again", trial.number)
        except RuntimeError as error:
            # The grid's sampler wants to stop the study's own loop, which does not run here.
            if "Study.stop" not in str(error):
                raise

    def _queue_again(self, trial: FrozenTrial) -> None:
        self.study.add_trial(queued_again(trial))

    def _fail_stale(self) -> None:
        """Queue again what killed processes have left."""
        with quiet():
            optuna.storages.fail_stale_trials(self.study)
        # A process that was killed before its first heartbeat is not found by these.
        latest = datetime.now() - timedelta(seconds=UNMARKED_SECONDS)
        for trial in self.study.get_trials(states=[TrialState.RUNNING]):
            if OUTCOME not in trial.user_attrs and (trial.datetime_start or latest) < latest:
                with contextlib.suppress(optuna.exceptions.UpdateFinishedTrialError):
                    self._storage.set_trial_state_values(trial._trial_id, TrialState.FAIL)
                    self._queue_again(self.study.trials[trial.number])


def load_study(name: str, url: str) -> optuna.Study:
    """A study that exists, to look at. Raises as SweepStudy does, or UserError if it does not."""
    with reached(url):
        try:
            return optuna.load_study(study_name=name, storage=_storage(url))
        except KeyError as error:
            raise UserError(shown(f"study={name}: there is none in storage={url}")) from error


def _storage(url: str) -> RDBStorage:
    # Two processes that start together would both make the tables.
    with locked(url), quiet():
        return RDBStorage(
            url,
            heartbeat_interval=HEARTBEAT_SECONDS,
            grace_period=GRACE_SECONDS,
            heartbeat_stale_trial_callback=RetryHeartbeatStaleTrialCallback(MAX_RETRIES),
        )


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Heartbeats are experimental in Optuna, and not thought of in loops of one's own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        warnings.filterwarnings("ignore", message="Heartbeat of storage")
        yield
