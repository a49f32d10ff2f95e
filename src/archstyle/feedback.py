"""What visitors of the page correct: photo, answer and correction in a folder of the operator's.

    <folder>/feedback.sqlite    a row a photo
    <folder>/feedback-12.jpg    its pixels, without what the camera wrote beside them

Any number of processes can share a folder. Files are written and removed only inside of a
transaction, so that a kill leaves nothing half that the next start does not sweep away.
"""

import errno
import hashlib
import json
import os
import re
import secrets
import shutil
import sqlite3
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from archstyle.common.console import table, warn
from archstyle.common.files import whole_file
from archstyle.errors import ArchstyleError
from archstyle.photos.names import TRAIN_ONLY, printable, spelling, style_of, why_skipped

DATABASE, PHOTO = "feedback.sqlite", re.compile(r"feedback-([1-9]\d*)\.jpg")
TABLES = """
PRAGMA journal_mode = WAL; PRAGMA secure_delete = ON; -- what is deleted is overwritten
CREATE TABLE IF NOT EXISTS photos (
  id INTEGER PRIMARY KEY AUTOINCREMENT, token TEXT UNIQUE, sent TEXT, bytes INTEGER, version TEXT,
  answer TEXT, correction TEXT, style TEXT
);
CREATE TABLE IF NOT EXISTS senders (sender BLOB, sent TEXT);
CREATE TABLE IF NOT EXISTS store AS SELECT lower(hex(randomblob(4))) AS id; -- one for good
"""


class StoreError(ArchstyleError):
    """Why a photo is not kept: `status` is HTTP's for too many, no room, or a broken folder."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


@dataclass(frozen=True)
class Store:
    """The folder, for so many photos and bytes, and so many photos an hour of one sender.

    Everything raises StoreError where the disk is full (507) or the folder cannot be used (503).
    """

    folder: Path
    most_photos: int = 0
    most_bytes: int = 0
    per_hour: int = 0

    def keep(
        self, photo: bytes, answer: Mapping[str, Any], version: str, correction: str, sender: bytes
    ) -> str:
        """Keep a JPEG; return the token that deletes it, of which only a hash is kept.

        `sender` is a hash that nobody can undo, and is forgotten after an hour. Raises StoreError
        beyond the limits, too (429, 507).
        """
        token = secrets.token_urlsafe(24)
        with ExitStack() as undo:
            with self._transaction() as database:
                database.execute("DELETE FROM senders WHERE sent < datetime('now', '-1 hour')")
                sent = "SELECT count(*) FROM senders WHERE sender = ?"
                if database.execute(sent, (sender,)).fetchone()[0] >= self.per_hour:
                    raise StoreError(429, "This sender has sent enough within the hour.")
                held = "SELECT count(*), coalesce(sum(bytes), 0) FROM photos"
                count, total = database.execute(held).fetchone()
                if count >= self.most_photos or total + len(photo) > self.most_bytes:
                    raise StoreError(507, f"{self.folder} holds as much as it may.")
                database.execute("INSERT INTO senders VALUES (?, datetime())", (sender,))
                row = hash_of(token), len(photo), version, json.dumps(answer), correction
                insert = "INSERT INTO photos VALUES (NULL, ?, datetime(), ?, ?, ?, ?, '')"
                path = self.path(database.execute(insert, row).lastrowid or 0)
                undo.callback(path.unlink, missing_ok=True)
                path.write_bytes(photo)
            undo.pop_all()
        return token

    def path(self, number: int) -> Path:
        """Return where a photo lies."""
        return self.folder / f"feedback-{number}.jpg"

    def run(self, statement: str, *values: int | str) -> list[sqlite3.Row]:
        """Run one statement and return its rows."""
        with self._transaction() as database:
            return database.execute(statement, values).fetchall()

    def delete(self, number: int) -> None:
        """Remove a photo with its row."""
        with self._transaction() as database:
            database.execute("DELETE FROM photos WHERE id = ?", (number,))
            self.path(number).unlink(missing_ok=True)

    def sweep(self) -> None:
        """Make the folder where it is missing; remove what a kill has left, and the senders."""
        with self._transaction() as database:
            database.execute("DELETE FROM senders")
            rows = {row["id"] for row in database.execute("SELECT id FROM photos")}
            found = {path: PHOTO.fullmatch(path.name) for path in self.folder.iterdir()}
            # Empty where the power failed; shorter than it came where somebody has cut it.
            whole = {int(m[1]): path.stat().st_size > 0 for path, m in found.items() if m}
            for number in {n for n in rows | whole.keys() if n not in rows or not whole.get(n)}:
                database.execute("DELETE FROM photos WHERE id = ?", (number,))
                self.path(number).unlink(missing_ok=True)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection that holds the lock; after an error nothing has changed."""
        try:
            self.folder.mkdir(0o700, parents=True, exist_ok=True)
            if not (ignored := self.folder / ".gitignore").exists():
                ignored.write_text("*\n", "utf-8")  # nobody publishes visitors' photos by accident
            connection = sqlite3.connect(self.folder / DATABASE, timeout=10, isolation_level=None)
            with closing(connection) as database:
                database.row_factory = sqlite3.Row
                database.executescript(TABLES)
                database.execute("BEGIN IMMEDIATE")
                yield database  # what is not committed is undone when it closes
                database.execute("COMMIT")
        except (sqlite3.Error, OSError) as error:
            full = getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL
            if full or getattr(error, "errno", 0) in (errno.ENOSPC, errno.EDQUOT):
                raise StoreError(507, f"The disk is full at {self.folder}: free some.") from error
            reason = getattr(error, "strerror", None) or error
            raise StoreError(503, f"{self.folder} cannot hold feedback: {reason}.") from error


