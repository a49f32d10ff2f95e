"""Which photos show the same photograph."""

from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from archstyle.common.parallel import parallel_map
from archstyle.config.schema import Duplicates
from archstyle.data.duplicates.alignment import agreement
from archstyle.data.duplicates.candidates import Alike, look_alikes
from archstyle.data.duplicates.hash import mirrored
from archstyle.data.duplicates.neighbours import close_pairs
from archstyle.data.duplicates.thumbnails import Greys
from archstyle.errors import ArchstyleError

LOOKS = 64  # pairs that are looked at together
NOTED = 50_000  # pairs of either kind that are kept for the report


class Found(NamedTuple):
    """Two photos that are alike, by their numbers."""

    first: int  # the smaller one
    second: int
    bits: int  # of 256 in which their hashes differ, straight or mirrored


class Groups:
    """Photos by their numbers, joined one pair after the other."""

    def __init__(self, count: int) -> None:
        self._parents = list(range(count))

    def root(self, member: int) -> int:
        """Return the smallest number of the group."""
        parents = self._parents
        while parents[member] != member:
            parents[member] = parents[parents[member]]
            member = parents[member]
        return member

    def join(self, first: int, second: int) -> None:
        """Make one group of two."""
        one, other = self.root(first), self.root(second)
        self._parents[max(one, other)] = min(one, other)

    def roots(self) -> list[int]:
        """Return the smallest number of every photo's group."""
        return [self.root(member) for member in range(len(self._parents))]


def check_rule(rule: Duplicates) -> None:
    """Raise ArchstyleError where the rule makes no sense."""
    if not 0 <= rule.distance <= 100:
        raise ArchstyleError(
            f"`duplicates.distance` is {rule.distance}, but it is the number of bits of 256 in "
            "which photos of one photograph may differ: set it between 0 and 100."
        )
    for name, value in (("likeness", rule.likeness), ("agreement", rule.agreement)):
        if not 0 < value <= 1:
            raise ArchstyleError(
                f"`duplicates.{name}` is {value:g}, but it is a correlation: set it above 0 and up "
                "to 1."
            )


def find_duplicates(
    hashes: NDArray[np.uint8], greys: Greys, rule: Duplicates
) -> tuple[list[int], list[Found]]:
    """Return the smallest number of each photo's group, and pairs for the report.

    `hashes` is uint8 [n, 32]. Photos within `rule.distance` bits of each other are one photograph,
    and so are those of at least `rule.likeness` of which a second look says so, and what is joined
    through others. The pairs are those, and the ones that were looked at in vain.
    """
    groups = Groups(len(hashes))
    noted: list[Found] = []
    for found in join_close(groups, hashes, rule.distance):
        if len(noted) < NOTED:
            noted.append(found)
    for found, agreed in _second_look(hashes, greys, groups, rule):
        if agreed:
            groups.join(found.first, found.second)
        if len(noted) < 2 * NOTED:
            noted.append(found)
    return groups.roots(), noted


def join_close(groups: Groups, hashes: NDArray[np.uint8], distance: int) -> Iterator[Found]:
    """Join and yield the pairs within `distance` bits of each other: uint8 [n, 32]."""
    # Photos of one hash are joined at once: there may be thousands, of a blank page say.
    whole = np.ascontiguousarray(hashes).view(f"V{hashes.shape[1]}").reshape(-1)
    _, firsts, same = np.unique(whole, return_index=True, return_inverse=True)
    for member, first in enumerate(firsts[same].tolist()):
        if member != first:
            groups.join(first, member)
            yield Found(first, member, 0)
    for pairs in close_pairs(hashes[firsts], distance):
        for one, other, bits in zip(
            *firsts[pairs[:, :2]].T.tolist(), pairs[:, 2].tolist(), strict=True
        ):
            groups.join(one, other)
            yield Found(min(one, other), max(one, other), bits)


def _second_look(
    hashes: NDArray[np.uint8], greys: Greys, groups: Groups, rule: Duplicates
) -> Iterator[tuple[Found, bool]]:
    """Yield pairs of photos of two groups that look alike, and whether they are one photograph."""
    kept = np.unique(groups.roots())
    alike = look_alikes(greys, kept, rule.likeness)
    first, second = kept[alike.first], kept[alike.second]
    bits = np.minimum(
        np.bitwise_count(hashes[first] ^ hashes[second]).sum(axis=1, dtype=int),
        np.bitwise_count(hashes[first] ^ mirrored(hashes[second])).sum(axis=1, dtype=int),
    )
    batches = [slice(start, start + LOOKS) for start in range(0, len(first), LOOKS)]
    look = partial(_look, greys, first, second, alike)
    agreed = parallel_map(look, batches, len(batches), "second look", chunk=1)
    for batch, values in zip(batches, agreed, strict=True):
        pairs = (array[batch].tolist() for array in (first, second, bits))
        for pair, value in zip(zip(*pairs, strict=True), values.tolist(), strict=True):
            yield Found(*pair), value >= rule.agreement


def _look(
    greys: Greys,
    first: NDArray[np.int64],
    second: NDArray[np.int64],
    alike: Alike,
    batch: slice,
) -> NDArray[np.float32]:
    return agreement(
        greys.read(first[batch]),
        greys.read(second[batch]),
        alike.first_trimmed[batch],
        alike.second_trimmed[batch],
        alike.mirrored[batch],
    )
