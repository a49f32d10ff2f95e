"""Runs and registered models, in MLflow; nothing else in Archstyle imports MLflow.

MLflow takes five seconds to import, so it is imported inside the functions that need it. The names
below are looked up when they are used, as the server has no packages of the pipeline and the
command line may have no MLflow.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from archstyle.tracking.experiment import prepare_store
    from archstyle.tracking.lineage import git_tags
    from archstyle.tracking.production import register_candidate
    from archstyle.tracking.record import ensure_recorded, mark_recorded
    from archstyle.tracking.registry import RegisteredBundle, champion_version, download_bundle
    from archstyle.tracking.runlog import RunLog
    from archstyle.tracking.runs import finish_run, resume_run, start_run
    from archstyle.tracking.store import EXPERIMENT, MODEL_NAME, main_root, tracking_uri
    from archstyle.tracking.sweeps import end_trial, sweep_run, trial_run

__all__ = [
    "EXPERIMENT",
    "MODEL_NAME",
    "RegisteredBundle",
    "RunLog",
    "champion_version",
    "download_bundle",
    "end_trial",
    "ensure_recorded",
    "finish_run",
    "git_tags",
    "main_root",
    "mark_recorded",
    "prepare_store",
    "register_candidate",
    "resume_run",
    "start_run",
    "sweep_run",
    "tracking_uri",
    "trial_run",
]

_MODULES = {
    "experiment": ("prepare_store",),
    "lineage": ("git_tags",),
    "production": ("register_candidate",),
    "record": ("ensure_recorded", "mark_recorded"),
    "registry": ("RegisteredBundle", "champion_version", "download_bundle"),
    "runlog": ("RunLog",),
    "runs": ("finish_run", "resume_run", "start_run"),
    "store": ("EXPERIMENT", "MODEL_NAME", "main_root", "tracking_uri"),
    "sweeps": ("end_trial", "sweep_run", "trial_run"),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
