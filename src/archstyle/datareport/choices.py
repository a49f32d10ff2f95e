"""Which pictures are shown: few enough for any collection, and the same ones each time."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from archstyle.data.fingerprints import mirrored, to_bytes
from archstyle.data.manifest import Row
from archstyle.data.names import style_of
from archstyle.data.pairs import Pair
from archstyle.datareport.collection import Collection
from archstyle.datareport.tallies import dropped_by_hand, photographs, relabelled, resolved

OF_ALL_STYLES = 480
FEWEST, MOST = 6, 24  # of one style
GROUPS = 24
MEMBERS = 6  # of one group
CONFLICTS = 60
CORRECTIONS = 60  # of each kind


@dataclass(frozen=True)
class Group:
    """A photograph with some of its photos, and how many more there are."""

    shown: Sequence[Row]
    more: int
    bits: Mapping[str, int]  # by file: how far from the first one that is shown
    styles: Sequence[str]  # of its folders


@dataclass(frozen=True)
class Choices:
    """All pictures of the report."""

    styles: Mapping[str, Sequence[Row]] = field(default_factory=dict)
    duplicates: Sequence[Group] = ()
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
        for group in (*self.duplicates, *self.conflicts, *self.resolved):
            rows += group.shown
        names = {row.file for row in rows}
        names.update(name for pair in (*self.farthest, *self.nearest) for name in _both(pair))
        return sorted(names)


def choose(found: Collection) -> Choices:
    """Choose the pictures of a collection."""
    groups = photographs(found.rows)
    in_conflict = [members for members in groups.values() if members[0].status == "conflict"]
    copies = [m for m in groups.values() if len(m) > 1 and m[0].split]
    dropped = {row.group: row for row in reversed(dropped_by_hand(found.rows))}
    return Choices(
        styles=contact_sheets(found.rows),
        duplicates=[_group(members) for members in _largest(copies)[:GROUPS]],
        farthest=found.alike.farthest,
        nearest=found.alike.nearest,
        conflicts=[_group(members) for members in _largest(in_conflict)[:CONFLICTS]],
        relabelled=relabelled(found.rows)[:CORRECTIONS],
        dropped=sorted(dropped.values(), key=lambda row: row.file)[:CORRECTIONS],
        resolved=[_group(members) for members in _largest(resolved(groups))[:CORRECTIONS]],
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


def _largest(groups: Iterable[Sequence[Row]]) -> list[Sequence[Row]]:
    return sorted(groups, key=lambda members: (-len(members), members[0].file))


def _group(members: Sequence[Row]) -> Group:
    """Show the first one, then one of each other style, then those that are least like the first.

    What should not be in a group is the most likely to be among those.
    """
    first, *others = members
    hashes = to_bytes([row.phash for row in members])
    bits = np.minimum(
        np.bitwise_count(hashes ^ hashes[0]).sum(1),
        np.bitwise_count(hashes ^ mirrored(hashes[0])).sum(1),
    )
    far = {row.file: int(n) for row, n in zip(members, bits, strict=True)}
    others.sort(key=lambda row: (-far[row.file], row.file))
    seen = {style_of(first.file)}
    for style in sorted({style_of(row.file) or "" for row in others} - seen, reverse=True):
        of_style = next(row for row in others if (style_of(row.file) or "") == style)
        others.remove(of_style)
        others.insert(0, of_style)
    shown = [first, *others][:MEMBERS]
    styles = sorted({style_of(row.file) or "" for row in members})
    return Group(shown, len(members) - len(shown), far, styles)


def _both(pair: Pair) -> tuple[str, str]:
    return pair.file, pair.other
