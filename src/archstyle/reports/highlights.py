"""What the report on the data says and shows: sentences, and pictures.

The pictures are few enough for any collection, and the same ones each time.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np

from archstyle.data.duplicates.hash import mirrored, to_bytes
from archstyle.data.manifest import Pair, Row
from archstyle.data.splits import Leak
from archstyle.reports.collection import Collection, held_out
from archstyle.reports.page import render

SMALL = 224  # pixels: about what networks look at
FEW = 30  # test photos of a style: its accuracy is then known to about 10 points
GROUPS = 24  # of a kind
OF_ALL_STYLES, FEWEST, MOST = 480, 6, 24  # samples; the last two of one style
MEMBERS = 6  # of one group
DECIDED = 60  # conflicts, and corrections of each kind


@dataclass(frozen=True)
class Group:
    """A duplicate group with some of its versions, which differ in more than their names."""

    files: int
    versions: int
    shown: Sequence[Row]
    bits: Mapping[str, int]  # by file: how far from the first one that is shown
    styles: Sequence[str]  # of its folders


def find(found: Collection, leaks: Sequence[Leak]) -> list[list[str]]:
    """Return (good, note or alarm; where the page shows more; sentence), alarms first."""
    counts = found.summary["counts"].items()
    text = render(
        "findings.txt",
        found=found,
        leaks=leaks,
        held_out=held_out(found.rows),
        files=sum(map(len, found.groups.values())),
        learned=Counter({style: of["train"] for style, of in counts}).most_common(),
        scarce=[style for style, of in counts if of["test"] < FEW],
        few=FEW,
        broken=sum(row.status == "broken" for row in found.rows),
        left=sum(row.status == "dropped" and not row.group for row in found.rows),
        small=SMALL,
        smaller=int((found.facts[["width", "height"]].min(axis=1) < SMALL).sum()),
    )
    told = [line.split("|", 2) for line in text.split("\n") if line]
    return sorted(told, key=lambda one: ("alarm", "note", "good").index(one[0]))


def choose(found: Collection) -> dict[str, Any]:
    """Choose the pictures: lists of Row, Pair or Group by kind, and under `styles` by style."""
    used = [members for members in found.groups.values() if members[0].split and len(members) > 1]
    copies = _largest(used, GROUPS)
    others = [members for members in used if members not in copies and len(_versions(members)) > 1]
    decisions = found.decisions
    return {
        "styles": samples(found.rows),
        "copies": [_group(members) for members in copies],
        "versions": [_group(m) for m in _largest(others, GROUPS, lambda m: len(_versions(m)))],
        "farthest": found.alike.farthest,
        "nearest": found.alike.nearest,
        "conflicts": [_group(members) for members in _largest(decisions["conflicts"], DECIDED)],
        "relabelled": decisions["relabelled"][:DECIDED],
        "dropped": decisions["dropped"][:DECIDED],
        "resolved": [_group(members) for members in _largest(decisions["resolved"], DECIDED)],
    }


def files_of(item: Any) -> list[str]:
    """Return the files of a Row, a Pair or a Group, in the order in which they are shown."""
    if isinstance(item, Group):
        return [row.file for row in item.shown]
    return [item.file, item.other] if isinstance(item, Pair) else [item.file]


def pictured(choices: Mapping[str, Any]) -> list[str]:
    """Return the files of all pictures, sorted, each once."""
    kinds = [items for kind, items in choices.items() if kind != "styles"]
    items = chain(*kinds, *choices["styles"].values())
    return sorted({file for item in items for file in files_of(item)})


def samples(rows: Sequence[Row]) -> dict[str, list[Row]]:
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


def _largest(
    groups: Iterable[Sequence[Row]], number: int, size: Callable[[Sequence[Row]], int] = len
) -> list[Sequence[Row]]:
    return sorted(groups, key=lambda members: (-size(members), members[0].file))[:number]


def _versions(members: Sequence[Row]) -> list[Row]:
    """Return one photo of each content in each style's folder."""
    versions: dict[tuple[str, str], Row] = {}
    for row in members:
        versions.setdefault((row.sha256, row.folder), row)
    return list(versions.values())


def _group(members: Sequence[Row]) -> Group:
    """Show the first one, then one of each other style, then those that are least like the first.

    What should not be in a group is the most likely to be among those.
    """
    versions = _versions(members)
    hashes = to_bytes([row.phash for row in versions])
    ways = np.stack([hashes[0], mirrored(hashes[0])])
    bits = np.bitwise_count(hashes ^ ways[:, np.newaxis]).sum(2).min(0)
    far = {row.file: int(n) for row, n in zip(versions, bits, strict=True)}
    others = sorted(versions[1:], key=lambda row: (-far[row.file], row.file))
    own = versions[0].folder
    heads: dict[str, Row] = {}
    for row in others:
        if row.folder != own:
            heads.setdefault(row.folder, row)
    rest = [row for row in others if row not in heads.values()]
    return Group(
        files=len(members),
        versions=len(versions),
        shown=[versions[0], *heads.values(), *rest][:MEMBERS],
        bits=far,
        styles=sorted({row.folder for row in members}),
    )
