"""Where runs and models are kept: an MLflow server, or a sqlite file beside the project."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from archstyle.errors import ArchstyleError

EXPERIMENT = "archstyle"
MODEL_NAME = "archstyle"
ABOUT = "One run for each execution of Archstyle's pipeline (fetch to register)."


def main_root() -> Path:
    """Return the main project folder, which DVC names even in an experiment's temporary copy."""
    return Path(os.environ.get("DVC_ROOT") or Path.cwd()).resolve()


def tracking_uri() -> str:
    """Return MLFLOW_TRACKING_URI, or the sqlite file in the main project folder.

    Raises ArchstyleError for a file store, which MLflow no longer writes. Does not import MLflow.
    """
    uri = os.environ.get("MLFLOW_TRACKING_URI", "").strip()
    if not uri:
        return f"sqlite:///{main_root() / 'mlflow.db'}"
    scheme = urlsplit(uri).scheme
    if scheme in ("", "file") and not uri.startswith("databricks"):
        raise ArchstyleError(
            f"MLFLOW_TRACKING_URI is the folder {uri}, which MLflow can no longer write runs to: "
            "unset it, or set it to a database (sqlite:////path/mlflow.db) or to a server "
            "(http://host:5000)."
        )
    return uri


def sqlite_file(uri: str) -> Path | None:
    """Return the database file of a sqlite address, and None of any other address."""
    if not uri.startswith("sqlite:///"):
        return None
    return Path(unquote(uri.removeprefix("sqlite:///").partition("?")[0])).resolve()


def is_server(uri: str) -> bool:
    """Say whether MLflow is asked over HTTP, so that it is the server who places artifacts."""
    return uri.startswith(("http://", "https://", "databricks", "uc:"))


def artifact_folder(uri: str) -> Path:
    """Return where this machine puts the artifacts of a database: beside a sqlite file."""
    database = sqlite_file(uri)
    return (database.parent if database else main_root()) / "mlartifacts"


def prepare_store() -> str:
    """Make the store and its experiment where they are missing; return the experiment's id.

    Call it before long work: a server that cannot be reached, and a project folder that was moved
    away from its artifacts, are each an ArchstyleError within about ten seconds. Parallel runs may
    call it together.
    """
    from archstyle.tracking.connection import connect, mlflow_errors

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
        lock = database.with_name(f"{database.name}.lock").open("w")
    except OSError as error:
        raise ArchstyleError(
            f"The MLflow database {database} cannot be written ({error.strerror}): set "
            "MLFLOW_TRACKING_URI to a place that can."
        ) from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
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
