"""Where runs and models are kept: an MLflow server, or a sqlite file beside the project."""

import os
from pathlib import Path

EXPERIMENT = "archstyle"
MODEL_NAME = "archstyle"


def main_root() -> Path:
    """Return the main project folder, which DVC names even in an experiment's temporary copy."""
    return Path(os.environ.get("DVC_ROOT") or Path.cwd()).resolve()


def tracking_uri() -> str:
    """Return MLFLOW_TRACKING_URI, or the sqlite file in the main project folder.

    Raises ArchstyleError for a file store, which MLflow no longer writes. Does not import MLflow.
    """
    raise NotImplementedError


def prepare_store() -> str:
    """Make the store and its experiment where they are missing; return the experiment's id.

    Call it before long work: a server that cannot be reached, and a project folder that was moved
    away from its artifacts, are each an ArchstyleError within about ten seconds.
    """
    raise NotImplementedError
