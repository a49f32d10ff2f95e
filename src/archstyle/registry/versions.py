"""The registered model `archstyle`, its versions and the aliases `champion` and `challenger`."""

import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archstyle.bundle.bundle import GRAPH
from archstyle.bundle.graph import BundleError
from archstyle.common.files import whole_directory
from archstyle.errors import ArchstyleError
from archstyle.registry.journal import Change, from_tags
from archstyle.tracking.store import MODEL_NAME, connect, mlflow_errors, tracking_uri

if TYPE_CHECKING:
    from mlflow import MlflowClient

CHAMPION, CHALLENGER = "champion", "challenger"
ABSENT = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")
ADDRESS = re.compile(
    rf"(?:models:/{MODEL_NAME}(?:@(?P<alias>[\w-]+)|/(?P<number>\d+))|(?P<bare>\w+))"
)


@dataclass(frozen=True)
class RegisteredBundle:
    """A bundle folder at hand; version and run are None for a folder that is in no registry."""

    path: Path
    version: str | None
    run_id: str | None
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True)
class Version:
    """One version of the registered model."""

    version: str
    run_id: str | None
    aliases: tuple[str, ...]
    created: int  # milliseconds since 1970, UTC
    tags: Mapping[str, str]
    source: str

    @property
    def drawn(self) -> bool:
        """Whether it was trained on drawn facades, no photos."""
        return self.tags.get("data.drawn") == "true"


def champion() -> Version | None:
    """Return the version that is champion now, or None. One cheap call (after MLflow's import)."""
    return with_alias(CHAMPION)


def with_alias(alias: str) -> Version | None:
    """Return the version that has the alias, or None."""
    client = connect()
    with absent_is_none(f"look for the {alias}") as found:
        found.append(client.get_model_version_by_alias(MODEL_NAME, alias))
    return _version(found[0], [alias]) if found else None


def all_versions() -> list[Version]:
    """Return every version with its aliases, the oldest first."""
    client = connect()
    aliases: dict[str, list[str]] = {}
    for alias, version in registered_model(client)[1].items():
        aliases.setdefault(str(version), []).append(alias)
    with mlflow_errors("list the versions"):
        found: list[Any] = []
        token = None
        while True:
            page = client.search_model_versions(f"name = '{MODEL_NAME}'", page_token=token)
            found.extend(page)
            token = page.token
            if not token:
                break
    return [
        _version(one, aliases.get(str(one.version), ()))
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
    versions = all_versions()
    for one in versions:
        if name == one.version or name in one.aliases:
            return one
    if name in (CHAMPION, CHALLENGER):
        raise ArchstyleError(
            f"There is no {name} in {tracking_uri()}: `make run` trains and registers a model"
            + (", `archstyle promote VERSION` promotes one." if versions else ".")
        )
    numbers = ", ".join(one.version for one in versions) or "none"
    raise ArchstyleError(
        f"There is no version {name} of {MODEL_NAME} in {tracking_uri()} (there is: {numbers}); "
        "see `archstyle versions`."
    )


def registered_model(client: "MlflowClient") -> tuple[dict[str, str], dict[str, str]]:
    """Return the tags and {alias: version} of the registered model; empty where there is none."""
    with absent_is_none("read the registered model") as found:
        found.append(client.get_registered_model(MODEL_NAME))
    return (dict(found[0].tags), dict(found[0].aliases)) if found else ({}, {})


def changes() -> list[Change]:
    """Return the journal, the oldest change first."""
    return from_tags(registered_model(connect())[0])


def download_bundle(uri_or_alias: str, target: Path) -> RegisteredBundle:
    """Bring a bundle to this machine; it lies in `target`/bundle afterwards.

    `uri_or_alias`: `champion`, `challenger`, `3`, `models:/archstyle@champion`,
    `models:/archstyle/3`, or a folder (a bundle, or a logged model with a bundle in it), which is
    used where it lies. Raises ArchstyleError saying what to do.
    """
    folder = local_bundle(uri_or_alias)
    if folder is not None:
        return RegisteredBundle(folder, None, None)
    address = ADDRESS.fullmatch(uri_or_alias)
    if address is None:
        raise ArchstyleError(
            f"{uri_or_alias} is no model: give a bundle's folder (models/bundle), `champion`, a "
            f"version's number or models:/{MODEL_NAME}@champion."
        )
    found = version_named(address["alias"] or address["number"] or address["bare"])
    _download(found, target / "bundle")
    return RegisteredBundle(target / "bundle", found.version, found.run_id, found.aliases)


def local_bundle(place: str) -> Path | None:
    """Return the bundle's folder where `place` is one, or a logged model around one; else None."""
    path = Path(place).expanduser()
    for folder in (path, path / "bundle", path / "artifacts" / "bundle"):
        if (folder / GRAPH).is_file():
            return folder
    return None


def _download(version: Version, folder: Path) -> None:
    import mlflow

    with (
        mlflow_errors(f"download version {version.version}"),
        tempfile.TemporaryDirectory(prefix="archstyle-") as temporary,
        whole_directory(folder) as partial,
    ):
        address = f"models:/{MODEL_NAME}/{version.version}/artifacts/bundle"
        if not mlflow.artifacts.list_artifacts(artifact_uri=address):
            raise BundleError(
                f"The files of version {version.version} are gone from {version.source}: promote "
                "another version with `archstyle promote VERSION`, or train again with `make run`."
            )
        found = mlflow.artifacts.download_artifacts(artifact_uri=address, dst_path=temporary)
        shutil.copytree(found, partial, dirs_exist_ok=True)


@contextmanager
def absent_is_none(doing: str) -> Iterator[list[Any]]:
    """Yield a list to put what is found in; it stays empty where MLflow has no such thing."""
    from mlflow.exceptions import MlflowException

    found: list[Any] = []
    with mlflow_errors(doing):
        try:
            yield found
        except MlflowException as error:
            if error.error_code not in ABSENT:
                raise
