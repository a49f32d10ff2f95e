"""What describe knows of a collection: the manifest's rows, counted, and what prepare measured."""

import csv
import heapq
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from archstyle.common.files import read_json
from archstyle.data.manifest import SPLITS, Pair, Row, read_manifest, read_pairs
from archstyle.errors import ArchstyleError
from archstyle.photos.names import SPLIT_FOLDERS, style_of

SHOWN = 24  # pairs on either side of the threshold
# What a file can end as: in a split, or with the status that keeps it out.
FATES = (*SPLITS, "duplicate", "conflict", "dropped", "broken")
TRAINING = frozenset({"train", "training"})


@dataclass(frozen=True, slots=True)
class Facts:
    """What a sound photo's file says of itself."""

    bytes: int
    width: int  # pixels, before the photo is turned upright
    height: int
    format: str


@dataclass(frozen=True)
class Alike:
    """What the pairs of photos that look alike show about the threshold."""

    same: Counter[int] = field(default_factory=Counter)  # pairs of one photograph, by bits
    apart: Counter[int] = field(default_factory=Counter)
    farthest: list[Pair] = field(default_factory=list)  # of one photograph, the most bits first
    nearest: list[Pair] = field(default_factory=list)  # of two, the fewest bits first


@dataclass(frozen=True)
class Reason:
    """Why files cannot be used, with the first of them."""

    status: str
    reason: str
    files: int
    examples: tuple[str, ...]


@dataclass(frozen=True)
class HeldOut:
    """A folder of the source that is meant for measuring, and how much of it leaks.

    Of its `photos`, so many show a photograph that is in the source's training folder too, and so
    many are the same file, byte for byte.
    """

    folder: str
    training: str
    photos: int
    same_photograph: int
    same_bytes: int


@dataclass(frozen=True)
class Collection:
    """A prepared collection."""

    rows: Sequence[Row]
    summary: Mapping[str, Any]  # data/prepared/summary.json
    facts: Mapping[str, Facts]  # of each sound photo
    alike: Alike
    distance: int  # bits up to which two photos are one photograph

    @property
    def drawn(self) -> bool:
        """Whether these are drawn facades, no photos."""
        return bool(self.summary["source"]["drawn"])

    @cached_property
    def groups(self) -> dict[str, list[Row]]:
        """The photos of each duplicate group; the one that is used comes first."""
        groups: dict[str, list[Row]] = defaultdict(list)
        for row in sorted(self.rows, key=lambda row: (not row.split, row.file)):
            if row.group:
                groups[row.group].append(row)
        return dict(groups)

    @property
    def conflicts(self) -> list[Sequence[Row]]:
        """The duplicate groups that lie under several styles, undecided."""
        return [members for members in self.groups.values() if members[0].status == "conflict"]

    @property
    def relabelled(self) -> list[Row]:
        """The photos whose style a correction changed."""
        return [row for row in self.rows if row.status == "corrected"]

    @property
    def dropped(self) -> list[Row]:
        """One photo of each duplicate group that a correction took out, by file.

        What a limit drops belongs to no group.
        """
        rows = [row for row in self.rows if row.status == "dropped" and row.group]
        return sorted({row.group: row for row in reversed(rows)}.values(), key=lambda r: r.file)

    @property
    def resolved(self) -> list[Sequence[Row]]:
        """The duplicate groups that lie under several styles and are used by a decision."""
        return [
            members
            for members in self.groups.values()
            if members[0].split and len({style_of(row.file) for row in members}) > 1
        ]


def read_collection(prepared: Path, distance: int) -> Collection:
    """Read data/prepared; raises ArchstyleError that names the stage to repeat."""
    try:
        with (prepared / "photos.csv").open(encoding="utf-8", newline="") as file:
            lines = csv.reader(file)
            next(lines)
            facts = {
                name: Facts(int(size), int(width), int(height), kind)
                for name, size, width, height, kind in lines
            }
    except (OSError, ValueError, TypeError, StopIteration) as error:
        raise ArchstyleError(
            f"{prepared} cannot be read ({error}): run `dvc repro --force prepare`."
        ) from error
    summary = read_json(prepared / "summary.json", "run `dvc repro --force prepare`")
    rows = read_manifest(prepared / "manifest.csv")
    alike = look_at_pairs(prepared / "pairs.csv", rows)
    return Collection(rows, summary, facts, alike, distance)


def look_at_pairs(path: Path, rows: Sequence[Row]) -> Alike:
    """Count the pairs and keep those beside the threshold, one of each photograph or two.

    The file may be a long one: what is kept grows with the photographs only.
    """
    if not path.exists():
        return Alike()
    group = {row.file: row.group for row in rows}
    same: Counter[int] = Counter()
    apart: Counter[int] = Counter()
    farthest: dict[str, Pair] = {}
    nearest: dict[tuple[str, ...], Pair] = {}
    for pair in read_pairs(path):
        (same if pair.same else apart)[pair.bits] += 1
        groups = tuple(sorted({group.get(pair.file, ""), group.get(pair.other, "")}))
        if pair.same:
            if pair.bits > farthest.setdefault(groups[0], pair).bits:
                farthest[groups[0]] = pair
        elif len(groups) > 1 and pair.bits < nearest.setdefault(groups, pair).bits:
            nearest[groups] = pair

    def order(pair: Pair) -> tuple[int, str, str]:
        return pair.bits, pair.file, pair.other

    different = (pair for pair in farthest.values() if pair.bits)
    return Alike(
        same,
        apart,
        heapq.nlargest(SHOWN, different, order),
        heapq.nsmallest(SHOWN, nearest.values(), order),
    )


def fate(row: Row) -> str:
    """Return one of FATES."""
    return row.split or row.status


def by_style(rows: Sequence[Row]) -> dict[str, Counter[str]]:
    """Return how many files of each style came to what; files of no style under an empty name."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        counts[row.style][fate(row)] += 1
    return dict(sorted(counts.items(), key=lambda item: (not item[0], item[0])))


def reasons(rows: Sequence[Row], examples: int = 5) -> list[Reason]:
    """Return why files are broken or were not taken, the commonest reason first."""
    files: dict[tuple[str, str], list[str]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: row.file):
        if not row.group:
            files[row.status, row.reason].append(row.file)
    found = [Reason(*why, len(names), tuple(names[:examples])) for why, names in files.items()]
    return sorted(found, key=lambda reason: (-reason.files, reason.status, reason.reason))


def held_out(rows: Sequence[Row]) -> list[HeldOut]:
    """Judge the source's own split; nothing where it has no training folder and another."""
    folders: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        named = [n for n in PurePosixPath(row.file).parent.parts if n.casefold() in SPLIT_FOLDERS]
        if row.group and named:
            folders[named[0]].append(row)
    training = sorted(folder for folder in folders if folder.casefold() in TRAINING)
    learned = [row for folder in training for row in folders.pop(folder)]
    groups, contents = {row.group for row in learned}, {row.sha256 for row in learned}
    return [
        HeldOut(
            folder=folder,
            training=", ".join(training),
            photos=len(photos),
            same_photograph=sum(row.group in groups for row in photos),
            same_bytes=sum(row.sha256 in contents for row in photos),
        )
        for folder, photos in sorted(folders.items())
        if learned
    ]
