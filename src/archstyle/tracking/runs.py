"""One run a pipeline execution: started by train, resumed by evaluate and register."""

import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from archstyle.bundle import Card
from archstyle.bundle.bundle import CARD
from archstyle.common.console import say
from archstyle.common.files import read_json
from archstyle.tracking.facts import (
    Facts,
    dataset_input,
    dvc_tags,
    facts_from_card,
    facts_from_summary,
    is_alive,
    process_tags,
)
from archstyle.tracking.runlog import RunLog, run_name
from archstyle.tracking.store import connect, mlflow_errors, prepare_store

SOURCE_RUN = "archstyle.source_run_id"


@contextmanager
def start_run(
    root: Path,
    config: Mapping[str, Any],
    name: str | None = None,
    resume: str | None = None,
    stage: str = "train",
    tags: dict[str, str] | None = None,
) -> Iterator[RunLog]:
    """Start the run of this pipeline execution, for the train stage.

    `root` is the folder that the stage runs in, `config` the nested whole configuration, `name` by
    default its `model.name`. The run stays RUNNING when the block succeeds (register finishes it)
    and becomes FAILED, or KILLED on Ctrl-C, when it raises. `resume` is the id of a run that was
    interrupted, to go on with where the store has it: no epoch is logged twice.
    """
    experiment = prepare_store()
    with mlflow_errors("look for models"):  # of which a server of an earlier version knows nothing
        connect().search_logged_models([experiment], max_results=1)
    end_stale_runs(experiment)
    facts = facts_from_summary(root, config)
    noted = facts.tags() | process_tags(stage) | dvc_tags(root, "train") | (tags or {})
    with _opened(facts, resume, noted, name) as log:
        if resume:
            log.note(noted)
            log.config(config)
            log.find_epochs()
        log.keep_going = True
        yield log


@contextmanager
def resume_run(root: Path, stage: str, config: Mapping[str, Any] | None = None) -> Iterator[RunLog]:
    """Take up the run named in models/run.json, for the stages `evaluate` and `register`.

    Sends the epochs of models/history.csv that the store does not have. Where the store does not
    know the run (a stage restored from DVC's cache, a new store) it is made again from the files,
    tagged `archstyle.recreated` and `archstyle.source_run_id`; later stages find it by that tag.
    `config` holds the sections that the stage reads. Status as in start_run.
    """
    written = read_json(root / "models" / "run.json")
    card = Card.from_dict(read_json(root / "models" / "bundle" / CARD))
    facts, source_run = facts_from_card(card, written), str(written["run_id"])
    made = facts.tags() | {"archstyle.recreated": "true", SOURCE_RUN: source_run}
    with _opened(facts, source_run, made) as log:
        if log.run_id != source_run:
            say(f"MLflow has no run {source_run}: {log.run_id} is made for it.")
        log.note(process_tags(stage) | dvc_tags(root, stage))
        log.config(config or {})
        log.replay(root / "models" / "history.csv", card)
        yield log


@contextmanager
def _opened(
    facts: Facts, known: str | None, tags: Mapping[str, str], name: str | None = None
) -> Iterator[RunLog]:
    """Take up a known run, or make one with params, dataset, description and config.yaml."""
    experiment, client = prepare_store(), connect()
    run_id = find_run(known) if known else None
    with mlflow_errors("start a run"):
        if run_id:
            client.update_run(run_id, status="RUNNING")
            log = RunLog(client, run_id, facts)
        else:
            commit = facts.git.get("git.commit")
            tags = {**tags, **({"mlflow.source.git.commit": commit} if commit else {})}
            made = client.create_run(experiment, tags=tags, run_name=run_name(facts, name))
            log = RunLog(client, str(made.info.run_id), facts)
    try:
        if not run_id:
            log.config(facts.config)
            with mlflow_errors("start a run"):
                client.log_inputs(log.run_id, [dataset_input(facts)])
                client.log_dict(log.run_id, facts.config, "config.yaml")
            log.describe()
        yield log
    except BaseException as error:
        log.fail(error)
        raise


def find_run(source_run: str) -> str | None:
    """Return the id of the run, or of the one made again from it; None where there is neither."""
    experiment, client = prepare_store(), connect()
    with mlflow_errors("look for the run"):
        for place in ("attributes.run_id", f"tags.`{SOURCE_RUN}`"):
            if found := client.search_runs([experiment], f"{place} = '{source_run}'"):
                return str(found[0].info.run_id)
    return None


def end_stale_runs(experiment: str) -> list[str]:
    """Set to KILLED what is RUNNING on this machine without a process; return the run ids.

    A pipeline between two stages has no process either: its next stage sets RUNNING again.
    """
    client = connect()
    here = f"attributes.status = 'RUNNING' and tags.`archstyle.host` = '{socket.gethostname()}'"
    with mlflow_errors("look for stale runs"):
        found = client.search_runs([experiment], here)
        tags = {str(run.info.run_id): run.data.tags for run in found}
        ended = [run for run in tags if not is_alive(tags[run].get("archstyle.pid", ""))]
        for run_id in ended:
            client.set_terminated(run_id, "KILLED")
    return ended
