"""Where runs and models are kept: an MLflow server, or a sqlite file beside the project."""

import os
from pathlib import Path
from urllib.parse import unquote, urlsplit

from archstyle.errors import ArchstyleError

EXPERIMENT = "archstyle"
MODEL_NAME = "archstyle"


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
