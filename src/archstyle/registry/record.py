"""Makes sure that what DVC restored from its cache has a run and a registered version."""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from archstyle.common.console import say
from archstyle.common.files import read_json, write_json
from archstyle.tracking.store import connect, main_root, prepare_store, sqlite_file, tracking_uri


def ensure_recorded(root: Path) -> bool:
    """Make the run and the registered version again where the store has lost them.

    For `make run` after `dvc repro` (command `archstyle record`). Returns whether anything had to
    be done. A database that nobody wrote to since the last look is not asked again, which saves
    MLflow's import. reports/registered.json stays as it is: it belongs to DVC.
    """
    registered = root / "reports" / "registered.json"
    if not registered.is_file():
        say("Nothing is registered yet: `make run` trains and registers a model.")
        return False
    if _unchanged(registered):
        return False
    done = _is_missing(root) and _record(root)
    mark_recorded(root)
    return done


def mark_recorded(root: Path) -> None:
    """Note that the store has what reports/registered.json says, as the store is now."""
    write_json(_marker(), _state(root / "reports" / "registered.json"))


def _is_missing(root: Path) -> bool:
    from archstyle.registry.versions import all_versions
    from archstyle.tracking.runs import find_run

    experiment = prepare_store()
    source_run = str(read_json(root / "models" / "run.json")["run_id"])
    run_id = find_run(connect(), experiment, source_run)
    return run_id is None or all(one.run_id != run_id for one in all_versions())


def _record(root: Path) -> bool:
    from archstyle.config import compose
    from archstyle.registry.promotion import cache_champion, register_in_run
    from archstyle.tracking.runs import resume_run

    say("MLflow has no record of this result: recording it again.")
    config = compose(root).register
    with resume_run(root, "register", {"register": asdict(config)}) as log:
        registered = register_in_run(log, root, config.tolerance)
        log.finish()
    if registered["alias"] == "champion":
        cache_champion(str(registered["version"]))
    say(f"Recorded as version {registered['version']}, {registered['alias']}.")
    return True


def _marker() -> Path:
    return main_root() / "cache" / "recorded.json"


def _state(registered: Path) -> dict[str, Any]:
    """The result and the store: whoever writes to a database changes its time."""
    uri = tracking_uri()
    database = sqlite_file(uri)
    return {
        "tracking_uri": uri,
        "registered": hashlib.sha256(registered.read_bytes()).hexdigest(),
        "written": database.stat().st_mtime_ns if database and database.is_file() else None,
    }


def _unchanged(registered: Path) -> bool:
    try:
        known = json.loads(_marker().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    state = _state(registered)
    return state["written"] is not None and bool(known == state)
