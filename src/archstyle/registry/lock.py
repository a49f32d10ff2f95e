"""One change of a registry at a time, from whichever folder or machine."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from archstyle.common.console import say
from archstyle.errors import ArchstyleError
from archstyle.tracking.facts import is_alive, process_tags
from archstyle.tracking.store import MODEL_NAME, connect, mlflow_errors

# A registered model: of all that MLflow writes, only such a name is refused to whoever is second.
LOCK = f"{MODEL_NAME}.lock"
STALE_SECONDS, PAUSE_SECONDS = 120.0, 0.1


@contextmanager
def locked_registry(action: str) -> Iterator[None]:
    """Hold the lock of the registry, for seconds at most, and wait for whoever else holds it.

    A lock is taken away when its process is gone, or on another machine after STALE_SECONDS.
    """
    with mlflow_errors("lock the registry"):
        _take(action)
    try:
        yield
    finally:
        # What has been done stays done; a lock that could not be let go of becomes stale.
        with suppress(ArchstyleError), mlflow_errors("unlock the registry"):
            connect().delete_registered_model(LOCK)


def _take(action: str) -> None:
    from mlflow.exceptions import MlflowException

    client, tags = connect(), process_tags(action)
    before, since = None, time.monotonic()
    while True:
        try:
            client.create_registered_model(LOCK, tags)
            return
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        found = client.search_registered_models(f"name = '{LOCK}'")
        holder = (found[0].creation_timestamp, found[0].tags) if found else None
        if holder and holder != before:
            before, since = holder, time.monotonic()
            who, where = (holder[1].get(tag) for tag in ("mlflow.user", "archstyle.host"))
            say(f"The registry is being changed by {who} on {where}: waiting.")
        elif holder and _is_stale(holder[1], time.monotonic() - since):
            with suppress(MlflowException):  # it is gone, or is another user's
                client.delete_registered_model(LOCK)
        if time.monotonic() - since > 2 * STALE_SECONDS:
            raise ArchstyleError(
                "The registry is locked: if nobody registers or promotes, delete the registered "
                f"model {LOCK} in MLflow."
            )
        time.sleep(PAUSE_SECONDS)


def _is_stale(tags: dict[str, Any], seconds: float) -> bool:
    if tags.get("archstyle.host") == socket.gethostname():
        return not is_alive(tags.get("archstyle.pid", ""))
    return seconds > STALE_SECONDS
