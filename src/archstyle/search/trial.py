"""One trial: augment, train, and what the validation photos say of it. The test split is not read.

Runs in the process that Hydra's launcher gives it; what it finds goes into the study and into a
child run in MLflow.
"""

import math
import os
import shutil
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from optuna import TrialPruned
from optuna.trial import Trial

from archstyle.common.parallel import cores
from archstyle.config import Config, compose
from archstyle.errors import ArchstyleError
from archstyle.search import study as studies
from archstyle.search.arrays import augmented
from archstyle.search.plan import as_overrides, read_space
from archstyle.search.schema import Study
from archstyle.tracking.runlog import RunLog
from archstyle.tracking.sweeps import end_trial, trial_run

ARRAYS = Path(".archstyle/sweep/arrays")
# A trial is looked at after each quarter of its epochs, where those of another length were, too:
# half way down its schedule an epoch of six is not to be compared with one of twelve.
QUARTERS = 4


@dataclass(frozen=True)
class Outcome:
    """How a trial ended: with a value, with an error, or stopped early with neither."""

    value: float | None = None
    error: str = ""
    details: str = ""  # where in the code, for an error that nobody foresaw


def run_trial(
    root: Path, overrides: Sequence[str], study: Study, threads: int | None = None
) -> Outcome:
    """Run the trial `study.trial` of the project at `root` with the overrides of its job.

    `threads` leaves the other cores to the trials beside it. What goes wrong in the trial is its
    outcome; only a tracking server that is away raises.
    """
    os.chdir(root)  # a worker of Ray starts elsewhere
    config = compose(root, as_overrides(read_space(overrides)[1]))
    trial = studies.trial_of(
        studies.open_study(study.storage, study.name, study.prune_after), study.trial
    )
    studies.count_attempt(trial)
    # What is here after the end of the process is of a trial that was interrupted.
    work = Path(".archstyle/sweep/trials") / f"{study.name}-{study.trial}"
    with trial_run(root, asdict(config), study.name, study.trial, study.run_id) as log:
        trial.set_user_attr("run_id", log.run_id)
        if threads:
            for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
                os.environ[name] = str(threads)
        outcome = _attempt(root, work, config, trial, log)
        shutil.rmtree(work, ignore_errors=True)
    return outcome


def _attempt(root: Path, work: Path, config: Config, trial: Trial, log: RunLog) -> Outcome:
    """Train and measure, and end the run as the trial ended."""
    start, name = time.monotonic(), f"trial {trial.number}"
    try:
        with augmented(root, ARRAYS, config) as directory:
            # TensorFlow takes ten seconds to import.
            from archstyle.models import validate

            watch = Watch(trial, log, config.train.epochs)
            raw = root / "data/raw"
            told = validate(directory, raw, work, config.model, config.train, config.seed, watch)
        found = told.measures()
        value = found["negative_log_likelihood"]
        if not math.isfinite(value):
            raise ArchstyleError("The training diverged: its loss is no number.")
    except TrialPruned:
        end_trial(log, "pruned", f"{name}, stopped early")
        return Outcome()
    except Exception as error:
        message = (str(error).strip() or type(error).__name__).splitlines()[0]
        end_trial(log, "failed", f"{name}, failed", error=message)
        expected = isinstance(error, ArchstyleError)
        return Outcome(error=message, details="" if expected else traceback.format_exc())
    minutes = round((time.monotonic() - start) / 60, 2)
    for key, number in {**found, "minutes": minutes}.items():
        trial.set_user_attr(key, number)
    end_trial(log, "complete", f"{name}, {value:.4f}", found)
    return Outcome(value)


class Watch:
    """Takes each epoch, keeps it, and stops a trial that falls behind the median of the others."""

    def __init__(self, trial: Trial, log: RunLog, epochs: int):
        self._trial = trial
        self._log = log
        self._epochs = epochs
        self._epoch = 0

    def __call__(self, row: Mapping[str, float | str]) -> None:
        """Take a row of models/history.csv; raises TrialPruned."""
        self._log.epoch(row)
        if row["phase"] == "head":
            return
        before = QUARTERS * self._epoch // self._epochs
        self._epoch += 1
        now = QUARTERS * self._epoch // self._epochs
        if before < now < QUARTERS:
            self._trial.report(error_share(row), now)
            if self._trial.should_prune():
                raise TrialPruned


def error_share(row: Mapping[str, float | str]) -> float:
    """Return what is compared between epochs: how far macro F1, or else accuracy, is from 1."""
    return 1 - float(row.get("validation_macro_f1", row["validation_accuracy"]))


def threads_of(launcher: str, workers: int) -> int | None:
    """Return how many cores a trial may use; None where it has them all to itself."""
    if launcher == "workers":
        return max(1, cores() // workers)
    # Ray sets this to the cores that it was told to give to a trial.
    return int(os.environ.get("OMP_NUM_THREADS", 0)) or None
