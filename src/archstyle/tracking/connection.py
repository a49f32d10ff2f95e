"""Talks to MLflow: imported late, bounded in time, its errors as sentences."""

import logging
import os
import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from archstyle.errors import ArchstyleError
from archstyle.tracking.store import sqlite_file, tracking_uri

if TYPE_CHECKING:
    from mlflow import MlflowClient

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
DATABASE_PORTS = {"postgresql": 5432, "mysql": 3306, "mssql": 1433}


def connect(create: bool = False) -> "MlflowClient":
    """Return a client of `tracking_uri()`; raises ArchstyleError where nobody answers there.

    A sqlite file that is missing is only made with `create`: to look makes nothing. Imports MLflow
    (five seconds, once a process). MLFLOW_RUN_ID is taken out of the environment:
    runs are named by models/run.json alone.
    """
    uri = tracking_uri()
    if not reachable(uri):
        raise ArchstyleError(
            f"MLflow at {_without_password(uri)} does not answer: start it, or unset "
            "MLFLOW_TRACKING_URI to keep runs in mlflow.db."
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
    mlflow.set_tracking_uri(uri)
    with mlflow_errors("open the store"):
        return mlflow.MlflowClient(uri)


def reachable(uri: str) -> bool:
    """Say within a few seconds whether somebody answers at an HTTP or database address."""
    parts = urlsplit(uri)
    if parts.scheme in ("http", "https"):
        try:
            with urllib.request.urlopen(f"{uri.rstrip('/')}/health", timeout=PROBE_SECONDS):
                return True
        except urllib.error.HTTPError:
            return True  # somebody answered; MLflow's client will say what is wrong
        except urllib.error.URLError as error:
            return isinstance(error.reason, ssl.SSLError)
        except (OSError, ValueError):
            return False
    port = DATABASE_PORTS.get(parts.scheme.partition("+")[0])
    if port is None or not parts.hostname:
        return True
    try:
        socket.create_connection((parts.hostname, parts.port or port), PROBE_SECONDS).close()
    except OSError:
        return False
    return True


@contextmanager
def mlflow_errors(doing: str) -> Iterator[None]:
    """Turn what MLflow raises into one sentence; `doing` completes "MLflow could not ..."."""
    from mlflow.exceptions import MlflowException

    try:
        yield
    except MlflowException as error:
        first = str(error).strip().splitlines()[0][:300].rstrip(".")
        raise ArchstyleError(
            f"MLflow at {_without_password(tracking_uri())} could not {doing}: {first}. Check "
            "MLFLOW_TRACKING_URI and that store, then run this again."
        ) from error


def _without_password(uri: str) -> str:
    parts = urlsplit(uri)
    if parts.password is None:
        return uri
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
