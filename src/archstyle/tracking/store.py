"""Where runs and models are kept, an MLflow server or a SQLite file, and how to talk to it.

MLflow is imported late, since that takes five seconds; it is bounded in time, and its errors become
sentences.
"""

import http.client
import logging
import os
import re
import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from archstyle.common.files import locked
from archstyle.errors import ArchstyleError

if TYPE_CHECKING:
    from mlflow import MlflowClient

EXPERIMENT = "archstyle"
MODEL_NAME = "archstyle"
TAGS = {
    "mlflow.note.content": "One run for each execution of Archstyle's stages, fetch to register.",
    "mlflow.experimentKind": "custom_model_development",  # which of its pages MLflow shows
}
PROBE_SECONDS = 5.0
# MLflow's own settings, unless the user has set them: its defaults retry for minutes, draw
# progress bars into ours, look for a run to join in the environment, and report usage.
SETTINGS = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
}
# Whose errors say that something is wrong with a store: MLflow lets many of them through.
STORES = ("mlflow", "requests", "sqlalchemy", "urllib3", "boto3", "botocore")
DATABASE_PORTS = {"postgresql": 5432, "mysql": 3306, "mssql": 1433}


def main_root() -> Path:
    """Return the main project folder, which DVC names even in an experiment's temporary copy."""
    return Path(os.environ.get("DVC_ROOT") or Path.cwd()).resolve()


def tracking_uri() -> str:
    """Return MLFLOW_TRACKING_URI, or the SQLite file in the main project folder.

    A relative SQLite file is the main project's, whatever folder DVC runs in. Raises ArchstyleError
    for a file store, which MLflow no longer writes, and a folder whose name no address can hold.
    """
    uri = os.environ.get("MLFLOW_TRACKING_URI", "").strip() or "sqlite:///mlflow.db"
    if uri.startswith("sqlite:///"):
        file, mark, options = uri.removeprefix("sqlite:///").partition("?")
        path = str(main_root() / unquote(file))
        if "?" in path or unquote(path) != path:
            raise ArchstyleError(
                f"{path} has a name that a database address cannot hold (? or % before two "
                "digits): rename its folder, or set MLFLOW_TRACKING_URI to another place."
            )
        return f"sqlite:///{path}{mark}{options}"
    try:
        scheme = (parts := urlsplit(uri)).scheme
        if scheme in ("http", "https"):
            _ = parts.port
    except ValueError as error:
        told = f"MLFLOW_TRACKING_URI is no address ({error}): set it to one as http://host:5000."
        raise ArchstyleError(told) from None
    if scheme in ("", "file") and not uri.startswith("databricks"):
        raise ArchstyleError(
            f"MLFLOW_TRACKING_URI is the folder {uri}, which MLflow can no longer write runs to: "
            "unset it, or set it to sqlite:////path/mlflow.db or a server (http://host:5000)."
        )
    return uri


def sqlite_file(uri: str) -> Path | None:
    """Return the database file of a sqlite address, and None of any other address."""
    if not uri.startswith("sqlite:///"):
        return None
    return Path(unquote(uri.removeprefix("sqlite:///").partition("?")[0])).resolve()


def last_written() -> int | None:
    """Return when the sqlite file was last written to, in ns since 1970; None of other stores."""
    database = sqlite_file(tracking_uri())
    return database.stat().st_mtime_ns if database and database.is_file() else None


def artifact_folder(uri: str) -> Path | None:
    """Return where artifacts go, beside a sqlite file; None: a server that is asked places them."""
    if uri.startswith(("http://", "https://", "databricks", "uc:")):
        return None
    database = sqlite_file(uri)
    return (database.parent if database else main_root()) / "mlartifacts"


def connect(create: bool = False) -> "MlflowClient":
    """Return a client of `tracking_uri()`; raises ArchstyleError where nobody answers there.

    A sqlite file that is missing is only made with `create`: to look makes nothing. MLFLOW_RUN_ID
    is taken out of the environment: runs are named by models/run.json alone.
    """
    uri = tracking_uri()
    if not reachable(uri):
        raise ArchstyleError(
            f"MLflow at {without_password(uri)} does not answer in {PROBE_SECONDS:.0f} seconds: "
            "start it, or unset MLFLOW_TRACKING_URI to keep runs in mlflow.db."
        )
    database = sqlite_file(uri)
    if database is not None and not create and not database.is_file():
        raise ArchstyleError(
            f"There is no {database} yet: run this in the project's folder, after `make run`."
        )
    os.environ.pop("MLFLOW_RUN_ID", None)
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    import mlflow

    logging.getLogger("alembic").setLevel(logging.WARNING)
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)  # it prints traces
    mlflow.set_tracking_uri(uri)
    with mlflow_errors("open the store"):
        if urlsplit(uri).scheme.partition("+")[0] in DATABASE_PORTS:
            from sqlalchemy import create_engine

            create_engine(uri).connect().close()  # MLflow would try again for two minutes
        return mlflow.MlflowClient(uri)


