"""pairs.csv: the pairs of photos that look alike, and which of them are one photograph."""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass
from pathlib import Path

from archstyle.errors import ArchstyleError

COLUMNS = ("file", "other", "bits", "same")


@dataclass(frozen=True, slots=True)
class Pair:
    """Two photos whose perceptual hashes differ in few bits."""

    file: str
    other: str
    bits: int  # of 256
    same: bool  # whether they count as one photograph


def write_pairs(path: Path, pairs: Iterable[Pair]) -> None:
    """Write the pairs, sorted by file."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for pair in sorted(pairs, key=astuple):
            writer.writerow((pair.file, pair.other, pair.bits, int(pair.same)))


def read_pairs(path: Path) -> Iterator[Pair]:
    """Yield the pairs one by one: there may be many. Raises ArchstyleError where it is none."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            lines = csv.reader(file)
            if tuple(next(lines, ())) != COLUMNS:
                raise ValueError(f"its columns are not {', '.join(COLUMNS)}")
            for one, other, bits, same in lines:
                yield Pair(one, other, int(bits), same == "1")
    except (OSError, ValueError) as error:
        raise ArchstyleError(f"{path} cannot be read ({error}): run `dvc repro prepare`.") from None
