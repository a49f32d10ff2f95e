"""One change of a registry at a time, from whichever folder or machine."""

import secrets
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from archstyle.common.console import say
from archstyle.errors import ArchstyleError
from archstyle.tracking.facts import is_alive, process_tags
from archstyle.tracking.store import MODEL_NAME, connect, mlflow_errors

# A registered model: of all that MLflow writes, only such a name is refused to whoever is second.
LOCK = f"{MODEL_NAME}.lock"
HELD_BY = "archstyle.held_by"
STALE_SECONDS, DEAD_SECONDS, PAUSE_SECONDS = 120.0, 3.0, 0.1


@contextmanager
def locked_registry(action: str) -> Iterator[None]:
    """Hold the lock of the registry, for seconds at most, and wait for whoever else holds it.

    A lock is taken away after DEAD_SECONDS when its process is gone, else after STALE_SECONDS.
    """
    tags = process_tags(action) | {HELD_BY: secrets.token_hex(8)}
    with mlflow_errors("lock the registry"):
        _take(tags)
    try:
        yield
    finally:
        # What has been done stays done; a lock that could not be let go of becomes stale.
        with suppress(ArchstyleError), mlflow_errors("unlock the registry"):
            if (_holder() or {}).get(HELD_BY) == tags[HELD_BY]:
                connect().delete_registered_model(LOCK)


def _holder() -> dict[str, str] | None:
    found = connect().search_registered_models(f"name = '{LOCK}'")
    return dict(found[0].tags) if found else None


def _take(tags: dict[str, str]) -> None:
    from mlflow.exceptions import MlflowException

    client, before, since = connect(), None, time.monotonic()
    while True:
        try:
            client.create_registered_model(LOCK, tags)
            return
        except MlflowException as error:
            # The second: whoever held it let go before MLflow looked whose it is.
            if error.error_code not in ("RESOURCE_ALREADY_EXISTS", "RESOURCE_DOES_NOT_EXIST"):
                raise
        holder = _holder()
        if holder and holder.get(HELD_BY) == tags[HELD_BY]:
            return  # the answer was lost, and MLflow's client asked twice
        if holder and holder != before:
            before, since = holder, time.monotonic()
            who, where = (holder.get(tag) for tag in ("mlflow.user", "archstyle.host"))
            say(f"The registry is being changed by {who} on {where}: waiting.")
        elif holder and time.monotonic() - since > (
            DEAD_SECONDS if _gone(holder) else STALE_SECONDS
        ):
            # Renamed and left there: two who delete it might delete what the first of them made.
            with suppress(MlflowException):
                client.rename_registered_model(
                    LOCK, f"{LOCK}.{holder.get(HELD_BY) or tags[HELD_BY]}"
                )
        if time.monotonic() - since > 2 * STALE_SECONDS:
            raise ArchstyleError(
                "The registry is locked: if nobody registers or promotes, delete the registered "
                f"model {LOCK} in MLflow."
            )
        time.sleep(PAUSE_SECONDS)


def _gone(holder: dict[str, str]) -> bool:
    here = holder.get("archstyle.host") == socket.gethostname()
    return here and not is_alive(holder.get("archstyle.pid", ""))
