"""One look at each photo: is it sound, and what does it look like? What is known is kept.

What earlier runs found lies in a SQLite file outside of what DVC keeps, so that an interrupted
prepare goes on where it was; the file can be deleted at any time. Only sound photos are kept: why
a photo could not be read may have been the machine's fault, and is found again in no time.
"""

import hashlib
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import astuple, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import PIL
import pillow_heif
from PIL import features

from archstyle.common.cluster import LOST, spread_over
from archstyle.common.parallel import parallel_map
from archstyle.data.duplicates import hash as fingerprints
from archstyle.data.duplicates.hash import SIDE, fingerprint
from archstyle.errors import ArchstyleError
from archstyle.photos import reader
from archstyle.photos.reader import PhotoError, open_with_facts
from archstyle.photos.store import Packed, PhotoStore, read_packed

INSPECTED = Path(".archstyle/inspected.sqlite")  # no out: it may be kept or lost
RECIPES = 3  # whose results are kept: as many versions of the reader can take turns
SPARE = 50_000  # rows, of 5 kB, that are kept of photos that are there no longer
TABLES = """
PRAGMA journal_mode = WAL; -- a commit waits for no disk, and no reader for a writer
PRAGMA synchronous = NORMAL; -- what was committed outlives a kill
CREATE TABLE IF NOT EXISTS inspections (
  recipe, sha256 BLOB, phash BLOB, width INTEGER, height INTEGER, format TEXT, grey BLOB,
  PRIMARY KEY (recipe, sha256)
);
"""
# The files whose code decides what an inspection says; a test follows their imports.
DECIDING = (reader.__file__, fingerprints.__file__, __file__)
LIBRARIES = ("jpg", "libjpeg_turbo", "zlib", "libtiff", "webp", "avif")


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a photo is; `phash` is empty and `reason` is not where it is no sound photo."""

    phash: bytes = b""  # 32 bytes
    width: int = 0  # pixels of the file, before the photo is turned upright
    height: int = 0
    format: str = ""
    grey: bytes = b""  # the thumbnails for alignment: the whole photo, its middle square
    reason: str = ""


def inspect(data: bytes, max_pixels: int) -> Inspection:
    """Decode a photo and hash what it looks like; never raises, whatever the bytes."""
    try:
        # Half the pixels or fewer are decoded of a big JPEG: the hash looks at 64 a side.
        image, format, size = open_with_facts(data, max_pixels, at_least=2 * SIDE)
    except PhotoError as error:
        return Inspection(reason=str(error))
    phash, grey = fingerprint(image)
    return Inspection(phash, *size, format, grey)


def inspect_all(
    store: PhotoStore, max_pixels: int, workers: int | None = None, known: "Inspected | None" = None
) -> Iterator[tuple[Packed, Inspection]]:
    """Yield every packed file, in order, with what it is; what is known is not decoded again."""
    packed = [entry for entry in store.entries if not entry.reason]
    tasks = ((entry, known.find(entry.sha256) if known else None) for entry in packed)
    archive, ours = store.archive, recipe(max_pixels)

    def look(task: tuple[Packed, Inspection | None]) -> tuple[Inspection, bool]:
        entry, seen = task
        if seen:
            return seen, False
        if recipe(max_pixels) != ours:
            raise ArchstyleError("A machine of the cluster decodes otherwise: install the same.")
        return inspect(read_packed(archive, entry), max_pixels), True

    results = parallel_map(look, tasks, len(packed), "prepare", workers)
    # By the machines of a Ray cluster, which see data/raw under the same path.
    if cluster := os.environ.get("ARCHSTYLE_CLUSTER"):
        results = spread_over(cluster, look, tasks, lambda _: (Inspection(reason=LOST), True))
    for entry, (seen, is_new) in zip(packed, results, strict=True):
        if known and is_new:
            known.keep(entry.sha256, seen)
        yield entry, seen


@cache
def recipe(max_pixels: int) -> str:
    """Digest all that an inspection depends on but the photo: code, libraries and the setting."""
    versions = [PIL.__version__, pillow_heif.__version__, pillow_heif.libheif_version()]
    versions += [f"{name} {features.version(name)}" for name in LIBRARIES]
    text = hashlib.sha256(f"{versions} {np.__version__} {max_pixels}".encode())
    for file in DECIDING:
        text.update(hashlib.sha256(Path(file).read_bytes()).digest())
    return text.hexdigest()


class Inspected:
    """The inspections of one recipe. Any number of processes can share a file, one thread each.

    Where the file cannot be used (a read-only disk, a network drive without locks), nothing is
    kept and nothing fails.
    """

    def __init__(self, path: Path, recipe: str, photos: int) -> None:
        self.added = 0
        self._path, self._recipe = path, recipe
        self._connection: sqlite3.Connection | None = None
        for _ in range(2):  # once more, if it was damaged and is gone now
            if self._connection is None:
                self._open(photos)

    def __enter__(self) -> "Inspected":
        return self

    def __exit__(self, *_: object) -> None:
        self._give_up()

    def find(self, sha256: str) -> Inspection | None:
        """Return what is known about the photo with these bytes."""
        sql = "SELECT phash, width, height, format, grey FROM inspections "
        key = bytes.fromhex(sha256)
        found = self._sql(sql + "WHERE recipe = ? AND sha256 = ?", self._recipe, key)
        return Inspection(*found[0]) if found else None

    def keep(self, sha256: str, seen: Inspection) -> None:
        """Remember what a sound photo is; a kill does not undo it."""
        self.added += 1
        if not seen.reason:
            sql = "INSERT OR REPLACE INTO inspections VALUES (?, ?, ?, ?, ?, ?, ?)"
            self._sql(sql, self._recipe, bytes.fromhex(sha256), *astuple(seen)[:-1])

    def _open(self, photos: int) -> None:
        """Open the file; forget old recipes, and photos where there are far too many."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(self._path, timeout=10, isolation_level=None)
            self._connection.executescript(TABLES)
        except (sqlite3.Error, OSError) as error:
            self._give_up(error)
        latest = "SELECT recipe FROM inspections WHERE recipe != ? GROUP BY recipe "
        latest += "ORDER BY max(rowid) DESC LIMIT ?"
        old = f"DELETE FROM inspections WHERE recipe != ? AND recipe NOT IN ({latest})"
        self._sql(old, self._recipe, self._recipe, RECIPES - 1)
        count = self._sql("SELECT count(*) FROM inspections WHERE recipe = ?", self._recipe)
        if count and count[0][0] > 4 * photos + SPARE:
            self._sql("DELETE FROM inspections WHERE recipe = ?", self._recipe)

    def _sql(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Run a statement and return its rows; none where the file cannot be used."""
        if self._connection is None:
            return []
        try:
            return self._connection.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            self._give_up(error)
            return []

    def _give_up(self, error: Exception | None = None) -> None:
        """Go on without the file, and remove it where it is damaged."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None
        # An OperationalError is another matter: locked, say, or not to be written.
        if type(error) is sqlite3.DatabaseError:
            for ending in ("", "-wal", "-shm"):
                self._path.with_name(self._path.name + ending).unlink(missing_ok=True)
