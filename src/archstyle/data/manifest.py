"""What lies in data/prepared: the manifest, with what became of every file, and pairs.csv."""

import csv
import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import astuple, dataclass, fields
from operator import attrgetter
from pathlib import Path

from archstyle.common.files import write_csv
from archstyle.errors import ArchstyleError
from archstyle.photos.names import style_of
from archstyle.photos.store import OF_OTHERS

SPLITS = ("train", "validation", "test")
STATUSES = ("used", "duplicate", "conflict", "corrected", "dropped", "broken")
OTHER = "other"  # status of a building of none of the styles


@dataclass(frozen=True, slots=True)
class Row:
    """What became of one file."""

    file: str  # path in the source
    style: str  # after corrections; empty where the file lies in no style's folder
    sha256: str
    phash: str  # 64 hexadecimal digits; empty where the file could not be read
    group: str  # the photograph that this photo shows
    split: str  # train, validation, test or empty
    status: str  # one of STATUSES, or OTHER
    reason: str  # empty for photos that are used as they came
    building: str = ""  # that it shows, by buildings.csv or its name
    labelled: str = ""  # the style before corrections: what the folder or the source's map says
    source: str = ""  # which one of several, or the repository

    @property
    def folder(self) -> str:
        """The style before corrections, in manifests from before it was a column, too."""
        return self.labelled or style_of(self.file) or ""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two photos that look alike."""

    file: str
    other: str
    bits: int  # of 256 in which their perceptual hashes differ
    same: bool  # whether they count as one photograph


COLUMNS, PAIR_COLUMNS = (tuple(field.name for field in fields(one)) for one in (Row, Pair))
REPRO = "run `dvc repro prepare`"


def write_manifest(path: Path, rows: Iterable[Row]) -> None:
    """Write the rows, sorted by file."""
    write_csv(path, COLUMNS, map(attrgetter(*COLUMNS), sorted(rows, key=attrgetter("file"))))


def read_manifest(path: Path) -> list[Row]:
    """Read the rows, without those of data.others.

    Raises ArchstyleError when the file is missing or no manifest.
    """
    return [row for row in _read_rows(path) if not row.file.startswith(OF_OTHERS)]


def read_others(path: Path) -> list[Row]:
    """Read the rows of data.others alone, as read_manifest does the rest."""
    return [row for row in _read_rows(path) if row.file.startswith(OF_OTHERS)]


def _read_rows(path: Path) -> list[Row]:
    # A manifest from before there were sources, or buildings, still says what was in which split.
    headers = COLUMNS, COLUMNS[:-2], COLUMNS[:-3]
    return [Row(*line) for line in read_lines(path, headers, "manifest", REPRO)]


def write_pairs(path: Path, pairs: Iterable[Pair]) -> None:
    """Write the pairs, sorted by file."""
    rows = ((*astuple(pair)[:-1], int(pair.same)) for pair in sorted(pairs, key=astuple))
    write_csv(path, PAIR_COLUMNS, rows)


def read_pairs(path: Path) -> list[Pair]:
    """Read the pairs; raises ArchstyleError when the file is missing or something else."""
    lines = read_lines(path, [PAIR_COLUMNS], "list of pairs", REPRO)
    return [Pair(one, other, int(bits), same == "1") for one, other, bits, same in lines]


def read_lines(
    path: Path, headers: Collection[tuple[str, ...]], what: str, advice: str
) -> list[list[str]]:
    """Read the lines under one of the headers; raises ArchstyleError that ends with the advice."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            header, *lines = csv.reader(file)
        if tuple(header) in headers and all(len(line) == len(header) for line in lines):
            return lines
        reason = ""
    except (OSError, ValueError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or ""
    reason = reason or f"it is no {what} with the columns {', '.join(next(iter(headers)))}"
    raise ArchstyleError(f"{path} cannot be read ({reason}): {advice}.") from None


def used(rows: Iterable[Row], split: str) -> list[Row]:
    """Return the photos that are in the split, sorted by file."""
    chosen = [row for row in rows if row.status in ("used", "corrected") and row.split == split]
    return sorted(chosen, key=attrgetter("file"))


def others(rows: Iterable[Row], split: str) -> list[Row]:
    """Return the buildings of none of the styles that are in the split, sorted by file.

    `rows` are those of read_others; the style is the folder's, `PhotoStore(data/raw/others)` has
    the photos.
    """
    chosen = [row for row in rows if row.status == OTHER and row.split == split]
    return sorted(chosen, key=attrgetter("file"))


def learned(rows: Sequence[Row]) -> set[str]:
    """Return the SHA-256 of all photos, duplicates too, of what is trained or calibrated on."""
    groups = {row.group for split in ("train", "validation") for row in used(rows, split)}
    return {row.sha256 for row in rows if row.group in groups}


def never_learned(rows: Sequence[Row], seen: Collection[str]) -> list[Row]:
    """Return the test photos of which a model has seen no duplicate, by SHA-256 or its start."""
    groups = {row.group for row in rows if row.sha256 in seen or row.sha256[:16] in seen}
    return [row for row in used(rows, "test") if row.group not in groups]


def digest(rows: Sequence[Row]) -> str:
    """Digest what a model can learn from and be measured on: photos, styles and splits."""
    text = hashlib.sha256()
    for split in SPLITS:
        for row in used(rows, split):
            text.update(f"{split}\0{row.file}\0{row.style}\0{row.sha256}\n".encode())
    return text.hexdigest()
