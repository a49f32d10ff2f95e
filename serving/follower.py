"""Follows the champion: a process of its own, because importing MLflow takes five seconds.

Brings a new champion here, checks it against its golden photos, and only then lets the workers
have it, by a link in the cache. Whatever fails, the last good bundle stays.
"""

import ctypes
import errno
import gc
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from archstyle.bundle import Bundle, BundleError
from archstyle.common.console import run, say
from archstyle.common.files import scratch_directory, write_json
from archstyle.registry.cache import RELEASED, cache_directory, candidates, current, install
from archstyle.registry.journal import champions
from archstyle.registry.versions import champion, changes, download_bundle
from archstyle.tracking.store import MODEL_NAME, sqlite_file, tracking_uri
from serving.__main__ import end_with_parent
from serving.settings import Settings

LONGEST_PAUSE = 60.0
INCOMING = ".incoming-"
STATUS, CHAMPIONS = "follower.json", "champions.json"
Version = tuple[str, str | None]  # its number and its run
# Of the server, whenever this process began; some drives round the times of files.
STARTED = float(os.environ.get("SERVER_STARTED") or time.time()) - 1


@dataclass(frozen=True)
class FollowerStatus:
    """`state` is following, none (no champion), away, refused or stuck (cannot write the cache).

    The `sentence` is for everybody who can reach the server; the `reason`, which may name paths
    and hosts, for its log only.
    """

    state: str
    sentence: str
    reason: str = ""


def read_status() -> dict[str, str] | None:
    """Return what the follower last wrote, or None where it has not since the server started."""
    path = cache_directory() / STATUS
    try:
        values: dict[str, str] = json.loads(path.read_text("utf-8"))
        return values if path.stat().st_mtime > STARTED else None
    except (OSError, ValueError):
        return None


def read_champions() -> list[dict[str, str]]:
    """Return the champions so far, as the follower last knew them."""
    with suppress(OSError, ValueError, KeyError):
        return list(json.loads((cache_directory() / CHAMPIONS).read_text("utf-8"))["champions"])
    return []


def look(directory: Path, refused: dict[Version, FollowerStatus]) -> FollowerStatus:
    """Compare the cache with the registry once; bring, check and install what is new.

    `refused` remembers versions that failed their check, so that they are not fetched again.
    """
    database = sqlite_file(tracking_uri())
    asked = database is None or database.is_file()  # asking would make the database
    found = champion() if asked else None
    if found is None:
        return FollowerStatus("none", "The registry has no champion yet.")
    with suppress(Exception):  # it is shown; whatever is wrong with it, models come first
        if (told := champions(changes())) != read_champions():
            write_json(directory / CHAMPIONS, {"champions": told})
    cached = current(directory)
    # A registry that was set up anew counts from 1 again, so a number is not enough.
    key = found.version, found.run_id
    if cached is not None and (cached.version, cached.run_id) == key:
        return _following(found.version, directory)
    if key not in refused:
        with _given_back(), scratch_directory(directory, INCOMING) as folder:
            # In a folder of its own: the scratch folder is locked as long as it is used.
            bundle, _ = download_bundle(f"models:/{MODEL_NAME}/{found.version}", folder / "new")
            try:
                Bundle.load(bundle, threads=1)
                install(bundle, found.version, found.run_id, directory)
                return _following(found.version, directory)
            except BundleError as error:
                sentence = f"Version {found.version} is not used: it fails its check."
                refused[key] = FollowerStatus("refused", sentence, str(error))
    return refused[key]


@contextmanager
def _given_back() -> Iterator[None]:
    """Give back what a download and a check took: the one keeps its threads, the other memory."""
    try:
        yield
    finally:
        gc.collect()
        with suppress(AttributeError):  # not every C library can
            ctypes.CDLL(None).malloc_trim(0)


def _following(version: str, directory: Path) -> FollowerStatus:
    sentence = f"Version {version} is the champion."
    if any(one.version == RELEASED for one in candidates(directory)[:1]):
        sentence = f"Version {version} is the champion, of drawings: the released model goes first."
    return FollowerStatus("following", sentence)


def follow(
    looking: Callable[[], FollowerStatus],
    directory: Path,
    poll_seconds: float,
    sleep: Callable[[float], None] = time.sleep,
) -> NoReturn:
    """Look again and again; less and less often while the registry is away."""
    pause = poll_seconds
    last: FollowerStatus | None = None
    written: FollowerStatus | None = None
    while True:
        try:
            status = looking()
            pause = poll_seconds
        except Exception as error:
            status = trouble(error, directory)
            pause = min(pause * 2, LONGEST_PAUSE)
        if status != last:
            last = status
            # Without anybody who reads or a place to write it still follows.
            with suppress(OSError):
                say(f"follower: {status.sentence} {status.reason}".rstrip())
        if status != written:
            with suppress(OSError):
                public = {"state": status.state, "sentence": status.sentence}
                write_json(directory / STATUS, public)
                written = status
        sleep(pause)


def trouble(error: Exception, directory: Path) -> FollowerStatus:
    """Return the status after a look that failed."""
    if isinstance(error, OSError) and (error.filename or error.errno == errno.ENOSPC):
        sentence = "A new champion cannot be taken up: the cache cannot be written."
        reason = f"{directory}: {error.strerror}. Set ARCHSTYLE_CACHE to a folder that can."
        return FollowerStatus("stuck", sentence, reason)
    reason = (str(error).strip() or type(error).__name__).splitlines()[0][:300]
    return FollowerStatus("away", "The registry gives no answer.", reason)


def tidy(directory: Path) -> None:
    """Remove the link to a bundle whose files have changed, so that it is fetched again."""
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
    with suppress(OSError):
        tidy(directory)
    refused: dict[Version, FollowerStatus] = {}
    follow(lambda: look(directory, refused), directory, settings.poll_seconds)


def _leave(number: int, frame: object) -> None:
    for again in (signal.SIGTERM, signal.SIGINT):
        signal.signal(again, signal.SIG_IGN)
    sys.exit(0)


if __name__ == "__main__":
    run(main)
