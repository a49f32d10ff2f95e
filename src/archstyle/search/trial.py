"""One trial: augment, train, and what the validation photos say of it. The test split is not read.

Runs in its worker's process; what it finds goes into the study and into a child run in MLflow.
"""

import hashlib
import json
import math
import os
import shutil
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path

import optuna
from optuna.trial import Trial, TrialState

from archstyle.common.console import say
from archstyle.common.files import code_digest, locked, whole_directory
from archstyle.config import Config, compose
from archstyle.data.arrays import write_arrays
from archstyle.data.manifest import digest, read_manifest
from archstyle.errors import ArchstyleError
from archstyle.metrics.classification import measures
from archstyle.photos.store import PhotoStore
from archstyle.search.plan import Plan, as_overrides
from archstyle.tracking.runlog import RunLog, first_line
from archstyle.tracking.runs import start_run

WORK = Path(".archstyle/sweep")
AGAIN, ERROR = "again", "error"  # attributes of a trial: which one it runs again, why it failed
TAGS = {"mlflow.source.name": "archstyle sweep"}
# Optuna's own storage in MLflow calls a pruned trial KILLED, too.
STATUS = {"complete": "FINISHED", "pruned": "KILLED", "failed": "FAILED"}
STATES = {"complete": None, "pruned": TrialState.PRUNED, "failed": TrialState.FAIL}
OnEpoch = Callable[[Mapping[str, float | str]], None]


def open_study(plan: Plan, seed: int = 0) -> optuna.Study:
    """Open the study of a sweep, which is made where it is missing; less is better."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna.create_study(
        storage=plan.storage,
        study_name=plan.study,
        sampler=optuna.samplers.TPESampler(seed=seed),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=plan.prune_after),
        load_if_exists=True,
    )


def run_trial(plan: Plan, run_id: str, seed: int, threads: int | None = None) -> tuple[int, str]:
    """Ask for a trial, run it, tell its end; return its number and the traceback of a fault.

    `run_id` is the parent run in MLflow, `seed` the sampler's, another one for every trial;
    `threads` leaves the other cores to the trials beside it. What goes wrong in the trial is its
    end; only a tracking server that is away raises.
    """
    os.chdir(plan.root)  # a worker of Ray starts elsewhere
    study = open_study(plan, seed)
    trial = study.ask(plan.space)
    say(f"\nTrial {trial.number}: {', '.join(as_overrides(trial.params))}")
    config = compose(plan.root, as_overrides({**plan.fixed, **trial.params}))
    if threads:
        for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
            os.environ[name] = str(threads)
    # What a trial that was interrupted has left is where this one goes on.
    work = WORK / "trials" / f"{plan.study}-{trial.user_attrs.get(AGAIN, trial.number)}"
    start, fault, value, end = time.monotonic(), "", None, "failed"
    tags = {"mlflow.parentRunId": run_id, "sweep": plan.study, "trial": str(trial.number)}
    name, tags = f"trial {trial.number}", TAGS | tags
    with start_run(plan.root, asdict(config), name, stage="sweep", tags=tags) as log:
        try:
            with augmented(plan.root, WORK / "arrays", config) as arrays:
                # TensorFlow takes ten seconds to import.
                from archstyle.models import validate

                raw, on_epoch = plan.root / "data/raw", watch(trial, log, config.train.epochs)
                recipe = config.model, config.train, config.seed
                _, labels, probabilities = validate(arrays, raw, work, *recipe, on_epoch)
            found = measures(labels, probabilities)
            if not math.isfinite(found["negative_log_likelihood"]):
                raise ArchstyleError("The training diverged: its loss is no number.")
            for key, number in {**found, "minutes": (time.monotonic() - start) / 60}.items():
                trial.set_user_attr(key, number)
            log.metrics(found, "final_validation")
            end, value = "complete", found["negative_log_likelihood"]
        except optuna.TrialPruned:
            end = "pruned"
        except Exception as error:
            message = first_line(error)
            fault = "" if isinstance(error, ArchstyleError) else traceback.format_exc()
            trial.set_user_attr(ERROR, message)
            log.note({"archstyle.error": message})
        told = {"pruned": "stopped early"}.get(end, end) if value is None else f"{value:.4f}"
        log.rename_to(f"{name}, {told}")
        log.note({"trial.state": end})
        log.finish(STATUS[end])
        study.tell(trial, value, STATES[end], skip_if_finished=True)
    shutil.rmtree(work, ignore_errors=True)
    return trial.number, fault


def watch(trial: Trial, log: RunLog, epochs: int) -> OnEpoch:
    """Return what takes each epoch's row of models/history.csv, and keeps it.

    It raises TrialPruned where the trial falls behind the median of the others at a quarter of its
    epochs: half way down its schedule an epoch of six is not to be compared with one of twelve.
    """
    quarters = {-(-epochs * quarter // 4): quarter for quarter in (1, 2, 3)}
    epoch = 0

    def on_epoch(row: Mapping[str, float | str]) -> None:
        nonlocal epoch
        log.epoch(row)
        epoch += row["phase"] != "head"
        if row["phase"] != "head" and epoch in quarters and epoch < epochs:
            # How far macro F1 is from 1; accuracy where an epoch has no macro F1.
            score = float(row.get("validation_macro_f1", row["validation_accuracy"]))
            trial.report(1 - score, quarters[epoch])
            if trial.should_prune():
                raise optuna.TrialPruned

    return on_epoch


@contextmanager
def augmented(root: Path, folder: Path, config: Config) -> Iterator[Path]:
    """Yield a folder like data/augmented for this configuration, made where it is missing.

    Trials that need the same one share it. Those that no trial uses go when another one is taken.
    """
    rows = read_manifest(root / "data/prepared/manifest.csv")
    sizes = (config.model.image_size, config.model.read_size)
    facts = [digest(rows), code_digest(root, ["augment"]), config.seed, asdict(config.augment)]
    key = hashlib.sha256(json.dumps([*facts, *sizes], sort_keys=True).encode()).hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    path, lock = folder / key, folder / f"{key}.lock"
    while True:
        with locked(lock, shared=True):
            if path.is_dir():
                remove_unused(folder)
                yield path
                return
        with locked(lock):
            if not path.is_dir():
                store, recipe = PhotoStore(root / "data/raw"), (config.model, config.augment)
                with whole_directory(path) as partial:
                    write_arrays(partial, store, rows, *recipe, config.seed, crops=True)


def remove_unused(folder: Path) -> None:
    """Remove the arrays that no trial holds, and what killed trials left."""
    for lock in folder.glob("*.lock"):
        with suppress(BlockingIOError), locked(lock, wait=False) as unused:
            for path in (lock.with_suffix(""), *folder.glob(f".{lock.stem}.partial-*")):
                if unused:
                    shutil.rmtree(path, ignore_errors=True)
