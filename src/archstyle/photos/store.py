"""data/raw: every photo of the source in one uncompressed zip, and a list of every file.

One file instead of thousands, which DVC hashes and links quickly; any tool opens it.
"""

import csv
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path

from archstyle.common.files import write_csv
from archstyle.errors import ArchstyleError

OUTSIDE = "outside"  # folder for photos of no such building
OTHERS = "others"  # folder for buildings of none of the styles
OF_OTHERS = "@others/"  # what their files begin with
COLUMNS = ("file", "bytes", "sha256", "offset", "reason", "building", "style", "source")


@dataclass(frozen=True, slots=True)
class Packed:
    """A file of the source: where its bytes lie in photos.zip, or why they do not."""

    file: str
    bytes: int = 0
    sha256: str = ""
    offset: int = -1
    reason: str = ""
    building: str = ""  # what the user's buildings.csv says it shows
    style: str = ""  # as labelled: what its folder or the source's map says
    source: str = ""  # which one of several, or the repository


@dataclass(frozen=True)
class Origin:
    """Where the photos came from; source.json."""

    kind: str
    location: str
    drawn: bool
    files: int
    digest: str
    missing: list[str] = field(default_factory=list)  # sources that could not be reached
    sources: list[str] = field(default_factory=list)  # of a collection of several, as locations


def write_entries(directory: Path, entries: Iterable[Packed]) -> None:
    """Write files.csv."""
    write_csv(directory / "files.csv", COLUMNS, map(attrgetter(*COLUMNS), entries))


class PhotoStore:
    """Reads data/raw. Safe to use from many threads; nothing stays open."""

    def __init__(self, directory: Path) -> None:
        self.archive = directory / "photos.zip"
        try:
            self.source = Origin(**json.loads((directory / "source.json").read_text("utf-8")))
            with (directory / "files.csv").open(encoding="utf-8", newline="") as file:
                header, *lines = csv.reader(file)
            if tuple(header) != COLUMNS:
                raise ValueError(f"made by another version: {header}")
            self.entries = [Packed(r[0], int(r[1]), r[2], int(r[3]), *r[4:]) for r in lines]
        except (OSError, ValueError, TypeError, IndexError) as error:
            raise ArchstyleError(
                f"{directory} holds no fetched photos: run `dvc repro fetch`."
            ) from error
        self._packed = {entry.file: entry for entry in self.entries if not entry.reason}

    def files(self) -> list[str]:
        """Return the names of the files whose bytes are here, sorted."""
        return list(self._packed)

    def find(self, file: str) -> Packed:
        """Return where a file lies; raises ArchstyleError when it does not."""
        if file not in self._packed:
            raise ArchstyleError(
                f"data/raw does not hold {file}: run `dvc repro`, so that all stages agree."
            )
        return self._packed[file]

    def read(self, file: str) -> bytes:
        """Return a file's bytes."""
        return read_packed(self.archive, self.find(file))


def read_packed(archive: Path, entry: Packed) -> bytes:
    """Return the bytes of one file and make sure that they are the ones that were packed."""
    try:
        with archive.open("rb") as file:
            file.seek(entry.offset)
            data = file.read(entry.bytes)
    except FileNotFoundError:
        raise ArchstyleError(f"There is no {archive}: run `dvc repro fetch`.") from None
    if hashlib.sha256(data).hexdigest() != entry.sha256:
        raise ArchstyleError(f"{archive} was changed: run `dvc repro --force fetch`.")
    return data
