"""fetch: bring the photos into data/raw.

`python -m pipeline.fetch --changed` fetches nothing; its exit status is 0 when the source is not
what was fetched last, which DVC cannot see because the photos lie outside the project, 3 when it
is the same, and 1 after an error.
"""

import hashlib
import sys
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path

from archstyle.common.console import run, say, warn
from archstyle.common.files import read_json, scratch_directory, whole_directory, write_json
from archstyle.config import stage_config
from archstyle.config.schema import Data
from archstyle.errors import ArchstyleError
from archstyle.photos.packing import pack
from archstyle.photos.repositories import tell_repositories
from archstyle.photos.sources import UNREACHED, Photos, announce_drawn, choose, choose_more
from archstyle.photos.store import OF_OTHERS, OTHERS, OUTSIDE, PhotoStore

RAW = Path("data/raw")
# Not an out of the stage: it says what this machine's folder looked like.
NOTE = Path(".archstyle/fetched.json")

SECTIONS = ("data",)
MORE = {
    OUTSIDE: "no such building, for evaluate,",
    OTHERS: "buildings of none of the styles",
}


def main(arguments: Sequence[str]) -> None:
    """Fetch, or with --changed tell whether there is something new to fetch."""
    overrides = [argument for argument in arguments if argument != "--changed"]
    data = stage_config(SECTIONS, overrides).data
    with scratch_directory(NOTE.parent, "fetch-") as scratch:
        seconds = data.timeout_seconds
        photos, passed = choose(data.sources, seconds, scratch / "photos")
        outside, no_outside = choose_more(data.outside, seconds, scratch / OUTSIDE)
        others, no_others = choose_more(data.others, seconds, scratch / OTHERS, prefix=OF_OTHERS)
        more = {name: of for name, of in ((OUTSIDE, outside), (OTHERS, others)) if of is not None}
        stamp = stamp_of(photos, more, data)
        if "--changed" in arguments:
            sys.exit(3 if stamp == read_note() else 0)
        if photos.kind == "facades":
            announce_drawn(passed)
        else:
            for reason in [one for one in [*passed, *no_outside, *no_others] if UNREACHED in one]:
                warn(f"{reason}. What follows is without its photos.")
        with whole_directory(RAW) as directory:
            most = int(data.max_megabytes * 1e6)
            origin = pack(photos, directory, data.limit, most)
            for name, of_name in more.items():
                (directory / name).mkdir()
                limit = data.limit if name == OTHERS else None
                pack(of_name, directory / name, limit, most, anywhere=True)
            tell_repositories([directory, *(directory / name for name in more)])
    write_json(NOTE, {"stamp": stamp, "digest": fetched()})
    taken = len(PhotoStore(RAW).files())
    say(f"fetch: {taken} of {origin.files} files from {origin.location} are in {RAW}.")
    for name in more:
        taken, what = len(PhotoStore(RAW / name).files()), MORE[name]
        say(f"fetch: {taken} photos of {what} are in {RAW / name}.")


def stamp_of(photos: Photos, more: Mapping[str, Photos], data: Data) -> str:
    """Digest names, sizes and times of the sources, and what of them is taken."""
    digest = hashlib.sha256(f"{photos.kind}\t{data.limit}\t{data.max_megabytes}\n".encode())
    lines = [chain([name], of_name.stamps()) for name, of_name in more.items()]
    for line in chain(photos.stamps(), *lines):
        digest.update(line.encode() + b"\n")
    return digest.hexdigest()


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
