"""The registered model `archstyle`, its versions and the aliases `champion` and `challenger`."""

import re
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from archstyle.bundle.bundle import GRAPH
from archstyle.bundle.graph import BundleError
from archstyle.common.console import table
from archstyle.common.files import whole_directory
from archstyle.errors import ArchstyleError
from archstyle.registry.journal import Change, from_tags
from archstyle.tracking.store import (
    MODEL_NAME,
    connect,
    mlflow_errors,
    tracking_uri,
    without_password,
)

CHAMPION, CHALLENGER = "champion", "challenger"
BUNDLE_DIGEST = "archstyle.bundle_digest"  # a tag: of the files as they were registered
ADDRESS = re.compile(
    rf"(?:models:/{MODEL_NAME}(?:@(?P<alias>[\w-]+)|/(?P<number>\d+))|(?P<bare>\w+))"
)


@dataclass(frozen=True)
class Version:
    """One version of the registered model; the same whatever it is called."""

    version: str
    run_id: str | None
    aliases: tuple[str, ...] = field(compare=False)
    created: int  # milliseconds since 1970, UTC
    tags: Mapping[str, str] = field(compare=False)
    source: str


def champion() -> Version | None:
    """Return the version that is champion now, or None. Two cheap calls (after MLflow's import)."""
    number = registered_model()[1].get(CHAMPION)
    if number is None:
        return None
    with mlflow_errors("look for the champion"):
        return _version(connect().get_model_version(MODEL_NAME, number), [CHAMPION])


def all_versions() -> list[Version]:
    """Return every version with its aliases, the oldest first."""
    aliases = registered_model()[1]
    import mlflow

    with mlflow_errors("list the versions"):
        found = mlflow.search_model_versions(filter_string=f"name = '{MODEL_NAME}'")
    return [
        _version(one, [alias for alias, number in aliases.items() if number == str(one.version)])
        for one in sorted(found, key=lambda one: int(one.version))
    ]


def _version(one: Any, aliases: Iterable[str]) -> Version:
    return Version(
        version=str(one.version),
        run_id=one.run_id or None,
        aliases=tuple(sorted(aliases)),
        created=int(one.creation_timestamp),
        tags=dict(one.tags),
        source=str(one.source),
    )


def version_named(name: str) -> Version:
    """Return a version by number or alias; raises ArchstyleError saying which there are."""
    aliases = registered_model()[1]
    if re.fullmatch(r"[1-9]\d*", number := aliases.get(name, name)):
        # Hundreds of versions with their tags take a server seconds.
        with suppress(ArchstyleError), mlflow_errors("read the version"):
            found = connect().get_model_version(MODEL_NAME, number)
            return _version(found, [alias for alias, of in aliases.items() if of == number])
    versions = all_versions()
    for one in versions:
        if name == one.version or name in one.aliases:
            return one
    place = without_password(tracking_uri())
    if name in (CHAMPION, CHALLENGER):
        raise ArchstyleError(
            f"There is no {name} in {place}: `make run` trains and registers a model"
            + (", `archstyle promote VERSION` promotes one." if versions else ".")
        )
    numbers = ", ".join(one.version for one in versions) or "none"
    raise ArchstyleError(
        f"There is no version {name} of {MODEL_NAME} in {place} (there is: {numbers}); "
        "see `archstyle versions`."
    )


def address(version: Version) -> str:
    """Return what nothing else is called, as a folder may be by the version's number."""
    return f"models:/{MODEL_NAME}/{version.version}"


def registered_model() -> tuple[dict[str, str], dict[str, str]]:
    """Return the tags and {alias: version} of the registered model; empty where there is none."""
    client = connect()
    with mlflow_errors("read the registered model"):
        found = client.search_registered_models(f"name = '{MODEL_NAME}'")
    if not found:
        return {}, {}
    return dict(found[0].tags), {alias: str(number) for alias, number in found[0].aliases.items()}


def changes() -> list[Change]:
    """Return the journal, the oldest change first."""
    return from_tags(registered_model()[0])


