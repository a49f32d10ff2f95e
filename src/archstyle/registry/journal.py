"""What was in production when: every change of an alias, as tags of the registered model.

A tag a change is what every tracking server can keep and show, and two people who change an alias
at once overwrite nothing of each other's.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

PREFIX = "journal."


@dataclass(frozen=True)
class Change:
    """One change of an alias; version None takes the alias away."""

    time: str  # ISO 8601, UTC, to the microsecond
    action: str  # register, promote or rollback
    alias: str
    version: str | None
    previous: str | None
    by: str
    reasons: tuple[str, ...] = ()
    done: bool = True  # False: meant to be made, and not known to have been


def now(before: Sequence[Change] = ()) -> str:
    """Return the time of a change that is made now; a clock may have been set back since others."""
    newest = [datetime.fromisoformat(one.time) + timedelta(microseconds=1) for one in before[-1:]]
    time = max([datetime.now(UTC), *newest])
    return time.isoformat(timespec="microseconds").replace("+00:00", "Z")


def to_tag(change: Change) -> tuple[str, str]:
    """Return the tag that keeps a change; keys sort by time."""
    values = {key: value for key, value in asdict(change).items() if key != "done" or not value}
    return PREFIX + change.time.replace(":", ""), json.dumps(values, ensure_ascii=False)


def from_tags(tags: Mapping[str, str]) -> list[Change]:
    """Return the changes that were made, by the tags of a registered model, the oldest first."""
    told = [json.loads(text) for key, text in tags.items() if key.startswith(PREFIX)]
    changes = [Change(**{**values, "reasons": tuple(values["reasons"])}) for values in told]
    return sorted((one for one in changes if one.done), key=lambda change: change.time)


def champions(changes: Sequence[Change]) -> list[dict[str, str]]:
    """Return what the card tells of each champion, the oldest first: no names and no reasons."""
    told = [one for one in changes if one.alias == "champion" and one.version]
    return [{"time": c.time, "action": c.action, "version": str(c.version)} for c in told]


def previous_champion(
    changes: Sequence[Change], current: str | None, existing: Collection[str]
) -> str | None:
    """Return the version that was champion before `current` and still exists, or None.

    A rollback undoes: rolling back twice goes back twice, not to and fro.
    """
    stack: list[str] = []
    for change in changes:
        if change.alias != "champion":
            continue
        # Somebody may have moved the alias in MLflow's own pages, which the next change notes.
        if change.previous and stack[-1:] != [change.previous]:
            stack.append(change.previous)
        if change.action == "rollback":
            while stack and stack[-1] != change.version:
                stack.pop()
        if change.version and stack[-1:] != [change.version]:
            stack.append(change.version)
    while stack:
        version = stack.pop()
        if version != current and version in existing:
            return version
    return None
