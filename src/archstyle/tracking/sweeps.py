"""A sweep's runs: one parent, and one child for each trial."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from archstyle.tracking.facts import dvc_tags, facts_from_summary, process_tags
from archstyle.tracking.runlog import RunLog
from archstyle.tracking.runs import create_run, end_stale_runs, find_run, run_status
from archstyle.tracking.store import connect, prepare_store

PARENT, SOURCE = "mlflow.parentRunId", "archstyle sweep"
# Optuna's own storage in MLflow calls a pruned trial KILLED, too.
STATUS = {"complete": "FINISHED", "pruned": "KILLED", "failed": "FAILED"}


@contextmanager
def sweep_run(
    root: Path, config: Mapping[str, Any], sweep: str, study: str, run_id: str | None
) -> Iterator[RunLog]:
    """Start the parent run of a sweep, or go on with it where `run_id` names one that is known.

    `config` is what all trials have in common. FINISHED when the block succeeds, FAILED or KILLED
    when it does not.
    """
    experiment = prepare_store()
    client = connect()
    end_stale_runs(client, experiment)
    facts = facts_from_summary(root, config)
    found = find_run(client, experiment, run_id) if run_id else None
    tags = process_tags("sweep") | {"sweep": study, "mlflow.source.name": SOURCE}
    if found is None:
        tags = facts.tags() | tags | dvc_tags(root, "train")
        log = create_run(client, experiment, facts, tags, f"sweep {sweep}")
    else:
        log = RunLog(client, found, facts)
    with run_status(log):
        client.update_run(log.run_id, status="RUNNING")
        log.note(tags)
        yield log
        log.finish()


@contextmanager
def trial_run(
    root: Path, config: Mapping[str, Any], study: str, trial: int, parent: str
) -> Iterator[RunLog]:
    """Start the run of one trial below the run `parent`; `end_trial` ends it."""
    experiment = prepare_store()
    client = connect()
    facts = facts_from_summary(root, config)
    tags = facts.tags() | process_tags("sweep") | dvc_tags(root, "train")
    tags |= {PARENT: parent, "sweep": study, "trial": str(trial), "mlflow.source.name": SOURCE}
    log = create_run(client, experiment, facts, tags, f"trial {trial}")
    log.keep_going = True
    with run_status(log):
        yield log


def end_trial(
    log: RunLog, state: str, name: str, values: Mapping[str, Any] | None = None, error: str = ""
) -> None:
    """End a trial's run as `complete` (with what validation gave), `pruned` or `failed`."""
    log.rename_to(name)
    log.metrics(values or {}, "final_validation")
    log.note({"trial.state": state} | ({"archstyle.error": error} if error else {}))
    log.end(STATUS[state])
