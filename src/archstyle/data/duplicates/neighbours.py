"""Which perceptual hashes are near each other, found by faiss's indexes of binary vectors."""

from collections.abc import Iterator
from functools import partial
from math import comb
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archstyle.common.parallel import cores, parallel_map
from archstyle.data.duplicates.hash import BITS, mirrored

Pairs = NDArray[np.int64]  # [m, 3]: first < second, and the bits in which they differ
BATCH = 16_384  # queries at a time, so that memory does not grow with what they find
WORKERS = 4  # at most: each holds an index of its own
# Nanoseconds; only their ratios matter, and only for speed.
COMPARE, CANDIDATE, LOOKUP = 1, 40, 150


def close_pairs(hashes: NDArray[np.uint8], distance: int) -> Iterator[Pairs]:
    """Yield every pair that differs in at most `distance` bits, straight or as mirror images.

    `hashes` is uint8 [n, 32]. A pair may come more than once, but none is missed. Few hashes are
    all compared. Many are looked up by chunks of their bits (Norouzi et al. 2012, multi-index
    hashing): what differs in `distance` bits differs in `flips` bits at most within one of the
    chunks, and of each chunk, all keys within `flips` bits are looked up.
    """
    import faiss

    both = np.concatenate([hashes, mirrored(hashes)])
    plan = _plan(len(both), distance)
    if plan is None:
        index = faiss.IndexBinaryFlat(BITS)
        index.add(both)
        numbers = np.arange(len(both))
        batches = _batches(numbers)
        compare = partial(_search, index, both, numbers, distance, 0)
        yield from parallel_map(compare, batches, len(batches), "near duplicates", chunk=1)
        return
    chunks, bits, flips = plan
    look = partial(_look_up, both, bits, flips, distance)
    workers = min(cores(), WORKERS)
    yield from parallel_map(look, range(chunks), chunks, "near duplicates", workers, chunk=1)


def _plan(count: int, distance: int) -> tuple[int, int, int] | None:
    """Return the chunks, bits of a chunk and flips that cost least; None: compare with all."""
    best, plan = float(count * COMPARE), None
    for flips in range(4):
        chunks = distance // (flips + 1) + 1
        bits = min(BITS // chunks, 32)
        lookups = chunks * sum(comb(bits, flipped) for flipped in range(flips + 1))
        cost = lookups * (LOOKUP + count / 2**bits * CANDIDATE)
        if cost < best:
            best, plan = cost, (chunks, bits, flips)
    return plan


def _keys(hashes: NDArray[np.uint8], start: int, bits: int) -> NDArray[np.uint64]:
    """Return `bits` bits of each hash, from `start`: [n]."""
    first = min(start // 8, BITS // 8 - 8)
    words = np.ascontiguousarray(hashes[:, first : first + 8]).view("<u8")[:, 0]
    return (words >> np.uint64(start - 8 * first)) & np.uint64(2**bits - 1)


def _look_up(both: NDArray[np.uint8], bits: int, flips: int, distance: int, chunk: int) -> Pairs:
    """Return the pairs that are near each other in one chunk of their bits."""
    import faiss

    # The index looks at the first bits of a code, so the chunk goes before the whole hash, and its
    # bits count twice. (IndexBinaryMultiHash would do all this at a fifth of the speed.)
    keys = _keys(both, chunk * bits, bits)
    order = np.argsort(keys)  # what is looked up together lies together: twice as fast
    key_bytes = keys[order, None].view(np.uint8)[:, : -(-bits // 8)]
    codes = np.hstack([key_bytes, both[order]])
    index = faiss.IndexBinaryHash(8 * codes.shape[1], bits)
    index.nflip = flips
    index.add(codes)
    search = partial(_search, index, codes, order, distance, flips)
    return np.concatenate([search(batch) for batch in _batches(order)])


def _batches(numbers: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Return where the codes of straight hashes are; `numbers` from the half on are mirrored."""
    straight = np.flatnonzero(numbers < len(numbers) // 2)
    return [straight[start : start + BATCH] for start in range(0, len(straight), BATCH)]


def _search(
    index: Any,
    codes: NDArray[np.uint8],
    numbers: NDArray[np.int64],
    distance: int,
    flips: int,
    asked: NDArray[np.int64],
) -> Pairs:
    """Search the codes, which are those of hashes by their numbers, for some of them."""
    import faiss

    faiss.omp_set_num_threads(1)  # in this thread; the work is spread over threads already
    count = len(codes) // 2
    # faiss finds what is nearer than the radius, not what is at it.
    limits, _, found = index.range_search(codes[asked], distance + flips + 1)
    asked = np.repeat(asked, np.diff(limits.astype(np.int64)))
    first, second = numbers[asked], numbers[found]
    once = first < second % count
    differing = codes[asked[once], -BITS // 8 :] ^ codes[found[once], -BITS // 8 :]
    bits = np.bitwise_count(differing).sum(axis=1, dtype=np.int64)
    pairs = np.stack([first[once], second[once] % count, bits], axis=1)
    return np.asarray(pairs[bits <= distance])
