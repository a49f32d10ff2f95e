"""Which photos show the same photograph."""

from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from archstyle.common.parallel import parallel_map
from archstyle.config.schema import Duplicates
from archstyle.data.duplicates.alignment import Thumbnails, agreement
from archstyle.data.duplicates.hash import mirrored
from archstyle.data.duplicates.neighbours import Alike, Pairs, close_pairs, look_alikes

LOOKS = 64  # pairs that are looked at together
NOTED = 50_000  # pairs of either kind that are kept for the report


def find_duplicates(
    hashes: NDArray[np.uint8], thumbnails: Thumbnails, rule: Duplicates
) -> tuple[NDArray[np.int64], Pairs]:
    """Return the smallest number of each photo's group, [n], and pairs for the report.

    `hashes` is uint8 [n, 32]. Photos are a pair within `rule.distance` bits of each other, or of at
    least `rule.likeness` where alignment agrees; a group is a connected component. The pairs are
    those, and the ones that alignment kept apart.
    """
    roots, noted = join_close(hashes, rule.distance)
    alike = look_alikes(thumbnails, np.unique(roots), rule.likeness)
    batches = [slice(start, start + LOOKS) for start in range(0, len(alike.first), LOOKS)]
    look = partial(_look, thumbnails, alike)
    looked = [*parallel_map(look, batches, len(batches), "alignment", chunk=1)]
    agreed = np.concatenate([*looked, np.zeros(0)]) >= rule.agreement
    one, other = hashes[alike.first], hashes[alike.second]
    bits = [np.bitwise_count(one ^ two).sum(axis=1, dtype=int) for two in (other, mirrored(other))]
    pairs = np.stack([alike.first, alike.second, np.minimum(*bits)], axis=1)
    return join(roots, pairs[agreed]), np.concatenate([noted, pairs])[: 2 * NOTED]


def join_close(hashes: NDArray[np.uint8], distance: int) -> tuple[NDArray[np.int64], Pairs]:
    """Join the photos within `distance` bits of each other: uint8 [n, 32] to the roots, [n].

    Returns the first of the pairs, too.
    """
    # Photos of one hash are joined at once: there may be thousands, of a blank page say.
    whole = np.ascontiguousarray(hashes).view(f"V{hashes.shape[1]}").reshape(-1)
    _, firsts, same = np.unique(whole, return_index=True, return_inverse=True)
    roots = firsts[same]
    copies = np.flatnonzero(roots != np.arange(len(roots)))
    noted = np.stack([roots[copies], copies, np.zeros_like(copies)], axis=1)[:NOTED]
    for pairs in close_pairs(hashes[firsts], distance):
        close = np.column_stack([np.sort(firsts[pairs[:, :2]], axis=1), pairs[:, 2]])
        roots = join(roots, close)
        noted = np.concatenate([noted, close[: NOTED - len(noted)]])
    return roots, noted


def join(roots: NDArray[np.int64], pairs: Pairs) -> NDArray[np.int64]:
    """Return the smallest number of each photo's group, [n], once these pairs are joined, too."""
    count = len(roots)
    first = np.concatenate([np.arange(count), pairs[:, 0]])
    second = np.concatenate([roots, pairs[:, 1]])
    links = coo_array((np.ones(len(first), bool), (first, second)), shape=(count, count))
    labels = connected_components(links, directed=False)[1]
    smallest = np.unique(labels, return_index=True)[1]
    return np.asarray(smallest[labels])


def _look(thumbnails: Thumbnails, alike: Alike, batch: slice) -> NDArray[np.float32]:
    return agreement(
        thumbnails.read(alike.first[batch]),
        thumbnails.read(alike.second[batch]),
        alike.first_trimmed[batch],
        alike.second_trimmed[batch],
        alike.mirrored[batch],
    )
