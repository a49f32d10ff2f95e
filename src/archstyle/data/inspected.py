"""What earlier runs found out about photos, so that an interrupted prepare goes on where it was.

A SQLite file outside of what DVC keeps; it can be deleted at any time. Only sound photos are kept:
why a photo could not be read may have been the machine's fault, and is found again in no time.
"""

import hashlib
import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

import numpy as np
import PIL
import pillow_heif
from PIL import features

from archstyle.data import inspection
from archstyle.data.duplicates import hash as fingerprints
from archstyle.data.inspection import Inspection
from archstyle.photos import reader as images

RECIPES = 3  # whose results are kept: as many versions of the reader can take turns
SPARE = 50_000  # rows, of 2.5 kB, that are kept of photos that are there no longer
FLUSH_SECONDS = 1.0  # what a kill can cost
TABLES = """
CREATE TABLE IF NOT EXISTS recipes (id INTEGER PRIMARY KEY, name TEXT UNIQUE, used REAL);
CREATE TABLE IF NOT EXISTS inspections (
  recipe INTEGER, sha256 BLOB, phash BLOB, width INTEGER, height INTEGER, format TEXT, grey BLOB,
  PRIMARY KEY (recipe, sha256)
);
"""
# The files whose code decides what an inspection says; a test follows their imports.
DECIDING = (images.__file__, fingerprints.__file__, inspection.__file__)
LIBRARIES = ("jpg", "libjpeg_turbo", "zlib", "libtiff", "webp", "avif")


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
        self._path = path
        self._pending: dict[bytes, Inspection] = {}
        self._flushed = time.monotonic()
        self._connection: sqlite3.Connection | None = None
        for _ in range(2):
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                self._connection = _connect(path)
                self._recipe = _choose(self._connection, recipe, photos)
                break
            except (sqlite3.Error, OSError) as error:
                self._give_up(error)  # and once more, if it was damaged and is gone now

    def __enter__(self) -> "Inspected":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._flush()
        self._give_up()

    def find(self, sha256: str) -> Inspection | None:
        """Return what is known about the photo with these bytes."""
        key = bytes.fromhex(sha256)
        if self._connection is None or key in self._pending:
            return self._pending.get(key)
        try:
            row = self._connection.execute(
                "SELECT phash, width, height, format, '', grey FROM inspections "
                "WHERE recipe = ? AND sha256 = ?",
                (self._recipe, key),
            ).fetchone()
        except sqlite3.Error as error:
            self._give_up(error)
            return None
        return Inspection(*row) if row else None

    def keep(self, sha256: str, seen: Inspection) -> None:
        """Remember what a photo is; a second later at the latest, a kill does not undo it."""
        self.added += 1
        if self._connection is None or seen.reason:
            return
        self._pending[bytes.fromhex(sha256)] = seen
        if time.monotonic() - self._flushed > FLUSH_SECONDS:
            self._flush()

    def _flush(self) -> None:
        if self._connection is None:
            return
        rows = [
            (self._recipe, key, seen.phash, seen.width, seen.height, seen.format, seen.grey)
            for key, seen in self._pending.items()
        ]
        try:
            with self._connection:
                self._connection.executemany(
                    "INSERT OR REPLACE INTO inspections VALUES (?, ?, ?, ?, ?, ?, ?)", rows
                )
        except sqlite3.Error as error:
            self._give_up(error)
        self._pending.clear()
        self._flushed = time.monotonic()

    def _give_up(self, error: Exception | None = None) -> None:
        """Go on without the file, and remove it where it is damaged."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None
        self._pending.clear()
        # An OperationalError is another matter: locked, say, or not to be written.
        if type(error) is sqlite3.DatabaseError:
            for ending in ("", "-wal", "-shm"):
                self._path.with_name(self._path.name + ending).unlink(missing_ok=True)


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=10)
    try:
        # Readers and a writer do not wait for each other; what was committed outlives a kill.
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.executescript(TABLES)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _choose(connection: sqlite3.Connection, name: str, photos: int) -> int:
    """Return the recipe's number; forget old recipes, and photos where there are far too many."""
    with connection:
        connection.execute(
            "INSERT INTO recipes (name, used) VALUES (?, ?) "
            "ON CONFLICT (name) DO UPDATE SET used = excluded.used",
            (name, time.time()),
        )
        ids: Sequence[tuple[int]] = connection.execute(
            "SELECT id FROM recipes ORDER BY name = ? DESC, used DESC", (name,)
        ).fetchall()
        for old in ids[RECIPES:]:
            connection.execute("DELETE FROM inspections WHERE recipe = ?", old)
            connection.execute("DELETE FROM recipes WHERE id = ?", old)
        (kept,) = connection.execute(
            "SELECT count(*) FROM inspections WHERE recipe = ?", ids[0]
        ).fetchone()
        if kept > 4 * photos + SPARE:
            connection.execute("DELETE FROM inspections WHERE recipe = ?", ids[0])
    return ids[0][0]
