"""What describe knows of a collection: the manifest's rows, counted, and what prepare measured."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

import pandas as pd

from archstyle.common.files import read_json
from archstyle.data.manifest import SPLITS, Pair, Row, read_manifest, read_pairs
from archstyle.errors import ArchstyleError
from archstyle.photos.names import SPLIT_FOLDERS

# What a file can end as: in a split, or with the status that keeps it out.
FATES = (*SPLITS, "duplicate", "conflict", "dropped", "broken")
SHOWN = 24  # pairs on either side of the threshold


@dataclass(frozen=True)
class Alike:
    """What the pairs of photos that look alike show about the threshold."""

    same: Counter[int] = field(default_factory=Counter)  # pairs of one photograph, by bits
    apart: Counter[int] = field(default_factory=Counter)
    farthest: list[Pair] = field(default_factory=list)  # of one photograph, the most bits first
    nearest: list[Pair] = field(default_factory=list)  # of two, the fewest bits first


@dataclass(frozen=True)
class Collection:
    """A prepared collection."""

    rows: Sequence[Row]
    summary: Mapping[str, Any]  # data/prepared/summary.json
    facts: pd.DataFrame  # width, height and format of each sound photo, by file
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

    @cached_property
    def sources(self) -> dict[str, Counter[str]]:
        """How many photographs in a split come from which source, by style."""
        sources: dict[str, Counter[str]] = defaultdict(Counter)
        for row in self.rows:
            if row.split:
                sources[row.style][row.source] += 1
        return dict(sorted(sources.items()))

    @cached_property
    def from_one(self) -> list[str]:
        """The styles of one source, where others come from several."""
        one = [style for style, sources in self.sources.items() if len(sources) == 1]
        return one if len(one) < len(self.sources) else []

    @cached_property
    def decisions(self) -> dict[str, list[Any]]:
        """Rows that corrections relabelled or dropped, one a group, by file.

        And the duplicate groups that lie under several styles: conflicts, which are undecided, and
        those that a decision resolved.
        """
        dropped = {row.group: row for row in reversed(self.rows) if row.status == "dropped"}
        groups = self.groups.values()
        return {
            "relabelled": [row for row in self.rows if row.status == "corrected"],
            # What a limit drops belongs to no group.
            "dropped": sorted((r for g, r in dropped.items() if g), key=lambda row: row.file),
            "conflicts": [of for of in groups if of[0].status == "conflict"],
            "resolved": [of for of in groups if of[0].split and len({r.folder for r in of}) > 1],
        }


def read_collection(prepared: Path, distance: int) -> Collection:
    """Read data/prepared; raises ArchstyleError that names the stage to repeat."""
    try:
        whole = pd.read_csv(prepared / "photos.csv", dtype={"file": str}, keep_default_na=False)
        facts = whole.set_index("file")[["width", "height", "format"]]
        facts = facts.astype({"width": int, "height": int})
    except (OSError, ValueError, KeyError) as error:
        raise ArchstyleError(
            f"{prepared} cannot be read ({error}): run `dvc repro --force prepare`."
        ) from error
    summary = read_json(prepared / "summary.json", "run `dvc repro --force prepare`")
    rows = read_manifest(prepared / "manifest.csv")
    return Collection(rows, summary, facts, look_at_pairs(prepared / "pairs.csv", rows), distance)


def look_at_pairs(path: Path, rows: Sequence[Row]) -> Alike:
    """Count the pairs and keep those beside the threshold, one of each photograph or two."""
    if not path.exists():
        return Alike()
    group = {row.file: row.group for row in rows}
    pairs = sorted(read_pairs(path), key=lambda pair: (pair.bits, pair.file, pair.other))
    same, apart = ([pair for pair in pairs if pair.same is kind] for kind in (True, False))

    def shown(ordered: Iterable[Pair], photographs: int) -> list[Pair]:
        first: dict[frozenset[str], Pair] = {}
        for pair in ordered:
            shows = frozenset((group.get(pair.file, ""), group.get(pair.other, "")))
            if len(shows) >= photographs:
                first.setdefault(shows, pair)
        return [*first.values()][:SHOWN]

    farthest = shown((pair for pair in reversed(same) if pair.bits), 1)
    counts = [Counter(pair.bits for pair in of) for of in (same, apart)]
    return Alike(counts[0], counts[1], farthest, shown(apart, 2))


def by_style(rows: Sequence[Row]) -> dict[str, Counter[str]]:
    """Return how many files of each style came to what; files of no style under an empty name."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        counts[row.style][row.split or row.status] += 1
    return dict(sorted(counts.items(), key=lambda item: (not item[0], item[0])))


def reasons(rows: Sequence[Row], examples: int = 5) -> list[dict[str, Any]]:
    """Return why files are broken or were not taken, the commonest reason first."""
    files: dict[tuple[str, str], list[str]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: row.file):
        if not row.group:
            files[row.status, row.reason].append(row.file)
    found = sorted(files.items(), key=lambda item: (-len(item[1]), item[0]))
    return [
        {"status": status, "reason": reason, "files": len(names), "examples": names[:examples]}
        for (status, reason), names in found
    ]


def held_out(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Judge the source's own split; nothing where it has no training folder and another.

    Of the `photos` in a `folder` so many show the `same_photograph` as one in the source's
    `training` folder, and so many are the same file, byte for byte.
    """
    folders: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        named = [n for n in PurePosixPath(row.file).parent.parts if n.casefold() in SPLIT_FOLDERS]
        if row.group and named:
            folders[named[0]].append(row)
    training = sorted(folder for folder in folders if folder.casefold() in ("train", "training"))
    learned = [row for folder in training for row in folders.pop(folder)]
    groups, contents = {row.group for row in learned}, {row.sha256 for row in learned}
    return [
        {
            "folder": folder,
            "training": ", ".join(training),
            "photos": len(photos),
            "same_photograph": sum(row.group in groups for row in photos),
            "same_bytes": sum(row.sha256 in contents for row in photos),
        }
        for folder, photos in sorted(folders.items())
        if learned
    ]
