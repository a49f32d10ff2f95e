"""One run a pipeline execution: started by train, resumed by evaluate and register."""

import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archstyle.bundle import Card
from archstyle.bundle.bundle import CARD
from archstyle.common.console import say
from archstyle.common.files import read_json
from archstyle.errors import ArchstyleError
from archstyle.tracking.facts import (
    Facts,
    dataset_input,
    dvc_tags,
    facts_from_card,
    facts_from_summary,
    is_alive,
    process_tags,
)
from archstyle.tracking.runlog import RunLog, first_line, history_rows, run_name
from archstyle.tracking.store import connect, mlflow_errors, prepare_store, reachable, tracking_uri

if TYPE_CHECKING:
    from mlflow import MlflowClient

SOURCE_RUN = "archstyle.source_run_id"


@contextmanager
def start_run(
    root: Path, config: Mapping[str, Any], name: str | None = None, resume: str | None = None
) -> Iterator[RunLog]:
    """Start the run of this pipeline execution, for the train stage.

    `root` is the folder that the stage runs in: data/prepared/summary.json, dvc.lock and git are
    read there for the dataset input, the tags and the description. `config` is the nested whole
    configuration (`dataclasses.asdict(archstyle.config.compose(root, argv))`); `name` is by
    default its `model.name`. The run stays RUNNING when the block succeeds (register finishes it)
    and becomes FAILED, or KILLED on Ctrl-C, when the block raises. `resume` is the id of a run
    that was interrupted, which is gone on with where the store has it: an epoch that it knows is
    not logged again.
    """
    experiment = prepare_store()
    client = connect()
    end_stale_runs(client, experiment)
    facts = facts_from_summary(root, config)
    tags = facts.tags() | process_tags("train") | dvc_tags(root, "train")
    run_id = find_run(client, experiment, resume) if resume else None
    if run_id is None:
        log = create_run(client, experiment, facts, tags, name)
    else:
        log = RunLog(client, run_id, facts)
        log.go_on(tags)
    log.keep_going = True
    with run_status(log):
        yield log


@contextmanager
def resume_run(root: Path, stage: str, config: Mapping[str, Any] | None = None) -> Iterator[RunLog]:
    """Take up the run named in models/run.json, for the stages `evaluate` and `register`.

    Sends the epochs of models/history.csv that the store does not have. Where the store does not
    know the run (a stage restored from DVC's cache, a new store) it is made again from the files,
    tagged `archstyle.recreated` and `archstyle.source_run_id`; later stages find it by that tag.
    `config` holds the sections that the stage reads. Status as in start_run.
    """
    experiment = prepare_store()
    client = connect()
    written = read_json(root / "models" / "run.json")
    source_run = str(written["run_id"])
    card = Card.from_dict(read_json(root / "models" / "bundle" / CARD))
    facts = facts_from_card(card, written)
    run_id = find_run(client, experiment, source_run)
    if run_id is None:
        tags = facts.tags() | {"archstyle.recreated": "true", SOURCE_RUN: source_run}
        log = create_run(client, experiment, facts, tags, None)
        say(f"MLflow did not know run {source_run}: made it again as {log.run_id}.")
    else:
        log = RunLog(client, run_id, facts)
    with run_status(log):
        client.update_run(log.run_id, status="RUNNING")
        log.note(process_tags(stage) | dvc_tags(root, stage))
        if config:
            log.config(config)
        log.replay(history_rows(root / "models" / "history.csv"), card)
        yield log


def find_run(client: "MlflowClient", experiment: str, source_run: str) -> str | None:
    """Return the id of the run, or of the one made again from it; None where there is neither."""
    from mlflow.exceptions import MlflowException

    with mlflow_errors("look for the run"):
        try:
            if client.get_run(source_run).info.lifecycle_stage == "active":
                return source_run
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
        found = client.search_runs([experiment], f"tags.`{SOURCE_RUN}` = '{source_run}'")
    return str(found[0].info.run_id) if found else None


def create_run(
    client: "MlflowClient", experiment: str, facts: Facts, tags: Mapping[str, str], name: str | None
) -> RunLog:
    """Create a run with its params, dataset, description and config.yaml."""

    if "mlflow.source.git.commit" not in tags and "git.commit" in tags:
        tags = {**tags, "mlflow.source.git.commit": tags["git.commit"]}
    with mlflow_errors("start a run"):
        run = client.create_run(experiment, tags=dict(tags), run_name=run_name(facts, name))
        log = RunLog(client, run.info.run_id, facts)
        with run_status(log):
            log.config(facts.config)
            client.log_inputs(log.run_id, [dataset_input(facts)])
            client.log_dict(log.run_id, facts.config, "config.yaml")
            log.describe()
    return log


@contextmanager
def run_status(log: RunLog) -> Iterator[RunLog]:
    """Set the run FAILED or KILLED where the block raises; a lost server hides no error."""
    try:
        yield log
    except BaseException as error:
        status = "KILLED" if isinstance(error, KeyboardInterrupt) else "FAILED"
        try:
            if not reachable(tracking_uri()):
                raise ConnectionError("it does not answer")
            log.client.set_terminated(log.run_id, status)
            log.note({"archstyle.error": first_line(error)})
        except Exception as second:
            say(f"MLflow could not be told that the run is {status}: {first_line(second)}")
        raise


def end_stale_runs(client: "MlflowClient", experiment: str) -> list[str]:
    """Set to KILLED what is RUNNING on this machine without a process; return the run ids.

    A pipeline between two stages has no process either: its next stage sets RUNNING again.
    """
    here = f"attributes.status = 'RUNNING' and tags.`archstyle.host` = '{socket.gethostname()}'"
    ended = []
    with mlflow_errors("look for stale runs"):
        for run in client.search_runs([experiment], here):
            if not is_alive(run.data.tags.get("archstyle.pid", "")):
                client.set_terminated(run.info.run_id, "KILLED")
                ended.append(str(run.info.run_id))
    return ended


def finish_run(root: Path, name: str) -> None:
    """Name the run in models/run.json and finish it, where no register follows.

    Without the tracking server the measurements stay in the files, and people are told so.
    """
    try:
        with resume_run(root, "evaluate") as log:
            log.rename_to(name)
            log.finish()
    except ArchstyleError as error:
        say(f"warning: MLflow was not told how {name} ended: {error}")
