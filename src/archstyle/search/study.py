"""The study: every trial of a sweep with its values and its end, in a database."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import optuna
from optuna.pruners import MedianPruner
from optuna.samplers import BaseSampler
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, Trial, TrialState

from archstyle.common.files import locked
from archstyle.errors import ArchstyleError

ATTEMPTS, ERROR = "attempts", "error"
MOST_ATTEMPTS = 2
FAILURES_IN_A_ROW = 3

optuna.logging.set_verbosity(logging.WARNING)


def open_study(
    storage: str, name: str, prune_after: int = 0, sampler: BaseSampler | None = None
) -> optuna.Study:
    """Open a study, which is made where it is missing; less is better.

    Open it anew rather than keep it: a study does not see what another process writes to a trial
    that it began. Optuna 2 leaves writes to SQLAlchemy's former automatic commit, hence AUTOCOMMIT.
    """
    if storage.startswith("sqlite:///"):
        Path(storage.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
    database = RDBStorage(storage, {"isolation_level": "AUTOCOMMIT"})
    # At least one finished trial, or there would be no median.
    pruner = MedianPruner(n_startup_trials=max(1, prune_after))
    return optuna.create_study(database, sampler, pruner, name, "minimize", load_if_exists=True)


def unfinished(study: optuna.Study) -> list[FrozenTrial]:
    """Return the trials whose process ended before they did."""
    return [trial for trial in study.trials if trial.state == TrialState.RUNNING]


def finished(study: optuna.Study) -> list[FrozenTrial]:
    """Return the trials that need no further work, failed ones included."""
    return [trial for trial in study.trials if trial.state.is_finished()]


def trial_of(study: optuna.Study, number: int) -> Trial:
    """Return a trial to report to, which some other process began."""
    return Trial(study, study.trials[number]._trial_id)


def complete(study: optuna.Study, number: int, value: float) -> None:
    """End a trial with its value."""
    study.tell(number, value)


def prune(study: optuna.Study, number: int) -> None:
    """End a trial that was stopped early; its value is the last that it reported."""
    study.tell(number, state=TrialState.PRUNED)


def fail(study: optuna.Study, number: int, error: str) -> None:
    """End a trial that broke."""
    trial_of(study, number).set_user_attr(ERROR, error)
    study.tell(number, state=TrialState.FAIL)


def begin_again(study: optuna.Study) -> list[int]:
    """Return the interrupted trials to run again; one that was interrupted twice has failed.

    What ended its process twice, for example a lack of memory, would do it again for ever.
    """
    again = []
    for trial in unfinished(study):
        if trial.user_attrs.get(ATTEMPTS, 0) >= MOST_ATTEMPTS:
            fail(study, trial.number, f"it was interrupted {MOST_ATTEMPTS} times")
        else:
            again.append(trial.number)
    return again


def count_attempt(trial: Trial) -> None:
    """Note that a trial begins to run."""
    trial.set_user_attr(ATTEMPTS, trial.user_attrs.get(ATTEMPTS, 0) + 1)


def check_failures(trials: Sequence[FrozenTrial]) -> None:
    """Raise ArchstyleError where the last trials all failed: the next ones would, too."""
    last = trials[-FAILURES_IN_A_ROW:]
    if len(last) == FAILURES_IN_A_ROW and all(trial.state == TrialState.FAIL for trial in last):
        error = last[-1].user_attrs.get(ERROR, "unknown")
        raise ArchstyleError(
            f"The last {FAILURES_IN_A_ROW} trials failed, trial {last[-1].number} with: {error} "
            "Mend that, then the same command goes on with the trials that are left."
        )


def best(study: optuna.Study) -> FrozenTrial | None:
    """Return the best of the trials that ran to their end."""
    ended = [trial for trial in study.trials if trial.state == TrialState.COMPLETE]
    return min(ended, key=lambda trial: (trial.value, trial.number), default=None)


@contextmanager
def only_one(path: Path) -> Iterator[None]:
    """Keep a second sweep of the same study out; a killed one lets go by itself."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        try:
            stack.enter_context(locked(path, wait=False))
        except BlockingIOError:
            raise ArchstyleError(
                "This sweep is running already: wait for it, or search something else beside it."
            ) from None
        yield