def download_bundle(uri_or_alias: str, target: Path) -> tuple[Path, Version | None]:
    """Bring a bundle to this machine, into `target`/bundle; return its folder and version.

    `uri_or_alias`: `champion`, `challenger`, `3`, `models:/archstyle@champion`,
    `models:/archstyle/3`, or a folder (a bundle, or a logged model with a bundle in it), which is
    used where it lies and has no version. Raises ArchstyleError saying what to do.
    """
    path = Path(uri_or_alias).expanduser()
    for folder in (path, path / "bundle", path / "artifacts" / "bundle"):
        if (folder / GRAPH).is_file():
            return folder, None
    parts = ADDRESS.fullmatch(uri_or_alias)
    if parts is None:
        raise ArchstyleError(
            f"{uri_or_alias} is no model: give a bundle's folder (models/bundle), `champion`, a "
            f"version's number or models:/{MODEL_NAME}@champion."
        )
    found = version_named(parts["alias"] or parts["number"] or parts["bare"])
    import mlflow

    with (
        mlflow_errors(f"download version {found.version}"),
        tempfile.TemporaryDirectory(prefix="archstyle-") as temporary,
        whole_directory(target / "bundle") as partial,
    ):
        place = f"models:/{MODEL_NAME}/{found.version}/artifacts/bundle"
        if not mlflow.artifacts.list_artifacts(artifact_uri=place):
            raise BundleError(
                f"The files of version {found.version} are gone from {found.source}: promote "
                "another version with `archstyle promote VERSION`, or train again with `make run`."
            )
        files = mlflow.artifacts.download_artifacts(artifact_uri=place, dst_path=temporary)
        shutil.copytree(files, partial, dirs_exist_ok=True)
    return target / "bundle", found


def versions_table() -> str:
    """Return the versions as people read them, the newest first."""
    versions = all_versions()
    if not versions:
        place = without_password(tracking_uri())
        return f"No version of {MODEL_NAME} in {place} yet: `make run` makes one."
    header = ("version", "alias", "accuracy (95 %)", "model", "data", "created (UTC)", "run")
    rows: list[tuple[str, ...]] = [header]
    for one in reversed(versions):
        told = (one.tags.get(tag, "") for tag in ("accuracy.interval", "model", "data"))
        created = datetime.fromtimestamp(one.created / 1000, UTC).strftime("%Y-%m-%d %H:%M")
        run = (one.run_id or "")[:12]
        rows.append((one.version, ", ".join(one.aliases), *told, created, run))
    return table(rows)


def lineage_text(name: str) -> str:
    """Return the origin of a version: run, commit, data, DVC's md5s, config, its championships."""
    version = version_named(name)
    with mlflow_errors("read the run"):
        run = connect().get_run(version.run_id or "")
    tags = {**run.data.tags, **version.tags}
    dirty = " with changes" if tags.get("git.dirty") == "true" else ""
    facts = {
        "version": " ".join([version.version, *(f"({alias})" for alias in version.aliases)]),
        "accuracy": tags.get("accuracy.interval", "not measured"),
        "decision": tags.get("decision"),
        "run": f"{version.run_id} ({run.info.status.lower()})",
        "model": tags.get("model"),
        "git commit": tags["git.commit"] + dirty if "git.commit" in tags else None,
        "started by": tags.get("archstyle.started_by"),
        "data": f"{tags.get('data', '')}, {tags.get('data.photos', '?')} photos",
        "data digest": tags.get("data.digest"),
    }
    md5s = sorted((key, value) for key, value in tags.items() if key.startswith("dvc."))
    history = []
    for one in changes():
        if version.version in (one.version, one.previous):
            became = "became" if one.version == version.version else "ceased as"
            when, how = one.time[:16].replace("T", " "), f"{one.action} by {one.by}"
            history.append((when, f"{became} {one.alias}", how, " ".join(one.reasons)))
    parts = {
        "md5s in dvc.lock": table(md5s) or "none: not run by DVC",
        "configuration": table(sorted(run.data.params.items())) or "none",
        "aliases": table(history) or "none",
    }
    told = table([(key, value) for key, value in facts.items() if value])
    return told + "".join(f"\n\n{title}\n{text}" for title, text in parts.items())
