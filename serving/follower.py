"""Follows the champion: a process of its own, because importing MLflow takes five seconds.

Brings a new champion here, checks it against its golden photos, and only then lets the workers
have it, by a link in the cache. Whatever fails, the last good bundle stays.
"""

import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NoReturn

from archstyle.bundle import Bundle, BundleError
from archstyle.common.console import run, say
from archstyle.common.files import write_json
from archstyle.registry.cache import cache_directory, current, install
from archstyle.registry.versions import champion_version, download_bundle
from archstyle.tracking.store import MODEL_NAME, sqlite_file, tracking_uri
from serving.lifeline import end_with_parent
from serving.settings import Settings

LONGEST_PAUSE = 60.0
INCOMING = ".incoming-"
STATUS = "follower.json"


@dataclass(frozen=True)
class FollowerStatus:
    """`state` is following, none (no champion), away or refused; `sentence` is for people."""

    state: str
    sentence: str


def read_status() -> dict[str, str] | None:
    """Return what the follower last wrote, or None where it has not written yet."""
    try:
        values: dict[str, str] = json.loads((cache_directory() / STATUS).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return values


def look(directory: Path, refused: dict[str, str]) -> FollowerStatus:
    """Compare the cache with the registry once; bring, check and install what is new.

    `refused` remembers versions that failed their check, so that they are not fetched again.
    """
    database = sqlite_file(tracking_uri())
    if database is not None and not database.is_file():  # asking would make one
        return FollowerStatus("none", "The registry has no champion yet.")
    version = champion_version()
    if version is None:
        return FollowerStatus("none", "The registry has no champion yet.")
    cached = current(directory)
    if cached is not None and cached.version == version:
        return FollowerStatus("following", f"Version {version} is the champion.")
    if version in refused:
        return FollowerStatus("refused", refused[version])
    with tempfile.TemporaryDirectory(dir=directory, prefix=INCOMING) as folder:
        bundle = download_bundle(f"models:/{MODEL_NAME}/{version}", Path(folder))
        try:
            Bundle.load(bundle.path, threads=1)
        except BundleError as error:
            refused[version] = f"Version {version} is not used: {error}"
            return FollowerStatus("refused", refused[version])
        install(bundle.path, version, bundle.run_id, directory)
    return FollowerStatus("following", f"Version {version} is the champion.")


def follow(
    looking: Callable[[], FollowerStatus],
    directory: Path,
    poll_seconds: float,
    sleep: Callable[[float], None] = time.sleep,
) -> NoReturn:
    """Look again and again; less and less often while the registry is away."""
    pause = poll_seconds
    last: FollowerStatus | None = None
    while True:
        try:
            status = looking()
            pause = poll_seconds
        except Exception as error:
            reason = (str(error).strip() or type(error).__name__).splitlines()[0][:300]
            status = FollowerStatus("away", f"The registry gives no answer: {reason}")
            pause = min(pause * 2, LONGEST_PAUSE)
        if status != last:
            say(f"follower: {status.sentence}")
            write_json(directory / STATUS, asdict(status))
            last = status
        sleep(pause)


def tidy(directory: Path) -> None:
    """Remove what a killed follower left, and the link to a bundle whose files have changed."""
    directory.mkdir(parents=True, exist_ok=True)
    for left in directory.glob(f"{INCOMING}*"):
        shutil.rmtree(left, ignore_errors=True)
    cached = current(directory)
    if cached is not None and not cached.is_whole():
        (directory / "current").unlink(missing_ok=True)


def main(arguments: Sequence[str]) -> None:
    """Follow until the server stops."""
    settings = Settings.from_environment()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)
    end_with_parent()
    os.nice(10)  # the workers go first: importing MLflow would take a core from them
    directory = cache_directory()
    tidy(directory)
    refused: dict[str, str] = {}
    follow(lambda: look(directory, refused), directory, settings.poll_seconds)


def _leave(number: int, frame: object) -> None:
    for again in (signal.SIGTERM, signal.SIGINT):
        signal.signal(again, signal.SIG_IGN)
    sys.exit(0)


if __name__ == "__main__":
    run(main)
