"""The manifest: a row for every file, with what became of it and why."""

import csv
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from operator import attrgetter
from pathlib import Path

from archstyle.errors import ArchstyleError

SPLITS = ("train", "validation", "test")
STATUSES = ("used", "duplicate", "conflict", "corrected", "dropped", "broken")


@dataclass(frozen=True, slots=True)
class Row:
    """What became of one file."""

    file: str  # path in the source
    style: str  # after corrections; empty where the file lies in no style's folder
    sha256: str
    phash: str  # 64 hexadecimal digits; empty where the file could not be read
    group: str  # the photograph that this photo shows
    split: str  # train, validation, test or empty
    status: str  # one of STATUSES
    reason: str  # empty for photos that are used as they came
    building: str = ""  # what the user's buildings.csv says it shows


COLUMNS = tuple(field.name for field in fields(Row))
VALUES = attrgetter(*COLUMNS)


def write_manifest(path: Path, rows: Iterable[Row]) -> None:
    """Write the rows, sorted by file."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(map(VALUES, sorted(rows, key=lambda row: row.file)))


def read_manifest(path: Path) -> list[Row]:
    """Read the rows; raises ArchstyleError when the file is missing or no manifest."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            lines = csv.reader(file)
            # A manifest from before there were buildings still says what was in which split.
            if (header := tuple(next(lines, ()))) in (COLUMNS, COLUMNS[:-1]):
                rows = []
                for line in lines:
                    if len(line) != len(header):
                        break
                    rows.append(Row(*line))
                else:
                    return rows
    except OSError as error:
        raise ArchstyleError(
            f"{path} cannot be read ({error.strerror}): run `dvc repro prepare`."
        ) from None
    raise ArchstyleError(
        f"{path} is no manifest with the columns {', '.join(COLUMNS)}: run `dvc repro prepare`."
    )


def used(rows: Iterable[Row], split: str) -> list[Row]:
    """Return the photos that are in the split, sorted by file."""
    chosen = [row for row in rows if row.status in ("used", "corrected") and row.split == split]
    return sorted(chosen, key=lambda row: row.file)


def digest(rows: Sequence[Row]) -> str:
    """Digest what a model can learn from and be measured on: photos, styles and splits."""
    text = hashlib.sha256()
    for split in SPLITS:
        for row in used(rows, split):
            text.update(f"{split}\0{row.file}\0{row.style}\0{row.sha256}\n".encode())
    return text.hexdigest()
