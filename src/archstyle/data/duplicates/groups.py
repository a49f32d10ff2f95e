"""Which photos show the same photograph: those with near hashes, and those that can be aligned.

Both are looked for by faiss.
"""

from collections.abc import Iterator
from functools import partial
from math import isqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from archstyle.common.parallel import cores, parallel_map
from archstyle.config.schema import Duplicates
from archstyle.data.duplicates.alignment import agreement
from archstyle.data.duplicates.hash import BITS, GREY_SIDE, TRIMMED, cosines, mirrored

Thumbnails = NDArray[np.uint8]  # [n, GREY_SIDE, GREY_SIDE], in a file: there may be many
Pairs = NDArray[np.int64]  # [m, 3]: first < second, and the bits in which they differ
BATCH = 16_384  # queries at a time, so that memory does not grow with what they find
WORKERS = 4  # at most: each holds an index of its own
MANY = 50_000  # hashes, mirrored ones too, from which looking them up takes less time
FLIPS = 1  # bits in which the looked up chunks may differ
SHORTEST = 16  # bits of a chunk; shorter ones find too much
FREQUENCIES = 10
NEIGHBOURS = 8  # of each view, itself among them
CHUNK = 2048  # photos at a time, for the same reason
EXACT = 20_000  # views among which the nearest are found by comparing with all
PROBES = 16  # cells that are searched where there are more
LOOKS = 64  # pairs that are aligned together
NOTED = 50_000  # pairs of either kind that are kept for the report


def find_duplicates(
    hashes: NDArray[np.uint8], thumbnails: Thumbnails, rule: Duplicates, first: int = 0
) -> tuple[NDArray[np.int64], Pairs]:
    """Return the smallest number of each photo's group, [n], and pairs for the report.

    `hashes` is uint8 [n, 32]. Photos are a pair within `rule.distance` bits of each other, or of at
    least `rule.likeness` where alignment agrees; a group is a connected component. The pairs are
    those, and the ones that alignment kept apart. Only photos from number `first` on are aligned
    with others.
    """
    roots, noted = join_close(hashes, rule.distance)
    pairs, views = look_alikes(thumbnails, np.unique(roots), rule.likeness)
    asked = pairs[:, 1] >= first
    pairs, views = pairs[asked], views[asked]

    def align(batch: slice) -> NDArray[np.float32]:
        return agreement(*(thumbnails[side] for side in pairs[batch].T), *views[batch].T)

    batches = [slice(start, start + LOOKS) for start in range(0, len(pairs), LOOKS)]
    aligned = parallel_map(align, batches, len(batches), "alignment", chunk=1)
    agreed = np.concatenate([*aligned, np.zeros(0)]) >= rule.agreement
    one, other = hashes[pairs[:, 0]], hashes[pairs[:, 1]]
    bits = [np.bitwise_count(one ^ two).sum(axis=1, dtype=int) for two in (other, mirrored(other))]
    pairs = np.column_stack([pairs, np.minimum(*bits)])
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


