"""What people read of the registry at a terminal."""

from collections.abc import Sequence
from datetime import UTC, datetime

from archstyle.registry.journal import Change
from archstyle.registry.versions import Version, all_versions, changes, version_named
from archstyle.tracking.store import MODEL_NAME, connect, mlflow_errors, tracking_uri


def versions_table() -> str:
    """Return the versions, the newest first."""
    versions = all_versions()
    if not versions:
        return f"No version of {MODEL_NAME} in {tracking_uri()} yet: `make run` makes one."
    header = ("version", "alias", "accuracy (95 %)", "model", "data", "created (UTC)", "run")
    return table([header, *(_version_row(one) for one in reversed(versions))])


def lineage_text(name: str) -> str:
    """Return the origin of a version: run, commit, data, DVC's md5s, config, its championships."""
    version = version_named(name)
    client = connect()
    with mlflow_errors("read the run"):
        run = client.get_run(version.run_id or "")
    tags = {**run.data.tags, **version.tags}
    facts = [
        ("version", f"{version.version} {_listed(version.aliases)}".strip()),
        ("accuracy", tags.get("accuracy.interval", "not measured")),
        ("decision", tags.get("decision", "")),
        ("run", f"{version.run_id} ({run.info.status.lower()})"),
        ("model", tags.get("model", "")),
        ("git commit", _commit(tags)),
        ("started by", tags.get("archstyle.started_by", "")),
        ("data", f"{tags.get('data', '')}, {tags.get('data.photos', '?')} photos"),
        ("data digest", tags.get("data.digest", "")),
    ]
    parts = [table([fact for fact in facts if fact[1]])]
    md5s = sorted((key, value) for key, value in tags.items() if key.startswith("dvc."))
    parts.append("\nmd5s in dvc.lock\n" + table(md5s) if md5s else "\nno md5s: not run by DVC")
    parts.append("\nconfiguration\n" + table(sorted(run.data.params.items())))
    history = [c for c in changes() if version.version in (c.version, c.previous)]
    parts.append("\naliases\n" + table([_change_row(c, version.version) for c in history]))
    return "\n".join(parts)


def table(rows: Sequence[Sequence[str]]) -> str:
    """Return rows of text in columns."""
    if not rows:
        return "  none"
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def _version_row(one: Version) -> tuple[str, ...]:
    return (
        one.version,
        ", ".join(one.aliases),
        one.tags.get("accuracy.interval", ""),
        one.tags.get("model", ""),
        one.tags.get("data", ""),
        datetime.fromtimestamp(one.created / 1000, UTC).strftime("%Y-%m-%d %H:%M"),
        (one.run_id or "")[:12],
    )


def _change_row(change: Change, version: str) -> tuple[str, ...]:
    became = f"became {change.alias}" if change.version == version else f"ceased as {change.alias}"
    how = f"{change.action} by {change.by}"
    return change.time[:16].replace("T", " "), became, how, " ".join(change.reasons)


def _commit(tags: dict[str, str]) -> str:
    commit = tags.get("git.commit", "")
    return commit + (" with changes" if commit and tags.get("git.dirty") == "true" else "")


def _listed(aliases: Sequence[str]) -> str:
    return f"({', '.join(aliases)})" if aliases else ""
