"""Which version answers: promotion by register or by hand, rollback, and the server's cache."""

import tempfile
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archstyle.bundle import Bundle, BundleError
from archstyle.common.console import say
from archstyle.common.files import locked, read_json
from archstyle.errors import ArchstyleError
from archstyle.metrics.paired import Decision
from archstyle.registry import cache
from archstyle.registry.gate import judge
from archstyle.registry.journal import (
    Change,
    describe_model,
    from_tags,
    now,
    previous_champion,
    to_tag,
)
from archstyle.registry.register import describe, register_bundle
from archstyle.registry.versions import (
    CHALLENGER,
    CHAMPION,
    RegisteredBundle,
    Version,
    all_versions,
    champion,
    changes,
    download_bundle,
    registered_model,
    version_named,
)
from archstyle.tracking.facts import user_name
from archstyle.tracking.runlog import RunLog
from archstyle.tracking.runs import resume_run
from archstyle.tracking.store import MODEL_NAME, connect, main_root, mlflow_errors

if TYPE_CHECKING:
    from mlflow import MlflowClient


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
        cache_champion(str(registered["version"]))
    return registered


def register_in_run(log: RunLog, root: Path, tolerance: float) -> dict[str, Any]:
    """Register, judge, move the alias and describe; returns what reports/registered.json holds."""
    bundle = root / "models" / "bundle"
    test = read_json(root / "reports" / "metrics.json")
    if not log.has_result(test):
        log.reports(root)
    log_data_report(log, root / "reports")
    version = register_bundle(log, bundle, test)
    with _one_at_a_time():
        decision = _judged(bundle, version, root, tolerance)
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
    describe(log, version, test, registered)
    return registered


def _judged(bundle: Path, version: Version, root: Path, tolerance: float) -> Decision:
    """Judge beside the champion, and again where there is another one when that is done."""
    while True:
        found = champion()
        decision = judge(bundle, version.version, found, root, tolerance)
        now_is = champion()
        if (found and found.version) == (now_is and now_is.version):
            return decision
        say("The champion was changed meanwhile: comparing with the new one.")


def _one_at_a_time() -> AbstractContextManager[bool]:
    """Between the look at the champion and the change no other process of this project."""
    lock = main_root() / ".archstyle" / "registry.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    return locked(lock)


def log_data_report(log: RunLog, reports: Path) -> None:
    """Send what describe wrote, the page, the data sheet and the figures, to the run."""
    for name, folder in (("data.html", ""), ("data-sheet.md", ""), ("data", "/data")):
        if (reports / name).exists():
            log.artifacts(reports / name, f"reports{folder}")


def set_alias(
    alias: str, to: str | None, action: str, reasons: Sequence[str], client: "MlflowClient"
) -> Change | None:
    """Move an alias to a version, or take it away; return what is journalled, None if nothing.

    The journal has the intent first and its completion last: the alias is what counts, and a
    change that failed in between never happened.
    """
    tags, aliases = registered_model(client)
    before = aliases.get(alias)
    before = None if before is None else str(before)
    if before == to:
        return None
    change = Change(now(), action, alias, to, before, user_name(), tuple(reasons))
    with mlflow_errors("move the alias"):
        client.set_registered_model_tag(MODEL_NAME, *to_tag(replace(change, done=False)))
        if to is None:
            client.delete_registered_model_alias(MODEL_NAME, alias)
        else:
            client.set_registered_model_alias(MODEL_NAME, alias, to)
        client.set_registered_model_tag(MODEL_NAME, *to_tag(change))
        history = [*from_tags(tags), change]
        client.update_registered_model(MODEL_NAME, describe_model(history))
    return change


def make_champion(
    found: Version, action: str, reasons: Sequence[str], client: "MlflowClient"
) -> Change | None:
    """Make a version champion; it is no challenger any more."""
    change = set_alias(CHAMPION, found.version, action, reasons, client)
    if CHALLENGER in found.aliases:
        set_alias(CHALLENGER, None, action, ["It became champion."], client)
    return change


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


def cache_champion(version: str) -> None:
    """Put a champion into the cache that the server and `archstyle predict` answer from."""
    with tempfile.TemporaryDirectory(prefix="archstyle-") as temporary:
        _install(download_bundle(version, Path(temporary)))


def _switch(to: Version, action: str, reason: str) -> Change | None:
    with tempfile.TemporaryDirectory(prefix="archstyle-") as temporary:
        found = download_bundle(to.version, Path(temporary))
        try:
            Bundle.load(found.path)
        except BundleError as error:
            raise ArchstyleError(f"Version {to.version} is not promoted: {error}") from error
        with _one_at_a_time():
            change = make_champion(to, action, [reason], connect())
        _install(found)
    return change


def _install(found: RegisteredBundle) -> None:
    """The follower would find it by itself, only later: what goes wrong is told and no error."""
    try:
        cache.install(found.path, str(found.version), found.run_id)
    except (ArchstyleError, OSError) as error:
        say(f"The champion was not put into the server's cache: {error}")
