"""Makes the store and its experiment, once, however many processes ask for it together."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from archstyle.common.files import locked
from archstyle.errors import ArchstyleError
from archstyle.tracking.connection import connect, mlflow_errors
from archstyle.tracking.store import (
    EXPERIMENT,
    artifact_folder,
    is_server,
    sqlite_file,
    tracking_uri,
)

ABOUT = "One run for each execution of Archstyle's pipeline (fetch to register)."


def prepare_store() -> str:
    """Make the store and its experiment where they are missing; return the experiment's id.

    Call it before long work: a server that cannot be reached, and a project folder that was moved
    away from its artifacts, are each an ArchstyleError within about ten seconds. Parallel runs may
    call it together.
    """
    uri = tracking_uri()
    with _one_at_a_time(uri):
        client = connect(create=True)
        with mlflow_errors("make the experiment"):
            experiment = client.get_experiment_by_name(EXPERIMENT)
            if experiment is not None and experiment.lifecycle_stage == "deleted":
                raise ArchstyleError(
                    f"The MLflow experiment {EXPERIMENT} was deleted: restore it with "
                    f"`mlflow experiments restore -x {experiment.experiment_id}`, or remove it for "
                    "good with `mlflow gc`."
                )
            if experiment is None:
                location = None if is_server(uri) else str(artifact_folder(uri))
                # The kind chooses which of its pages MLflow shows.
                kind = "custom_model_development"
                tags = {"mlflow.note.content": ABOUT, "mlflow.experimentKind": kind}
                return str(client.create_experiment(EXPERIMENT, location, tags))
    _check_artifacts(experiment, uri)
    return str(experiment.experiment_id)


@contextmanager
def _one_at_a_time(uri: str) -> Iterator[None]:
    """MLflow's creation of a sqlite database is not safe in two processes at once."""
    database = sqlite_file(uri)
    if database is None:
        yield
        return
    try:
        database.parent.mkdir(parents=True, exist_ok=True)
        lock = database.with_name(f"{database.name}.lock")
        lock.touch()
    except OSError as error:
        raise ArchstyleError(
            f"The MLflow database {database} cannot be written ({error.strerror}): set "
            "MLFLOW_TRACKING_URI to a place that can."
        ) from error
    with locked(lock):
        yield


def _check_artifacts(experiment: Any, uri: str) -> None:
    """MLflow keeps absolute paths, so a moved project would write into the old folder."""
    parts = urlsplit(str(experiment.artifact_location))
    if is_server(uri) or parts.scheme not in ("", "file"):
        return
    recorded, expected = Path(unquote(parts.path)), artifact_folder(uri)
    ours = not os.environ.get("MLFLOW_TRACKING_URI")
    if recorded.resolve() == expected.resolve() or (not ours and recorded.is_dir()):
        return
    database = sqlite_file(uri)
    raise ArchstyleError(
        f"The runs in {database or uri} keep their files in {recorded}, but this folder's are in "
        f"{expected}: it was moved or copied. Move it back, or start afresh here with "
        f"`mv {database} {database}.old` and `archstyle record`."
        if database
        else f"The runs in {uri} keep their files in {recorded}, which is not on this machine: "
        "run this where it is, or use an MLflow server (MLFLOW_TRACKING_URI=http://host:5000)."
    )