def prepare_store() -> str:
    """Make the store and its experiment where they are missing; return the experiment's id.

    For before long work: a server that cannot be reached and a project that was moved away from its
    artifacts are an ArchstyleError within ten seconds. Parallel runs may call it together.
    """
    uri = tracking_uri()
    database = sqlite_file(uri)
    # MLflow's creation of a sqlite database is not safe in two processes at once.
    alone: AbstractContextManager[object] = nullcontext()
    if database:
        lock = database.with_name(f"{database.name}.lock")
        alone = locked(lock, advice="set MLFLOW_TRACKING_URI to a place that can")
    with alone:
        client = connect(create=True)
        with mlflow_errors("make the experiment"):
            experiment = client.get_experiment_by_name(EXPERIMENT)
            if experiment is not None and experiment.lifecycle_stage == "deleted":
                raise ArchstyleError(
                    f"The MLflow experiment {EXPERIMENT} was deleted: `mlflow experiments restore "
                    f"-x {experiment.experiment_id}` restores it, `mlflow gc` removes it for good."
                )
            if experiment is None:
                # An address, as a # in a path would begin a fragment.
                folder = artifact_folder(uri)
                location = folder.as_uri() if folder else None
                try:
                    return str(client.create_experiment(EXPERIMENT, location, TAGS))
                except Exception as error:
                    if getattr(error, "error_code", "") != "RESOURCE_ALREADY_EXISTS":
                        raise
                    experiment = client.get_experiment_by_name(EXPERIMENT)  # of a quicker run
                    assert experiment is not None
    _check_artifacts(str(experiment.artifact_location), uri)
    return str(experiment.experiment_id)


def _check_artifacts(location: str, uri: str) -> None:
    """MLflow keeps absolute paths, so a moved project would write into the old folder."""
    expected, database = artifact_folder(uri), sqlite_file(uri)
    if expected is None or urlsplit(location).scheme not in ("", "file"):
        return
    # Stores of an earlier version have a plain path, in which nothing is escaped.
    plain = location.startswith("/")
    recorded = Path(location if plain else unquote(urlsplit(location).path)).resolve()
    ours = not os.environ.get("MLFLOW_TRACKING_URI")
    if recorded == expected.resolve() or (not ours and recorded.is_dir()):
        return
    told = f"The runs in {database or without_password(uri)} keep their files in {recorded}, "
    if database is None:
        raise ArchstyleError(
            f"{told}which is not on this machine: run this where it is, or use an MLflow server "
            "(MLFLOW_TRACKING_URI=http://host:5000)."
        )
    raise ArchstyleError(
        f"{told}but this folder's are in {expected}: it was moved or copied. Move it back, or "
        f"start afresh here with `mv {database} {database}.old` and `archstyle record`."
    )


def reachable(uri: str) -> bool:
    """Say within a few seconds whether somebody answers at an HTTP or database address."""
    parts = urlsplit(uri)
    try:
        if parts.scheme in ("http", "https"):
            address = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
            urllib.request.urlopen(f"{address.rstrip('/')}/health", timeout=PROBE_SECONDS).close()
        elif parts.hostname and (port := DATABASE_PORTS.get(parts.scheme.partition("+")[0])):
            socket.create_connection((parts.hostname, parts.port or port), PROBE_SECONDS).close()
    except urllib.error.HTTPError:
        pass  # somebody answered; MLflow's client will say what is wrong
    except (OSError, ValueError, http.client.HTTPException) as error:
        return isinstance(getattr(error, "reason", None), ssl.SSLError)
    return True


@contextmanager
def mlflow_errors(doing: str) -> Iterator[None]:
    """Turn what MLflow raises into one sentence; `doing` completes "MLflow could not ..."."""
    try:
        yield
    except Exception as error:
        library = type(error).__module__.partition(".")[0]
        if library not in STORES:
            raise
        first = (str(error).strip() or type(error).__name__).splitlines()[0][:300].rstrip(".")
        if found := re.search("disk is full|No space left on device", str(error)):
            first = found[0]  # which the first line does not tell
        look_at = "MLFLOW_TRACKING_URI and that store"
        if library.startswith("boto"):
            look_at = "MLFLOW_S3_ENDPOINT_URL, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        elif re.search(r"(error code |^)40[13]\b", first):
            look_at = "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"
        elif re.search("certificate|TLS", str(error)):  # refused, or the file of one is not there
            why = re.search(r"certificate verify failed: ([\w ,-]+)", str(error))
            first = f"its certificate is not trusted ({why[1].strip()})" if why else first
            look_at = "MLFLOW_TRACKING_SERVER_CERT_PATH (or MLFLOW_TRACKING_INSECURE_TLS)"
        elif "error code 404" in first:
            look_at = "MLFLOW_TRACKING_URI, which must be a server of MLflow's version 3"
        raise ArchstyleError(
            f"MLflow at {without_password(tracking_uri())} could not {doing}: {first}. Check "
            f"{look_at}, then run this again."
        ) from error


def without_password(uri: str) -> str:
    """Return an address that may be shown."""
    uri = uri.partition("?")[0]  # options, which may have one too
    parts = urlsplit(uri)
    if parts.password is None:
        return uri
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