def _keys(hashes: NDArray[np.uint8], start: int, bits: int) -> NDArray[np.uint64]:
    """Return `bits` bits of each hash, from `start`: [n]."""
    first = min(start // 8, BITS // 8 - 8)
    words = np.ascontiguousarray(hashes[:, first : first + 8]).view("<u8")[:, 0]
    return (words >> np.uint64(start - 8 * first)) & np.uint64(2**bits - 1)


def _look_up(both: NDArray[np.uint8], bits: int, distance: int, chunk: int) -> Pairs:
    """Return the pairs that are near each other in one chunk of their bits."""
    import faiss

    # The index looks at the first bits of a code, so the chunk goes before the whole hash, and its
    # bits count twice. (IndexBinaryMultiHash would do all this at a fifth of the speed.)
    keys = _keys(both, chunk * bits, bits)
    order = np.argsort(keys)  # what is looked up together lies together: twice as fast
    key_bytes = keys[order, None].view(np.uint8)[:, : -(-bits // 8)]
    codes = np.hstack([key_bytes, both[order]])
    index = faiss.IndexBinaryHash(8 * codes.shape[1], bits)
    index.nflip = FLIPS
    index.add(codes)
    search = partial(_search, index, codes, order, distance)
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
    asked: NDArray[np.int64],
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


def outlines(greys: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Describe pictures [n, height, GREY_SIDE] by vectors of length 1: float32 [n, 100].

    Their inner product is the likeness of two pictures, -1 to 1. The lowest frequencies, raised as
    they fall in pictures of the world (Field 1987), and evened out by the signed root (Perronnin
    et al. 2010), which is why a banner or a lamp post does not outweigh all else.
    """
    down, right = cosines(greys.shape[1], FREQUENCIES), cosines(GREY_SIDE, FREQUENCIES)
    values = down @ greys.astype(np.float64) @ right.T
    values *= np.hypot(*np.mgrid[:FREQUENCIES, :FREQUENCIES])
    rooted = (np.sign(values) * np.sqrt(np.abs(values))).reshape(len(greys), -1)
    lengths = np.linalg.norm(rooted, axis=1, keepdims=True)
    return np.asarray(rooted / np.maximum(lengths, 1e-6), dtype=np.float32)


def look_alikes(
    thumbnails: Thumbnails, photos: NDArray[np.int64], least: float
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return the pairs [m, 2] of these photos whose likeness is at least `least`.

    And flags [m, 3]: the views in which they are most alike, the first one trimmed, the second one
    trimmed, one of them mirrored. Each photo is seen as it is and without its bottom tenth,
    straight and mirrored. Of each view, only the nearest NEIGHBOURS count. Among more than EXACT
    views some of them may be missed: faiss's inverted file then searches PROBES cells of them.
    """
    views = 2 * len(photos)
    index = _index(thumbnails, photos)
    for _, seen in _views(thumbnails, photos):
        index.add(seen)
    turned = np.tile(np.where(np.arange(FREQUENCIES) % 2, -1, 1), FREQUENCIES).astype(np.float32)
    parts = []
    for start, seen in _views(thumbnails, photos):
        numbers = np.repeat(np.arange(start, start + len(seen)), NEIGHBOURS)
        for flip in (False, True):
            likeness, found = index.search(seen * turned if flip else seen, NEIGHBOURS)
            likeness, found = likeness.ravel(), found.ravel()
            good = (found >= 0) & (likeness >= least) & (found // 2 != numbers // 2)
            pair = np.sort(np.stack([numbers[good], found[good]], axis=1), axis=1)
            # Both as one number, in which the photos weigh more than the views of them.
            key = (pair // 2) @ (views, 1) * 8 + (pair % 2) @ (4, 2) + flip
            parts.append((key, likeness[good]))
    keys, likeness = (np.concatenate(values) for values in zip(*parts, strict=True))
    # Of each pair of photos the views that are most alike.
    order = np.lexsort((keys, -likeness))
    _, best = np.unique(keys[order] // 8, return_index=True)
    chosen = order[np.sort(best)]
    pairs = np.stack(np.divmod(keys[chosen] // 8, views), axis=1)
    return photos[pairs], keys[chosen, np.newaxis] & (4, 2, 1) > 0


def _index(thumbnails: Thumbnails, photos: NDArray[np.int64]) -> Any:
    import faiss

    views = 2 * len(photos)
    if views <= EXACT:
        return faiss.IndexFlatIP(FREQUENCIES**2)
    cells = 4 * isqrt(views)
    kind = f"IVF{cells},SQ8"
    index: Any = faiss.index_factory(FREQUENCIES**2, kind, faiss.METRIC_INNER_PRODUCT)
    index.nprobe = PROBES
    index.cp.niter = 10
    sample = photos[:: max(1, len(photos) // (32 * cells))]
    index.train(np.concatenate([seen for _, seen in _views(thumbnails, sample)]))
    return index


def _views(
    thumbnails: Thumbnails, photos: NDArray[np.int64]
) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Yield the number of the first view, and the outlines: each photo whole, then trimmed."""
    for start in range(0, len(photos), CHUNK):
        pictures = thumbnails[photos[start : start + CHUNK]]
        both = np.stack([outlines(pictures), outlines(pictures[:, :TRIMMED])], axis=1)
        yield 2 * start, both.reshape(-1, FREQUENCIES**2)
