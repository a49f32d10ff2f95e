"""Which pictures are shown: few enough for any collection, and the same ones each time."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from archstyle.data.duplicates.hash import mirrored, to_bytes
from archstyle.data.manifest import Pair, Row
from archstyle.photos.names import style_of
from archstyle.reports.data.collection import Collection
from archstyle.reports.data.tallies import dropped_by_hand, relabelled, resolved

OF_ALL_STYLES = 480
FEWEST, MOST = 6, 24  # of one style
GROUPS = 24  # with most files, and again with most versions
MEMBERS = 6  # of one group
CONFLICTS = 60
CORRECTIONS = 60  # of each kind


@dataclass(frozen=True)
class Group:
    """A photograph with some of its versions: photos that differ in more than their names."""

    files: int
    versions: int
    shown: Sequence[Row]
    bits: Mapping[str, int]  # by file: how far from the first one that is shown
    styles: Sequence[str]  # of its folders


@dataclass(frozen=True)
class Choices:
    """All pictures of the report."""

    styles: Mapping[str, Sequence[Row]] = field(default_factory=dict)
    copies: Sequence[Group] = ()  # with most files
    versions: Sequence[Group] = ()  # with most versions, of the others
    farthest: Sequence[Pair] = ()
    nearest: Sequence[Pair] = ()
    conflicts: Sequence[Group] = ()
    relabelled: Sequence[Row] = ()
    dropped: Sequence[Row] = ()
    resolved: Sequence[Group] = ()

    def files(self) -> list[str]:
        """Return the files of all pictures, sorted, each once."""
        rows = [row for sample in self.styles.values() for row in sample]
        rows += [*self.relabelled, *self.dropped]
        for group in (*self.copies, *self.versions, *self.conflicts, *self.resolved):
            rows += group.shown
        names = {row.file for row in rows}
        names.update(name for pair in (*self.farthest, *self.nearest) for name in _both(pair))
        return sorted(names)


def choose(found: Collection) -> Choices:
    """Choose the pictures of a collection."""
    groups = found.groups
    used = [members for members in groups.values() if members[0].split and len(members) > 1]
    copies = _first(used, GROUPS, len)
    shown = {members[0].group for members in copies}
    others = [m for m in used if m[0].group not in shown and len(_versions(m)) > 1]
    in_conflict = [members for members in groups.values() if members[0].status == "conflict"]
    dropped = {row.group: row for row in reversed(dropped_by_hand(found.rows))}
    return Choices(
        styles=contact_sheets(found.rows),
        copies=[_group(members) for members in copies],
        versions=[_group(m) for m in _first(others, GROUPS, lambda m: len(_versions(m)))],
        farthest=found.alike.farthest,
        nearest=found.alike.nearest,
        conflicts=[_group(members) for members in _first(in_conflict, CONFLICTS, len)],
        relabelled=relabelled(found.rows)[:CORRECTIONS],
        dropped=sorted(dropped.values(), key=lambda row: row.file)[:CORRECTIONS],
        resolved=[_group(members) for members in _first(resolved(groups), CORRECTIONS, len)],
    )


def contact_sheets(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Return a sample of each style's photographs that are in a split.

    A photo's SHA-256 is as good as a lot that was drawn once: the sample changes little when
    photos are added.
    """
    by_style: dict[str, list[Row]] = {}
    for row in sorted(rows, key=lambda row: (row.style, row.sha256, row.file)):
        if row.split:
            by_style.setdefault(row.style, []).append(row)
    each = min(MOST, max(FEWEST, OF_ALL_STYLES // max(1, len(by_style))))
    return {style: sample[:each] for style, sample in by_style.items()}


def _first(
    groups: Iterable[Sequence[Row]], number: int, size: Callable[[Sequence[Row]], int]
) -> list[Sequence[Row]]:
    """Return the largest groups, the largest first."""
    return sorted(groups, key=lambda members: (-size(members), members[0].file))[:number]


def _versions(members: Sequence[Row]) -> list[Row]:
    """Return one photo of each content in each style's folder."""
    versions: dict[tuple[str, str], Row] = {}
    for row in members:
        versions.setdefault((row.sha256, _folder(row)), row)
    return list(versions.values())


def _group(members: Sequence[Row]) -> Group:
    """Show the first one, then one of each other style, then those that are least like the first.

    What should not be in a group is the most likely to be among those.
    """
    versions = _versions(members)
    hashes = to_bytes([row.phash for row in versions])
    bits = np.minimum(
        np.bitwise_count(hashes ^ hashes[0]).sum(1),
        np.bitwise_count(hashes ^ mirrored(hashes[0])).sum(1),
    )
    far = {row.file: int(n) for row, n in zip(versions, bits, strict=True)}
    first, *others = versions
    others.sort(key=lambda row: (-far[row.file], row.file))
    heads: dict[str, Row] = {}
    for row in others:
        if _folder(row) != _folder(first):
            heads.setdefault(_folder(row), row)
    rest = [row for row in others if row not in heads.values()]
    return Group(
        files=len(members),
        versions=len(versions),
        shown=[first, *heads.values(), *rest][:MEMBERS],
        bits=far,
        styles=sorted({_folder(row) for row in members}),
    )


def _folder(row: Row) -> str:
    return style_of(row.file) or ""


def _both(pair: Pair) -> tuple[str, str]:
    return pair.file, pair.other
