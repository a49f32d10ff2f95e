"""Which photos show the same photograph."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from archstyle.data.fingerprints import BITS, mirrored

QUERIES = 4096  # at a time, so that memory does not grow with the collection


def close_pairs(
    hashes: NDArray[np.uint8], distance: int, mirror: bool = True
) -> Iterator[tuple[int, int, int]]:
    """Yield (i, j, bits) with i < j for every pair that differs in at most `distance` bits.

    `hashes` is uint8 [n, 32]. With `mirror`, photos are compared with mirror images as well; a
    pair may then come twice. Every query is compared with every hash, so no pair is missed.
    """
    import faiss

    if len(hashes) < 2:
        return
    index = faiss.IndexBinaryFlat(BITS)
    index.add(np.ascontiguousarray(hashes))
    for start in range(0, len(hashes), QUERIES):
        queries = hashes[start : start + QUERIES]
        for asked in (queries, mirrored(queries)) if mirror else (queries,):
            # faiss finds what is nearer than the radius, not what is at it.
            limits, bits, found = index.range_search(np.ascontiguousarray(asked), distance + 1)
            first = start + np.repeat(np.arange(len(asked)), np.diff(limits.astype(np.int64)))
            once = first < found
            yield from zip(
                first[once].tolist(),
                found[once].tolist(),
                bits[once].astype(np.int64).tolist(),
                strict=True,
            )


def components(count: int, pairs: Iterator[tuple[int, int, int]]) -> list[int]:
    """Join what is paired, directly or through others; return the smallest index of each."""
    parents = list(range(count))

    def root(member: int) -> int:
        while parents[member] != member:
            parents[member] = parents[parents[member]]
            member = parents[member]
        return member

    for first, second, _ in pairs:
        one, other = root(first), root(second)
        parents[max(one, other)] = min(one, other)
    return [root(member) for member in range(count)]
