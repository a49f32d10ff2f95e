"""Which photos have outlines alike, whole or in part: what alignment looks at."""

from collections.abc import Iterator
from math import isqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archstyle.data.duplicates.hash import GREY_SIDE, TRIMMED, cosines

Ints = NDArray[np.int64]
Thumbnails = NDArray[np.uint8]  # [n, 2, GREY_SIDE, GREY_SIDE], in a file: there may be many
FREQUENCIES = 10
NEIGHBOURS = 8  # of each view, itself among them
CROPS = 4  # views that are most like a middle square; more find nothing more
CROP_LIKENESS = 0.4  # outlines change when the square was not cut quite there: see record 49
CHUNK = 2048  # photos at a time, so that memory does not grow with them
EXACT = 30_000  # views among which the nearest are found by comparing with all
PROBES = 16  # cells that are searched where there are more


def outlines(greys: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Describe pictures [n, height, GREY_SIDE] by vectors of length 1: float32 [n, 100].

    Their inner product is the likeness of two pictures, -1 to 1. The lowest frequencies, raised as
    they fall in pictures of the world (Field 1987), and evened out by the signed root (Perronnin
    et al. 2010), which is why a banner or a lamp post does not outweigh all else.
    """
    down, right = cosines(greys.shape[1], FREQUENCIES), cosines(GREY_SIDE, FREQUENCIES)
    values = down @ greys.astype(np.float64) @ right.T
    values *= np.hypot(*np.mgrid[:FREQUENCIES, :FREQUENCIES])
    rooted = (np.sign(values) * np.sqrt(np.abs(values))).reshape(-1, FREQUENCIES**2)
    lengths = np.linalg.norm(rooted, axis=1, keepdims=True)
    return np.asarray(rooted / np.maximum(lengths, 1e-6), dtype=np.float32)


def index_outlines(thumbnails: Thumbnails, photos: Ints) -> Any:
    """Return faiss's index of all views: two of each photo."""
    import faiss

    views = 2 * len(photos)
    index: Any = faiss.IndexFlatIP(FREQUENCIES**2)
    if views > EXACT:
        cells = 4 * isqrt(views)
        kind = f"IVF{cells},SQ8"
        index = faiss.index_factory(FREQUENCIES**2, kind, faiss.METRIC_INNER_PRODUCT)
        index.nprobe = PROBES
        index.cp.niter = 10
        sample = photos[:: max(1, len(photos) // (32 * cells))]
        index.train(np.concatenate([seen for _, seen in _views(thumbnails, sample)]))
    for _, seen in _views(thumbnails, photos):
        index.add(seen)
    return index


def _views(thumbnails: Thumbnails, photos: Ints) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Yield the number of the first view, and the outlines: each photo whole, then trimmed."""
    for start in range(0, len(photos), CHUNK):
        pictures = thumbnails[photos[start : start + CHUNK], 0]
        both = np.stack([outlines(pictures), outlines(pictures[:, :TRIMMED])], axis=1)
        yield 2 * start, both.reshape(-1, FREQUENCIES**2)


def look_alikes(
    index: Any, thumbnails: Thumbnails, photos: Ints, least: float
) -> tuple[Ints, NDArray[np.bool_]]:
    """Return the pairs [m, 2] of these photos whose likeness is at least `least`.

    And flags [m, 3]: the views in which they are most alike, the first one trimmed, the second one
    trimmed, one of them mirrored. Each photo is seen as it is and without its bottom tenth,
    straight and mirrored. Of each view, only the nearest NEIGHBOURS count. Among more than EXACT
    views some of them may be missed: faiss's inverted file then searches PROBES cells of them.
    """
    views = 2 * len(photos)
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


def crops(index: Any, thumbnails: Thumbnails, photos: Ints, roots: Ints) -> Ints:
    """Return pairs [m, 2] that are apart in `roots`: the second may be the first's middle square.

    Every photo's is looked for, as the one that stands for its group may be another crop of it.
    """
    parts = []
    for start in range(0, len(thumbnails), CHUNK):
        whole, middle = thumbnails[start : start + CHUNK].swapaxes(0, 1)
        long = np.flatnonzero((whole != middle).any(axis=(1, 2)))
        likeness, found = index.search(outlines(middle[long]), CROPS)
        asked = np.repeat(start + long, CROPS)
        good = (likeness.ravel() >= CROP_LIKENESS) & (found.ravel() >= 0)
        parts.append(np.stack([asked, photos[found.ravel() // 2]], axis=1)[good])
    pairs = np.unique(np.concatenate(parts), axis=0)
    return np.asarray(pairs[roots[pairs[:, 0]] != roots[pairs[:, 1]]])
