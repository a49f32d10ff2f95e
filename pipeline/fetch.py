"""fetch: bring the photos into data/raw.

`python -m pipeline.fetch --changed` fetches nothing; its exit status is 0 when the source is not
what was fetched last, which DVC cannot see because the photos lie outside the project, 3 when it
is the same, and 1 after an error.
"""

import hashlib
import sys
from collections.abc import Sequence
from itertools import chain
from pathlib import Path

from archstyle.common.console import run, say
from archstyle.common.files import read_json, scratch_directory, whole_directory, write_json
from archstyle.config import stage_config
from archstyle.config.schema import Data
from archstyle.errors import ArchstyleError
from archstyle.photos.packing import pack
from archstyle.photos.sources import Photos, announce_drawn, choose, choose_outside
from archstyle.photos.store import OUTSIDE, PhotoStore

RAW = Path("data/raw")
# Not an out of the stage: it says what this machine's folder looked like.
NOTE = Path(".archstyle/fetched.json")

SECTIONS = ("data",)


def main(arguments: Sequence[str]) -> None:
    """Fetch, or with --changed tell whether there is something new to fetch."""
    overrides = [argument for argument in arguments if argument != "--changed"]
    data = stage_config(SECTIONS, overrides).data
    with scratch_directory(NOTE.parent, "fetch-") as scratch:
        photos, passed = choose(data.sources, data.timeout_seconds, scratch / "clone")
        outside = choose_outside(data.outside, data.timeout_seconds, scratch / "outside")
        stamp = stamp_of(photos, outside, data)
        if "--changed" in arguments:
            sys.exit(3 if stamp == read_note() else 0)
        if photos.kind == "facades":
            announce_drawn(passed)
        with whole_directory(RAW) as directory:
            most = int(data.max_megabytes * 1e6)
            origin = pack(photos, directory, data.limit, most)
            if outside is not None:
                (directory / OUTSIDE).mkdir()
                pack(outside, directory / OUTSIDE, None, most, anywhere=True)
    write_json(NOTE, {"stamp": stamp, "digest": fetched()})
    taken = len(PhotoStore(RAW).files())
    say(f"fetch: {taken} of {origin.files} files from {origin.location} are in {RAW}.")
    if outside is not None:
        taken = len(PhotoStore(RAW / OUTSIDE).files())
        say(f"fetch: {taken} photos of no such building are in {RAW / OUTSIDE}, for evaluate.")


def stamp_of(photos: Photos, outside: Photos | None, data: Data) -> str:
    """Digest names, sizes and times of the sources, and what of them is taken."""
    digest = hashlib.sha256(f"{photos.kind}\t{data.limit}\t{data.max_megabytes}\n".encode())
    for line in chain(photos.stamps(), ["outside"], outside.stamps() if outside else ()):
        digest.update(line.encode() + b"\n")
    return digest.hexdigest()


def fetched() -> str:
    """Return the digest of what is in data/raw."""
    stores = [RAW, *([RAW / OUTSIDE] if (RAW / OUTSIDE).is_dir() else [])]
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
