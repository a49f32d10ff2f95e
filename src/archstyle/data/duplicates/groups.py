"""Which photos show the same photograph: those with near hashes, and those that can be aligned.

Both are looked for by faiss; see outlines.py for the second kind.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from archstyle.common.parallel import cores, parallel_map
from archstyle.config.schema import Duplicates
from archstyle.data.duplicates.alignment import Flags, agreement
from archstyle.data.duplicates.hash import BITS, mirrored
from archstyle.data.duplicates.outlines import Thumbnails, crops, index_outlines, look_alikes

Ints = NDArray[np.int64]
Pairs = Ints  # [m, 3]: first < second, and the bits in which they differ
BATCH = 16_384  # queries at a time, so that memory does not grow with what they find
WORKERS = 4  # at most: each holds an index of its own
MANY = 50_000  # hashes, mirrored ones too, from which looking them up takes less time
FLIPS = 1  # bits in which the looked up chunks may differ
SHORTEST = 16  # bits of a chunk; shorter ones find too much
LOOKS = 64  # pairs that are aligned together
NOTED = 50_000  # pairs of either kind that are kept for the report


def find_duplicates(
    hashes: NDArray[np.uint8], thumbnails: Thumbnails, rule: Duplicates, first: int = 0
) -> tuple[Ints, Pairs]:
    """Return the smallest number of each photo's group, [n], and pairs for the report.

    `hashes` is uint8 [n, 32]. Photos are a pair within `rule.distance` bits of each other, or of at
    least `rule.likeness` where alignment agrees, or, with `rule.crops`, where alignment finds that
    one is the middle square of the other; a group is a connected component. The pairs are those,
    and the ones that alignment kept apart. Only photos from number `first` on are aligned with
    others.
    """
    roots, noted = join_close(hashes, rule.distance)
    photos = np.unique(roots)
    index = index_outlines(thumbnails, photos)
    pairs, views = look_alikes(index, thumbnails, photos, rule.likeness)
    asked = pairs[:, 1] >= first
    pairs, views = pairs[asked], views[asked]
    agreed = _aligned(thumbnails, 0, pairs, views) >= rule.agreement
    roots, noted = join(roots, pairs[agreed]), np.concatenate([noted, _with_bits(pairs, hashes)])
    if rule.crops:
        pairs = crops(index, thumbnails, photos, roots)
        pairs = pairs[pairs.max(axis=1) >= first]
        whole = np.zeros((len(pairs), 3), bool)
        pairs = pairs[_aligned(thumbnails, 1, pairs, whole) >= rule.agreement]
        roots = join(roots, pairs)
        noted = np.concatenate([noted, _with_bits(np.sort(pairs, axis=1), hashes)])
    return roots, noted[: 2 * NOTED]


def _aligned(thumbnails: Thumbnails, part: int, pairs: Ints, views: Flags) -> NDArray[np.float64]:
    """Return how well each pair agrees: `part` of the first photo and all of the second."""

    def align(batch: slice) -> NDArray[np.float32]:
        first, second = pairs[batch].T
        return agreement(thumbnails[first, part], thumbnails[second, 0], views[batch])

    batches = [slice(start, start + LOOKS) for start in range(0, len(pairs), LOOKS)]
    aligned = parallel_map(align, batches, len(batches), "alignment", chunk=1)
    return np.concatenate([*aligned, np.zeros(0)])


def _with_bits(pairs: Ints, hashes: NDArray[np.uint8]) -> Pairs:
    one, other = hashes[pairs[:, 0]], hashes[pairs[:, 1]]
    bits = [np.bitwise_count(one ^ two).sum(axis=1, dtype=int) for two in (other, mirrored(other))]
    return np.column_stack([pairs, np.minimum(*bits)])


def join_close(hashes: NDArray[np.uint8], distance: int) -> tuple[Ints, Pairs]:
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


def join(roots: Ints, pairs: Pairs) -> Ints:
    """Return the smallest number of each photo's group, [n], once these pairs are joined, too."""
    count = len(roots)
    first = np.concatenate([np.arange(count), pairs[:, 0]])
    second = np.concatenate([roots, pairs[:, 1]])
    links = coo_array((np.ones(len(first), bool), (first, second)), shape=(count, count))
    labels = connected_components(links, directed=False)[1]
    return np.asarray(np.unique(labels, return_index=True)[1][labels])


