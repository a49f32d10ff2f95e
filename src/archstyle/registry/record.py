"""Makes sure that what DVC restored from its cache has a run and a registered version."""

import hashlib
import json
from pathlib import Path
from typing import Any

from archstyle.common.console import say
from archstyle.common.files import whole_file
from archstyle.tracking.experiment import prepare_store
from archstyle.tracking.store import main_root, sqlite_file, tracking_uri


def ensure_recorded(root: Path) -> bool:
    """Recreate the run and the registered version where the store has lost them.

    For `make run` after `dvc repro` (command `archstyle record`). Returns whether anything had to
    be done; when nothing has, MLflow is not imported. reports/registered.json stays as it is: it
    belongs to DVC.
    """
    registered = root / "reports" / "registered.json"
    if not registered.is_file():
        say("Nothing is registered yet: `make run` trains and registers a model.")
        return False
    if _is_known(_state(registered)):
        return False
    done = _is_missing(root) and _record(root)
    _remember(registered)
    return done


def mark_recorded(root: Path) -> None:
    """Note that what reports/registered.json says is in the store; for register."""
    _remember(root / "reports" / "registered.json")


def _is_missing(root: Path) -> bool:
    from archstyle.registry.versions import all_versions
    from archstyle.tracking.connection import connect
    from archstyle.tracking.runlog import read_json
    from archstyle.tracking.runs import find_run

    experiment = prepare_store()
    source_run = str(read_json(root / "models" / "run.json")["run_id"])
    run_id = find_run(connect(), experiment, source_run)
    return run_id is None or all(one.run_id != run_id for one in all_versions())


def _record(root: Path) -> bool:
    from dataclasses import asdict

    from archstyle.config import compose
    from archstyle.registry.promotion import cache, register_in_run
    from archstyle.tracking.runs import resume_run

    say("MLflow has no record of this result: recording it again.")
    config = compose(root).register
    with resume_run(root, "register", {"register": asdict(config)}) as log:
        registered = register_in_run(log, root, config.tolerance)
        log.finish()
    if registered["alias"] == "champion":
        cache(str(registered["version"]))
    say(f"Recorded as version {registered['version']}, {registered['alias']}.")
    return True


def _marker() -> Path:
    return main_root() / "cache" / "recorded.json"


def _state(registered: Path) -> dict[str, Any]:
    """What the record hangs on: the result, the store, and that it is the same sqlite file.

    A sqlite file only grows, so one that was deleted and made anew is smaller until it holds more.
    """
    uri = tracking_uri()
    state: dict[str, Any] = {
        "tracking_uri": uri,
        "registered": hashlib.sha256(registered.read_bytes()).hexdigest(),
    }
    database = sqlite_file(uri)
    if database is not None:
        found = database.stat() if database.is_file() else None
        state |= {"inode": found.st_ino if found else 0, "bytes": found.st_size if found else 0}
    return state


def _is_known(state: dict[str, Any]) -> bool:
    try:
        known = json.loads(_marker().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    grown = state.pop("bytes", 0) >= known.pop("bytes", 0)
    return grown and state.get("inode") != 0 and bool(known == state)


def _remember(registered: Path) -> None:
    with whole_file(_marker()) as partial:
        partial.write_text(json.dumps(_state(registered)) + "\n", encoding="utf-8")
