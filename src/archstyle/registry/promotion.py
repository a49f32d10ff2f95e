"""Which version answers: promotion by register or by hand, rollback, and the server's cache."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from archstyle.bundle import Bundle, BundleError
from archstyle.common.console import say
from archstyle.common.files import read_json
from archstyle.errors import ArchstyleError
from archstyle.metrics.paired import Decision
from archstyle.registry import cache
from archstyle.registry.gate import judge, test_digest
from archstyle.registry.journal import Change, from_tags, now, previous_champion, to_tag
from archstyle.registry.lock import locked_registry
from archstyle.registry.register import LOOKS, describe, register_bundle, show_promotion
from archstyle.registry.versions import (
    CHALLENGER,
    CHAMPION,
    Version,
    address,
    all_versions,
    champion,
    changes,
    download_bundle,
    registered_model,
    version_named,
)
from archstyle.tracking.facts import described, user_name
from archstyle.tracking.runs import resume_run
from archstyle.tracking.store import MODEL_NAME, connect, last_written, mlflow_errors

REFERENCE = "gate.reference"  # the tag of the registered model that names the best champion
DESCRIBED, LONGEST = 20, 5000  # changes, the newest; signs that PostgreSQL's column takes


def register_candidate(
    root: Path, tolerance: float, config: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Register models/bundle, let it be champion or challenger, and finish the run.

    Returns what reports/registered.json holds: version, alias, decision, reasons, run_id, looks.
    """
    bundle = root / "models" / "bundle"
    with resume_run(root, "register", config) as log:
        test = read_json(root / "reports" / "metrics.json")
        if not log.has_result(test):
            log.reports(root)
        log.files(root)
        log.manifest(root)
        version = register_bundle(log, bundle, test, test_digest(root))
        decision, done = _judged(bundle, version, root, tolerance)
        registered = {
            "version": version.version,
            "alias": decision.alias,
            "decision": done,
            "reasons": list(decision.reasons),
            "run_id": log.run_id,
            "looks": int(version.tags.get(LOOKS, 1)),
        }
        describe(log, version, test, registered)
        show_promotion(log, root, registered)
        log.finish()
    if decision.alias == CHAMPION:
        with tempfile.TemporaryDirectory(prefix="archstyle-") as temporary:
            _cache(version, download_bundle(address(version), Path(temporary))[0])
    return registered


def _judged(bundle: Path, version: Version, root: Path, tolerance: float) -> tuple[Decision, str]:
    """Judge beside the champion and the reference, and let the version be what it is found to be.

    Where either was changed meanwhile it is judged again.
    """
    while True:
        present, number = seen = _measures()
        best = next((one for one in all_versions() if one.version == number), None)
        if present and present.version == version.version:  # register ended before it told so
            decision = Decision(CHAMPION, _reasons(version))
        else:
            incumbents = {"champion": present} if present else {}
            if best and present and best.version != present.version:
                incumbents["best champion there was"] = best
            decision = judge(bundle, version.version, incumbents, root, tolerance)
        with locked_registry("register"):
            if _measures() == seen:
                return decision, _placed(version, decision, present, best)
        say("The champion was changed meanwhile: comparing with the new one.")


def _reasons(version: Version) -> tuple[str, ...]:
    """Return why it became champion."""
    told = [one for one in changes() if (one.alias, one.version) == (CHAMPION, version.version)]
    return told[-1].reasons if told else ("It is the champion already.",)


def _placed(
    version: Version, decision: Decision, present: Version | None, best: Version | None
) -> str:
    """Give the version its alias; say what was done."""
    if decision.alias != CHAMPION:
        set_alias(CHALLENGER, version.version, "register", decision.reasons)
        return "not promoted"
    # The last comparison is the one beside the reference.
    compared = list((decision.comparisons or {}).values())
    better = compared[-1].better if compared else present != version
    if best is None or better:  # first: register that ends before the alias is set judges again
        _make_reference(version.version)
    make_champion(version, "register", decision.reasons)
    return "promoted"


def _measures() -> tuple[Version | None, str | None]:
    """Return the champion and the number of the reference, which may have been deleted."""
    return champion(), registered_model()[0].get(REFERENCE)


def _make_reference(version: str) -> None:
    """Keep the version beside which later candidates are judged, whoever is champion then."""
    with mlflow_errors("keep the reference"):
        connect().set_registered_model_tag(MODEL_NAME, REFERENCE, version)


def set_alias(alias: str, to: str | None, action: str, reasons: Sequence[str]) -> Change | None:
    """Move an alias to a version, or take it away; return what is journalled, None if nothing.

    The journal has the intent first and its completion last: the alias is what counts, and a
    change that failed in between never happened.
    """
    client = connect()
    tags, aliases = registered_model()
    before = aliases.get(alias)
    if before == to:
        return None
    made = from_tags(tags)
    change = Change(now(made), action, alias, to, before, user_name(), tuple(reasons))
    with mlflow_errors("move the alias"):
        client.set_registered_model_tag(MODEL_NAME, *to_tag(replace(change, done=False)))
        if to is None:
            client.delete_registered_model_alias(MODEL_NAME, alias)
        else:
            client.set_registered_model_alias(MODEL_NAME, alias, to)
        client.set_registered_model_tag(MODEL_NAME, *to_tag(change))
        newest = [*made, change][: -DESCRIBED - 1 : -1]
        while len(text := described("registered_model.md", changes=newest)) > LONGEST:
            newest.pop()
        client.update_registered_model(MODEL_NAME, text)
    return change


def make_champion(found: Version, action: str, reasons: Sequence[str]) -> Change | None:
    """Make a version champion; it is no challenger any more."""
    change = set_alias(CHAMPION, found.version, action, reasons)
    if registered_model()[1].get(CHALLENGER) == found.version:
        set_alias(CHALLENGER, None, action, ["It became champion."])
    return change


def promote(
    name: str, reason: str = "", action: str = "promote", instead: str | None = None
) -> Change | None:
    """Make a version (number or alias) champion by hand; None where it is already.

    The bundle is loaded first, golden photos and all: what does not load is not promoted. Raises
    ArchstyleError where another than `instead` is champion by then.
    """
    to = version_named(name)
    with tempfile.TemporaryDirectory(prefix="archstyle-") as temporary:
        bundle, _ = download_bundle(address(to), Path(temporary))
        try:
            Bundle.load(bundle)
        except BundleError as error:
            raise ArchstyleError(f"Version {to.version} is not promoted: {error}") from error
        with locked_registry(action):
            present = champion()
            if action == "rollback" and present and present.version != instead:
                raise ArchstyleError(f"Version {present.version} became champion meanwhile.")
            change = make_champion(to, action, [reason or "By hand."])
            _make_reference(to.version)  # a person's decision is the new measure
        _cache(to, bundle)
    return change


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
    change = promote(before, reason, "rollback", current)
    if change is None:
        raise ArchstyleError(f"Version {before} became champion meanwhile.")
    return change


def _cache(version: Version, bundle: Path) -> None:
    """The follower would find it by itself, only later: what goes wrong is told and no error."""
    try:
        written = last_written()
        if champion() == version:
            cache.install(bundle, version.version, version.run_id, written=written)
    except (ArchstyleError, OSError) as error:
        say(f"The champion was not put into the server's cache: {error}")