def close_pairs(hashes: NDArray[np.uint8], distance: int) -> Iterator[Pairs]:
    """Yield every pair that differs in at most `distance` bits, straight or as mirror images.

    `hashes` is uint8 [n, 32]. A pair may come more than once, but none is missed. Few hashes are
    all compared. Many are looked up by chunks of their bits (Norouzi et al. 2012, multi-index
    hashing): what differs in `distance` bits differs in FLIPS bits at most within one of the
    chunks, and of each chunk, all keys within FLIPS bits are looked up.
    """
    import faiss

    both = np.concatenate([hashes, mirrored(hashes)])
    chunks = distance // (FLIPS + 1) + 1
    bits = min(BITS // chunks, 32)
    if len(both) < MANY or bits < SHORTEST:
        index = faiss.IndexBinaryFlat(BITS)
        index.add(both)
        numbers = np.arange(len(both))
        batches = _batches(numbers)
        compare = partial(_search, index, both, numbers, distance)
        yield from parallel_map(compare, batches, len(batches), "near duplicates", chunk=1)
    else:
        look = partial(_look_up, both, bits, distance)
        workers = min(cores(), WORKERS)
        yield from parallel_map(look, range(chunks), chunks, "near duplicates", workers, chunk=1)


def _look_up(both: NDArray[np.uint8], bits: int, distance: int, chunk: int) -> Pairs:
    """Return the pairs that are near each other in one chunk of their bits."""
    import faiss

    # The index looks at the first bits of a code, so the chunk goes before the whole hash, and its
    # bits count twice. (IndexBinaryMultiHash would do all this at a fifth of the speed.)
    start = chunk * bits
    first = min(start // 8, BITS // 8 - 8)
    words = np.ascontiguousarray(both[:, first : first + 8]).view("<u8")[:, 0]
    keys = (words >> np.uint64(start - 8 * first)) & np.uint64(2**bits - 1)
    order = np.argsort(keys)  # what is looked up together lies together: twice as fast
    codes = np.hstack([keys[order, None].view(np.uint8)[:, : -(-bits // 8)], both[order]])
    index = faiss.IndexBinaryHash(8 * codes.shape[1], bits)
    index.nflip = FLIPS
    index.add(codes)
    search = partial(_search, index, codes, order, distance)
    return np.concatenate([search(batch) for batch in _batches(order)])


def _batches(numbers: Ints) -> list[Ints]:
    """Return where the codes of straight hashes are; `numbers` from the half on are mirrored."""
    straight = np.flatnonzero(numbers < len(numbers) // 2)
    return [straight[start : start + BATCH] for start in range(0, len(straight), BATCH)]


def _search(
    index: Any, codes: NDArray[np.uint8], numbers: Ints, distance: int, asked: Ints
) -> Pairs:
    """Search the codes, which are those of hashes by their numbers, for some of them."""
    import faiss

    faiss.omp_set_num_threads(1)  # in this thread; the work is spread over threads already
    count = len(codes) // 2
    # faiss finds what is nearer than the radius, and a chunk's flips are counted twice.
    limits, _, found = index.range_search(codes[asked], distance + FLIPS + 1)
    asked = np.repeat(asked, np.diff(limits.astype(np.int64)))
    first, second = numbers[asked], numbers[found]
    once = first < second % count
    differing = codes[asked[once], -BITS // 8 :] ^ codes[found[once], -BITS // 8 :]
    bits = np.bitwise_count(differing).sum(axis=1, dtype=np.int64)
    pairs = np.stack([first[once], second[once] % count, bits], axis=1)
    return np.asarray(pairs[bits <= distance])
