"""Which photographs are learned from, chosen on and looked at once.

The split of a photograph follows from a hash of its group's name alone, so adding others moves
none: no rank, no shuffle, no seed. The name is that of the group's photo with the smallest
SHA-256. A new photo that is a near duplicate of an old one could take the name over and with it
move the group, so the groups of the manifest before, where it is still there, keep their names
and their splits.
"""

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from archstyle.config.schema import Split
from archstyle.data.manifest import SPLITS, Row
from archstyle.errors import ArchstyleError

# Photographs of each style that a split needs for its numbers to mean anything at all.
NEEDED = {"train": 4, "validation": 1, "test": 1}


@dataclass(frozen=True)
class Memory:
    """What an earlier manifest says: the group of each photo and the split of each group."""

    groups: Mapping[str, str] = field(default_factory=dict)  # sha256 -> group
    splits: Mapping[str, str] = field(default_factory=dict)  # group -> split


def remember(rows: Sequence[Row]) -> Memory:
    """Return what a manifest says."""
    return Memory(
        {row.sha256: row.group for row in rows if row.group},
        {row.group: row.split for row in rows if row.split},
    )


def name_group(sha256s: Sequence[str], memory: Memory) -> str:
    """Name a group after its smallest SHA-256, unless it had a name before.

    Where a new photo joins two old groups, the one nearest to training gives the name: what was
    once learned from is never measured on.
    """
    known = {memory.groups[sha256] for sha256 in sha256s if sha256 in memory.groups}
    order = {split: place for place, split in enumerate(SPLITS)}
    return min(
        known or {min(sha256s)[:16]},
        key=lambda group: (order.get(memory.splits.get(group, ""), len(order)), group),
    )


def check_shares(shares: Split) -> None:
    """Raise ArchstyleError unless every split gets something."""
    if not (shares.validation > 0 and shares.test > 0 and shares.validation + shares.test < 1):
        raise ArchstyleError(
            f"split.validation={shares.validation:g} and split.test={shares.test:g} must be above "
            "0 and together below 1: they are shares, and the rest is for training."
        )


def place(group: str) -> float:
    """Return the group's place in [0, 1), which nothing else has a say in."""
    digest = hashlib.sha256(f"archstyle split {group}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def assign_splits(
    styles: Mapping[str, str], shares: Split, memory: Memory | None = None
) -> dict[str, str]:
    """Return the split of each group; `styles` gives each group's style.

    Raises ArchstyleError when a style has too few photographs to have some in every split.
    """
    check_shares(shares)
    memory = memory or Memory()
    needed = sum(NEEDED.values())
    by_style: dict[str, list[str]] = defaultdict(list)
    for group, style in styles.items():
        by_style[style].append(group)
    splits: dict[str, str] = {}
    for style, groups in sorted(by_style.items()):
        if len(groups) < needed:
            raise ArchstyleError(
                f"The style {style} has {len(groups)} "
                f"photograph{'' if len(groups) == 1 else 's'} that can be used, but {needed} are "
                "needed to train on some and test on others: add photos or remove its folder."
            )
        chosen = {group: memory.splits.get(group) or _by_place(group, shares) for group in groups}
        _fill(chosen, shares)
        splits.update(chosen)
    return splits


def _by_place(group: str, shares: Split) -> str:
    where = place(group)
    if where < shares.test:
        return "test"
    return "validation" if where < shares.test + shares.validation else "train"


def _fill(chosen: dict[str, str], shares: Split) -> None:
    """Give each split of a small style what it needs, from the nearest places beside it."""
    middle = {
        "test": shares.test / 2,
        "validation": shares.test + shares.validation / 2,
        "train": (1 + shares.test + shares.validation) / 2,
    }
    for split, needed in NEEDED.items():
        while list(chosen.values()).count(split) < needed:
            spare = [
                group
                for group, other in chosen.items()
                if other != split and list(chosen.values()).count(other) > NEEDED[other]
            ]
            chosen[min(spare, key=lambda group: (abs(place(group) - middle[split]), group))] = split
