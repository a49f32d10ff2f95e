"""Ends runs whose process died, which would stay RUNNING for ever."""

import socket
from typing import TYPE_CHECKING

from archstyle.tracking.connection import mlflow_errors
from archstyle.tracking.lineage import is_alive

if TYPE_CHECKING:
    from mlflow import MlflowClient


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
