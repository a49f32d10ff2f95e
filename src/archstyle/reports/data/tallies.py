"""What there is of everything: pure functions on the manifest's rows."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from archstyle.data.manifest import SPLITS, Row
from archstyle.photos.names import SPLIT_FOLDERS, style_of

# What a file can end as: in a split, or with the status that keeps it out.
FATES = (*SPLITS, "duplicate", "conflict", "dropped", "broken")
TRAINING = frozenset({"train", "training"})


@dataclass(frozen=True)
class Reason:
    """Why files cannot be used, with the first of them."""

    status: str
    reason: str
    files: int
    examples: tuple[str, ...]


@dataclass(frozen=True)
class HeldOut:
    """A folder of the source that is meant for measuring, and what of it can be learned by heart.

    Of its `photos`, so many show a photograph that is in the source's training folder too, and so
    many are the same file, byte for byte.
    """

    folder: str
    training: str
    photos: int
    same_photograph: int
    same_bytes: int


def fate(row: Row) -> str:
    """Return one of FATES."""
    return row.split or row.status


def by_style(rows: Sequence[Row]) -> dict[str, Counter[str]]:
    """Return how many files of each style came to what; files of no style under an empty name."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        counts[row.style][fate(row)] += 1
    return dict(sorted(counts.items(), key=lambda item: (not item[0], item[0])))


def photographs(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Return the photos of each photograph, by group; the one that is used comes first."""
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: (not row.split, row.file)):
        if row.group:
            groups[row.group].append(row)
    return dict(groups)


def reasons(rows: Sequence[Row], examples: int = 5) -> list[Reason]:
    """Return why files are broken or were not taken, the commonest reason first."""
    files: dict[tuple[str, str], list[str]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: row.file):
        if not row.group:
            files[row.status, row.reason].append(row.file)
    found = [
        Reason(status, reason, len(names), tuple(names[:examples]))
        for (status, reason), names in files.items()
    ]
    return sorted(found, key=lambda reason: (-reason.files, reason.status, reason.reason))


def relabelled(rows: Sequence[Row]) -> list[Row]:
    """Return the photos whose style a correction changed."""
    return [row for row in rows if row.status == "corrected"]


def dropped_by_hand(rows: Sequence[Row]) -> list[Row]:
    """Return the photos that a correction took out; what a limit drops belongs to no group."""
    return [row for row in rows if row.status == "dropped" and row.group]


def resolved(groups: Mapping[str, Sequence[Row]]) -> list[Sequence[Row]]:
    """Return the photographs that lie under several styles and are used by a decision."""
    return [
        members
        for members in groups.values()
        if len(members) > 1
        and members[0].split
        and len({style_of(row.file) for row in members}) > 1
    ]


def source_split(file: str) -> str:
    """Return the folder of the source, as in `val`, that says what the photo was meant for."""
    folders = PurePosixPath(file).parent.parts
    return next((name for name in folders if name.casefold() in SPLIT_FOLDERS), "")


def held_out(rows: Sequence[Row]) -> list[HeldOut]:
    """Judge the source's own split; nothing where it has no training folder and another."""
    folders: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row.group and (folder := source_split(row.file)):
            folders[folder].append(row)
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
