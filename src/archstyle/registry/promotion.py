"""Which version answers: promotion by register or by hand, rollback, and the server's cache."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from archstyle.bundle import Bundle
from archstyle.bundle.graph import BundleError
from archstyle.common.console import say
from archstyle.errors import ArchstyleError
from archstyle.registry.championship import judge
from archstyle.registry.journal import Change, previous_champion
from archstyle.registry.register import make_champion, register_bundle, set_alias
from archstyle.registry.versions import (
    CHALLENGER,
    CHAMPION,
    Version,
    all_versions,
    changes,
    download_bundle,
    version_named,
)
from archstyle.tracking.description import describe_version
from archstyle.tracking.runlog import RunLog, read_json
from archstyle.tracking.runs import resume_run
from archstyle.tracking.store import MODEL_NAME


def register_candidate(
    root: Path, tolerance: float, config: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Register models/bundle, let it be champion or challenger, and finish the run.

    Returns what reports/registered.json holds: version, alias, decision, reasons and run_id.
    """
    with resume_run(root, "register", config) as log:
        registered = register_in_run(log, root, tolerance)
        log.finish()
    if registered["alias"] == CHAMPION:
        cache(str(registered["version"]))
    return registered


def register_in_run(log: RunLog, root: Path, tolerance: float) -> dict[str, Any]:
    """Register, judge, move the alias and describe; returns what reports/registered.json holds."""
    bundle = root / "models" / "bundle"
    test = read_json(root / "reports" / "metrics.json")
    if not log.has_result(test):
        log.reports(root)
    log_data_report(log, root / "reports")
    version = register_bundle(log, bundle, test)
    champion = next((one for one in all_versions() if CHAMPION in one.aliases), None)
    decision = judge(bundle, version.version, champion, root, tolerance)
    if decision.alias == CHAMPION:
        changed = make_champion(version, "register", decision.reasons, log.client)
        done = "promoted" if changed else "champion already"
    else:
        set_alias(CHALLENGER, version.version, "register", decision.reasons, log.client)
        done = "not promoted"
    registered = {
        "version": version.version,
        "alias": decision.alias,
        "decision": done,
        "reasons": list(decision.reasons),
        "run_id": log.run_id,
    }
    _describe(log, version, test, registered)
    return registered


def log_data_report(log: RunLog, reports: Path) -> None:
    """Send what describe wrote, the page and its figures, to the run."""
    for path, folder in ((reports / "data.html", "reports"), (reports / "data", "reports/data")):
        if path.exists():
            log.artifacts(path, folder)


def promote(name: str, reason: str = "") -> Change | None:
    """Make a version (number or alias) champion by hand; None where it is already.

    The bundle is loaded first, golden photos and all: what does not load is not promoted.
    """
    return _switch(version_named(name), "promote", reason or "By hand.")


def rollback(reason: str = "") -> Change:
    """Make the champion before the present one champion again."""
    versions = all_versions()
    current = next((one.version for one in versions if CHAMPION in one.aliases), None)
    before = previous_champion(changes(), current, {one.version for one in versions})
    if before is None:
        raise ArchstyleError(
            "The journal knows no champion before this one: see `archstyle versions`, then "
            "`archstyle promote VERSION`."
        )
    change = _switch(version_named(before), "rollback", reason or "By hand.")
    if change is None:
        raise ArchstyleError(f"Version {before} became champion meanwhile.")
    return change


def cache(version: str) -> None:
    """Lay a champion into the cache that the server and `archstyle predict` answer from.

    They would find it by themselves, only later; so what goes wrong here is told and no error.
    """
    try:
        with tempfile.TemporaryDirectory(prefix="archstyle-") as temporary:
            found = download_bundle(version, Path(temporary))
            _install(found.path, version, found.run_id)
    except (ArchstyleError, OSError) as error:
        say(f"The champion was not laid into the server's cache: {error}")


def _switch(to: Version, action: str, reason: str) -> Change | None:
    from archstyle.tracking.connection import connect

    with tempfile.TemporaryDirectory(prefix="archstyle-") as temporary:
        found = download_bundle(to.version, Path(temporary))
        try:
            Bundle.load(found.path)
        except BundleError as error:
            raise ArchstyleError(f"Version {to.version} is not promoted: {error}") from error
        change = make_champion(to, action, [reason], connect())
        try:
            _install(found.path, to.version, to.run_id)
        except (ArchstyleError, OSError) as error:
            say(f"The champion was not laid into the server's cache: {error}")
    return change


def _install(bundle: Path, version: str, run_id: str | None) -> None:
    from archstyle.registry import cache as registry_cache

    registry_cache.install(bundle, version, run_id)


def _describe(
    log: RunLog, version: Version, test: Mapping[str, Any], registered: Mapping[str, Any]
) -> None:
    from archstyle.tracking.connection import mlflow_errors

    with mlflow_errors("describe the version"):
        log.client.update_model_version(
            MODEL_NAME,
            version.version,
            describe_version(log.facts, test, registered, log.run_id),
        )
        log.client.set_model_version_tag(
            MODEL_NAME, version.version, "decision", registered["decision"]
        )
    log.describe(test, registered)
    log.note(
        {
            "registered.version": version.version,
            "registered.alias": registered["alias"],
            "registered.decision": registered["decision"],
        }
    )
