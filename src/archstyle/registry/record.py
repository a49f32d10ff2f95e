"""Makes sure that what DVC restored from its cache has a run and a registered version."""

import hashlib
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from archstyle.common.console import say
from archstyle.common.files import read_json, write_json
from archstyle.errors import ArchstyleError
from archstyle.tracking.store import last_written, main_root, tracking_uri


def ensure_recorded(root: Path) -> bool:
    """Make the run and the registered version again where the store has lost them.

    For `make run` after `dvc repro` (command `archstyle record`). Returns whether anything had to
    be done. A database that nobody wrote to since the last look is not asked again.
    reports/registered.json stays as it is: it belongs to DVC.
    """
    if not (root / "reports" / "registered.json").is_file():
        say("Nothing is registered yet: `make run` trains and registers a model.")
        return False
    state = _state(root)
    with suppress(ArchstyleError):
        if state["written"] and read_json(_marker()) == state:
            return False
    # Seconds of imports, which nothing to record does without.
    from archstyle.config import compose
    from archstyle.registry.promotion import register_candidate
    from archstyle.registry.versions import all_versions
    from archstyle.tracking.runs import find_run

    run_id = find_run(str(read_json(root / "models" / "run.json")["run_id"]))
    missing = run_id is None or all(one.run_id != run_id for one in all_versions())
    if missing:
        say("MLflow has no record of this result: recording it again.")
        config = compose(root).register
        made = register_candidate(root, config.tolerance, {"register": asdict(config)})
        say(f"Recorded as version {made['version']}, {made['alias']}.")
    mark_recorded(root)
    return missing


def mark_recorded(root: Path) -> None:
    """Note that the store has what reports/registered.json says, as the store is now."""
    write_json(_marker(), _state(root))


def _marker() -> Path:
    return main_root() / "cache" / "recorded.json"


def _state(root: Path) -> dict[str, Any]:
    """The result and the store: whoever writes to a database changes its time."""
    registered = (root / "reports" / "registered.json").read_bytes()
    return {
        "store": hashlib.sha256(tracking_uri().encode()).hexdigest(),  # it may hold a password
        "registered": hashlib.sha256(registered).hexdigest(),
        "written": last_written(),
    }
