"""Which photos look alike enough for a second look, found by the nearest of their outlines."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import isqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archstyle.data.duplicates.hash import GREY_SIDE, TRIMMED, cosines
from archstyle.data.duplicates.thumbnails import Greys

FREQUENCIES = 10
NEIGHBOURS = 8  # of each view, itself among them
CHUNK = 2048  # photos at a time, so that memory does not grow with the collection
EXACT = 20_000  # views among which the nearest are found by comparing with all
PROBES = 16  # cells that are searched where there are more


@dataclass(frozen=True)
class Alike:
    """Pairs of photos that look alike, and in which views they do; arrays of one length."""

    first: NDArray[np.int64]
    second: NDArray[np.int64]  # greater than first
    likeness: NDArray[np.float32]  # the greatest first
    first_trimmed: NDArray[np.bool_]
    second_trimmed: NDArray[np.bool_]
    mirrored: NDArray[np.bool_]  # one is like the mirror image of the other


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


def look_alikes(greys: Greys, photos: NDArray[np.int64], least: float) -> Alike:
    """Return the pairs, by their places in `photos`, whose likeness is at least `least`.

    Each photo is seen as it is and without its bottom tenth, straight and mirrored. Of each view,
    only the nearest NEIGHBOURS count. Among more than EXACT views some of them may be missed:
    faiss's inverted file then searches PROBES cells of them.
    """
    views = 2 * len(photos)
    index = _index(greys, photos)
    for _, seen in _views(greys, photos):
        index.add(seen)
    turned = np.tile(np.where(np.arange(FREQUENCIES) % 2, -1, 1), FREQUENCIES).astype(np.float32)
    parts = []
    for start, seen in _views(greys, photos):
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
    pairs, seen = keys[chosen] // 8, keys[chosen] % 8
    first, second = np.divmod(pairs, views)
    return Alike(first, second, likeness[chosen], seen >= 4, seen // 2 % 2 > 0, seen % 2 > 0)


def _index(greys: Greys, photos: NDArray[np.int64]) -> Any:
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
    index.train(np.concatenate([seen for _, seen in _views(greys, sample)]))
    return index


def _views(greys: Greys, photos: NDArray[np.int64]) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Yield the number of the first view, and the outlines: each photo whole, then trimmed."""
    for start in range(0, len(photos), CHUNK):
        pictures = greys.read(photos[start : start + CHUNK])
        both = np.stack([outlines(pictures), outlines(pictures[:, :TRIMMED])], axis=1)
        yield 2 * start, both.reshape(-1, FREQUENCIES**2)
