"""fetch: bring the photos into data/raw.

`python -m pipeline.fetch --changed` fetches nothing; its exit status is 0 when the source is not
what was fetched last, which DVC cannot see because the photos lie outside the project, 3 when it
is the same, and 1 after an error.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from archstyle.common.console import run, say
from archstyle.common.files import read_json, scratch_directory, whole_directory, write_json
from archstyle.config import stage_config
from archstyle.errors import ArchstyleError
from archstyle.photos.gathering import gather
from archstyle.photos.packing import pack, tell_repositories
from archstyle.photos.store import OTHERS, OUTSIDE, PhotoStore

RAW = Path("data/raw")
# Not an out of the stage: it says what this machine's folder looked like.
NOTE = Path(".archstyle/fetched.json")

SECTIONS = ("data",)
MORE = {OUTSIDE: "no such building, for evaluate,", OTHERS: "buildings of none of the styles"}


def main(arguments: Sequence[str]) -> None:
    """Fetch, or with --changed tell whether there is something new to fetch."""
    overrides = [argument for argument in arguments if argument != "--changed"]
    data = stage_config(SECTIONS, overrides).data
    with scratch_directory(NOTE.parent, "fetch-") as scratch:
        # What is pinned and here needs no network.
        if "--changed" in arguments and gather(data, scratch, ask=False).stamp == read_note():
            sys.exit(3)
        gathered = gather(data, scratch)
        if "--changed" in arguments:
            sys.exit(3 if gathered.stamp == read_note() else 0)
        gathered.complete()
        with whole_directory(RAW) as directory:
            most = int(data.max_megabytes * 1e6)
            origin = pack(gathered.photos, directory, data.limit, most)
            for name, of_name in gathered.more.items():
                (directory / name).mkdir()
                limit = data.limit if name == OTHERS else None
                pack(of_name, directory / name, limit, most, anywhere=True)
            tell_repositories([directory, *(directory / name for name in gathered.more)])
    write_json(NOTE, {"stamp": gathered.stamp, "digest": fetched()})
    taken = len(PhotoStore(RAW).files())
    say(f"fetch: {taken} of {origin.files} files from {origin.location} are in {RAW}.")
    for name in gathered.more:
        taken, what = len(PhotoStore(RAW / name).files()), MORE[name]
        say(f"fetch: {taken} photos of {what} are in {RAW / name}.")


def fetched() -> str:
    """Return the digest of what is in data/raw."""
    stores = [RAW, *(RAW / name for name in MORE if (RAW / name).is_dir())]
    return " ".join(PhotoStore(store).source.digest for store in stores)


def read_note() -> str | None:
    """Return the stamp of the last fetch, if data/raw is still what it made."""
    try:
        note = read_json(NOTE)
        return str(note["stamp"]) if note["digest"] == fetched() else None
    except (KeyError, ArchstyleError):
        return None


if __name__ == "__main__":
    run(main)
