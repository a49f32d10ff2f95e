"""The registered model `archstyle`, its versions and the aliases `champion` and `challenger`."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class RegisteredBundle:
    """A bundle folder at hand; version and run are None for a folder that is in no registry."""

    path: Path
    version: str | None
    run_id: str | None
    aliases: tuple[str, ...] = ()


def champion_version() -> str | None:
    """Return the version that is champion now, or None. One cheap call (after MLflow's import)."""
    raise NotImplementedError


def download_bundle(uri_or_alias: str, target: Path) -> RegisteredBundle:
    """Bring a bundle to this machine; it lies in `target`/bundle afterwards.

    `uri_or_alias`: `champion`, `challenger`, `3`, `models:/archstyle@champion`,
    `models:/archstyle/3`, or a folder (a bundle, or a logged model with a bundle in it), which is
    used where it lies. Raises ArchstyleError saying what to do.
    """
    raise NotImplementedError
