"""Runs and registered models, in MLflow; nothing else in Archstyle imports MLflow.

MLflow takes five seconds to import, so it is imported inside the functions that need it.
"""

from archstyle.tracking.record import ensure_recorded
from archstyle.tracking.registry import RegisteredBundle, champion_version, download_bundle
from archstyle.tracking.runs import RunLog, resume_run, start_run
from archstyle.tracking.store import (
    EXPERIMENT,
    MODEL_NAME,
    main_root,
    prepare_store,
    tracking_uri,
)

__all__ = [
    "EXPERIMENT",
    "MODEL_NAME",
    "RegisteredBundle",
    "RunLog",
    "champion_version",
    "download_bundle",
    "ensure_recorded",
    "main_root",
    "prepare_store",
    "resume_run",
    "start_run",
    "tracking_uri",
]
