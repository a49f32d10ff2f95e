"""Which photographs are learned from, chosen on and looked at once.

The split of a photograph follows from a hash of its group's name alone, so adding others moves
none: no rank, no shuffle, no seed. The name is the start of the smallest SHA-256 in the group. A
new photo that is a near duplicate of an old one may change the name, so what an earlier manifest
says about a photo goes before the hash. Without an earlier manifest, two people with the same
photos get the same splits.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from archstyle.config.schema import Split
from archstyle.data.manifest import SPLITS, Row
from archstyle.errors import ArchstyleError

# Photographs of each style that a split needs for its numbers to mean anything at all.
NEEDED = {"train": 4, "validation": 1, "test": 1}


def remember(rows: Sequence[Row]) -> dict[str, str]:
    """Return the split of each photo's photograph, by the photo's SHA-256."""
    splits = {row.group: row.split for row in rows if row.split}
    return {row.sha256: splits[row.group] for row in rows if row.group in splits}


def name_group(sha256s: Iterable[str]) -> str:
    """Name a group after its smallest SHA-256."""
    return min(sha256s)[:16]


def recall(sha256s: Iterable[str], memory: Mapping[str, str]) -> str:
    """Return the split in which the group was, or nothing.

    Where a new photo joins two old groups, the one nearest to training counts: what was once
    learned from is never measured on.
    """
    return min(
        (memory[sha256] for sha256 in sha256s if sha256 in memory), key=SPLITS.index, default=""
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
    styles: Mapping[str, str], shares: Split, remembered: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return the split of each group.

    `styles` gives each group's style, `remembered` the split in which it was, where it was in one.
    Raises ArchstyleError when a style has too few photographs to have some in every split.
    """
    check_shares(shares)
    remembered = remembered or {}
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
        chosen = {group: remembered.get(group) or split_of(group, shares) for group in groups}
        _fill(chosen, shares)
        splits.update(chosen)
    return splits


def split_of(group: str, shares: Split) -> str:
    """Return the split that the group's place alone gives it."""
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