def hash_of(token: str) -> str:
    """Return what is kept of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def folder_named(text: str) -> str:
    """Return the folder that ARCHSTYLE_FEEDBACK names, or `off`; raises where it names none."""
    if (word := text.strip().lower()) in ("on", "1", "true", "yes"):
        raise ArchstyleError(f"ARCHSTYLE_FEEDBACK is {text!r}: set it to a folder, or to off.")
    return "off" if word in ("off", "0", "no", "false") else os.path.expanduser(text)


@click.group()
def feedback() -> None:
    """Look at what visitors of the page correct, and take photos for training."""


def _opened(_: object, __: object, folder: str | None) -> Store:
    if (folder := folder_named(folder or "off")) == "off" or not Path(folder, DATABASE).is_file():
        named = "No folder is named" if folder == "off" else f"{folder} holds no feedback"
        raise ArchstyleError(f"{named}: set ARCHSTYLE_FEEDBACK or --folder to the server's.")
    return Store(Path(folder))


of_folder = click.option(
    "--folder", "store", envvar="ARCHSTYLE_FEEDBACK", callback=_opened, help="As the server has it."
)


def _row(store: Store, number: int) -> sqlite3.Row:
    with suppress(OverflowError):  # more than SQLite counts to
        for row in store.run("SELECT * FROM photos WHERE id = ?", number):
            return row
    raise ArchstyleError(f"There is no photo {number}, or it was deleted: see `feedback list`.")


@feedback.command("list")
@of_folder
def list_photos(store: Store) -> None:
    """List the photos with answer and correction."""
    lines = [("number", "sent (UTC)", "answer", "version", "correction", "accepted as", "photo")]
    for row in store.run("SELECT * FROM photos ORDER BY id"):
        answer = json.loads(row["answer"])
        told = row["sent"], f"{answer['style']} {answer['probability']:.0%}", row["version"]
        words = row["correction"] or "-", row["style"] or "-"
        lines.append((str(row["id"]), *told, *words, str(store.path(row["id"]))))
    click.echo(table(lines))


@feedback.command()
@click.argument("number", type=int)
@click.argument("style", default="")
@of_folder
def accept(store: Store, number: int, style: str) -> None:
    """Take photo NUMBER for training, as STYLE or else as the visitor says."""
    row = _row(store, number)
    styles = sorted(json.loads(row["answer"])["probabilities"])
    style = unicodedata.normalize("NFC", style or row["correction"]).strip()
    style = {spelling(one): one for one in styles}.get(spelling(style), style)
    file = f"{style}/{number}.jpg"
    # A folder's name takes 255 bytes, which are 63 letters of any kind.
    if style_of(file) != style or why_skipped(file) or printable(style)[:63] != style:
        example = f"`archstyle feedback accept {number} {styles[0]}`"
        raise ArchstyleError(f"{style!r} cannot be a style's folder: name one, as {example} does.")
    try:
        photo = store.path(number).read_bytes()
    except FileNotFoundError:
        raise ArchstyleError(f"Photo {number} was deleted, so it is not accepted.") from None
    if not Path("data/prepared/manifest.csv").exists():
        warn("There is no data/prepared here to look for test photos like it; `prepare` will.")
    else:
        from archstyle.data.held_out import find_in_test

        if same := find_in_test(Path.cwd(), photo):
            advice = f"it cannot be learned from, `archstyle feedback reject {number}` removes it"
            raise ArchstyleError(f"Photo {number} shows what the test photo {same} does: {advice}.")
    if style not in styles:
        warn(f"The model does not know {style}: `prepare` drops it until other photos show it.")
    store.run("UPDATE photos SET style = ? WHERE id = ?", style, number)
    _row(store, number)  # a visitor may have deleted it since
    click.echo(f"Photo {number} is accepted as {style}. Next: `archstyle feedback export FOLDER`.")


@feedback.command()
@click.argument("number", type=int)
@of_folder
def reject(store: Store, number: int) -> None:
    """Delete photo NUMBER, an accepted one too."""
    store.delete(_row(store, number)["id"])
    click.echo(f"Photo {number} is deleted.")


@feedback.command()
@click.argument("target", metavar="FOLDER", type=click.Path(path_type=Path, file_okay=False))
@of_folder
def export(store: Store, target: Path) -> None:
    """Copy the accepted photos to FOLDER, for ARCHSTYLE_PHOTOS, and remove deleted ones there."""
    ours = f"{TRAIN_ONLY}-{store.run('SELECT id FROM store')[0]['id']}"  # and no other store's
    wanted = {
        target / row["style"] / f"{ours}-{row['id']}.jpg": store.path(row["id"])
        for row in store.run("SELECT * FROM photos WHERE style != ''")
    }
    for old in set(target.glob(f"*/{ours}-*.jpg")) - wanted.keys():
        old.unlink()
    for path, photo in wanted.items():
        with suppress(FileNotFoundError), whole_file(path) as partial:  # deleted meanwhile
            shutil.copy2(photo, partial)
    held = sum(path.exists() for path in wanted)
    places = f"ARCHSTYLE_PHOTOS=photos{os.pathsep}{target}"
    click.echo(f"{held} photos are in {target}: one source more, as in {places}.")
