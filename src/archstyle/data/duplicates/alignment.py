"""Alignment of photos that look alike: is it the same photograph, or the same building?

The two thumbnails are laid over each other as well as they can be, and compared block by
block. A photograph that was cropped, turned, resaved or stamped agrees with the original nearly
everywhere; another photograph of the building, from nearly the same place, does not: its shadows,
people and clouds are others, and what is nearer has moved against what is farther away.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from archstyle.data.duplicates.hash import GREY_SIDE, TRIMMED

Pictures = NDArray[np.float32]  # [m, side, side]
Flags = NDArray[np.bool_]  # [m]
Warps = NDArray[np.float32]  # [m, 2, 3]: (x, y, 1) in -1..1 of one picture to (x, y) of the other
COARSE, FINE = 32, 64  # pixels a side at which they are laid over each other
LIKELY = 0.9  # agreement of the coarse pictures from which the fine ones are looked at
SMOOTH, AROUND = 1.0, 4.0  # pixels
BLOCKS = 8  # a side
TEXTURE = 0.3  # contrast from which a block shows anything
DISCARDED = 0.2  # share of the texture that may differ: filled corners, watermarks
ENOUGH = 0.15  # share of the blocks that must have texture


def agreement(
    first: NDArray[np.uint8], second: NDArray[np.uint8], views: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """Return how well pairs of pictures agree where they overlap: a correlation in -1..1, [m].

    `first` and `second` are uint8 [m, GREY_SIDE, GREY_SIDE]. The flags `views` [m, 3] leave out
    the bottom tenth of the first and of the second, and turn the second one over. Pictures with
    hardly anything in them agree in nothing.
    """
    first_trimmed, second_trimmed, mirrored = views.T
    second = second.copy()
    second[mirrored] = second[mirrored, :, ::-1]
    warps = np.tile(np.eye(2, 3, dtype=np.float32), (len(first), 1, 1))
    agreed = np.ones(len(first), np.float32)
    for side, steps in ((COARSE, 6), (FINE, 8)):
        likely = np.flatnonzero(agreed >= LIKELY)
        if not len(likely):
            break
        one = _contrast(first[likely], first_trimmed[likely], side)
        two = _contrast(second[likely], second_trimmed[likely], side)
        warps[likely] = _align(one, two, warps[likely], steps)
        agreed[likely] = _correlation(one, *_warped(two, warps[likely]))
    return agreed


def _contrast(greys: NDArray[np.uint8], trimmed: Flags, side: int) -> Pictures:
    """Bring to [m, side, side], and take out brightness and contrast as they are around."""
    rows = np.where(trimmed[:, None, None], _resizing(TRIMMED, side), _resizing(GREY_SIDE, side))
    detail = np.asarray(rows @ greys.astype(np.float32) @ _resizing(GREY_SIDE, side).T)
    around = _smoothing(side, AROUND)
    detail -= around @ detail @ around.T
    spread = np.sqrt(around @ (detail * detail) @ around.T)
    return np.asarray(detail / (spread + 4))  # 4 grey levels are nothing


@cache
def _resizing(pixels: int, side: int) -> NDArray[np.float32]:
    """The matrix [side, GREY_SIDE] that stretches the first `pixels`, bicubically, and smooths."""
    unit = Image.fromarray(np.eye(GREY_SIDE, dtype=np.float32))
    box = (0, 0, GREY_SIDE, pixels)
    resized = unit.resize((GREY_SIDE, side), Image.Resampling.BICUBIC, box=box)
    return np.asarray(_smoothing(side, SMOOTH) @ np.asarray(resized))


@cache
def _smoothing(side: int, sigma: float) -> NDArray[np.float32]:
    """The matrix [side, side] of a Gaussian."""
    distance = np.subtract.outer(np.arange(side), np.arange(side))
    weights = np.exp(-((distance / sigma) ** 2) / 2)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), dtype=np.float32)


def _warped(pictures: Pictures, warps: Warps) -> tuple[Pictures, NDArray[np.bool_]]:
    """Return the warped pictures, bilinear, and where they have pixels."""
    count, side = pictures.shape[:2]
    across = _places(side)
    down = across[:, None]
    x, y = (
        np.asarray((a * across + b * down + c + 1) * (side / 2) - 0.5, np.float32)
        for a, b, c in warps.transpose(1, 2, 0)[..., None, None]
    )
    inside = (x >= 0) & (x <= side - 1) & (y >= 0) & (y <= side - 1)
    x, y = np.clip(x, 0, side - 1.001), np.clip(y, 0, side - 1.001)
    left, top = np.floor(x), np.floor(y)
    x, y = x - left, y - top
    corner = np.arange(count)[:, None, None] * side**2 + (top * side + left).astype(np.int64)
    flat = pictures.reshape(-1)
    upper = flat[corner] * (1 - x) + flat[corner + 1] * x
    lower = flat[corner + side] * (1 - x) + flat[corner + side + 1] * x
    return upper * (1 - y) + lower * y, inside


@cache
def _places(side: int) -> NDArray[np.float32]:
    """The pixels' places along a side, in -1..1."""
    return np.asarray((2 * np.arange(side) + 1) / side - 1, dtype=np.float32)


def _align(one: Pictures, two: Pictures, warps: Warps, steps: int) -> Warps:
    """Improve the affine warps from `one` to `two`.

    Inverse compositional Lucas-Kanade (Baker and Matthews 2004); what differs much, such as a
    banner, counts little.
    """
    count, side = one.shape[:2]
    down, right = np.gradient(one, axis=(1, 2))
    x, y = np.broadcast_to(_places(side), (side, side)), _places(side)[:, None]
    slopes = np.stack([right * x, right * y, right, down * x, down * y, down], axis=-1)
    slopes = slopes.reshape(count, side * side, 6) * np.float32(side / 2)
    ridge = np.eye(6, dtype=np.float32) * np.float32(0.1 * (side / 2) ** 2)
    for _ in range(steps):
        seen, inside = _warped(two, warps)
        error = (seen - one).reshape(count, -1, 1)
        weighted = slopes * (inside.reshape(count, -1, 1) / (1 + error * error))
        turned = weighted.transpose(0, 2, 1)
        change = np.linalg.solve(turned @ slopes + ridge, turned @ error).reshape(count, 2, 3)
        step = _square(change.clip(-0.2, 0.2) + np.eye(2, 3, dtype=np.float32))
        warps = (_square(warps) @ np.linalg.inv(step))[:, :2]
    return warps


def _square(warps: Warps) -> NDArray[np.float32]:
    last = np.broadcast_to(np.array([0, 0, 1], np.float32), (len(warps), 1, 3))
    return np.concatenate([warps, last], axis=1)


def _correlation(one: Pictures, two: Pictures, inside: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return the mean correlation of the blocks, each as weighty as it has texture."""
    a, b = _blocks(one), _blocks(two)
    a, b = a - a.mean(axis=2, keepdims=True), b - b.mean(axis=2, keepdims=True)
    spread_a, spread_b = np.sqrt((a * a).mean(axis=2)), np.sqrt((b * b).mean(axis=2))
    agreed = (a * b).mean(axis=2) / (spread_a * spread_b + 1e-3)
    weights = np.maximum(spread_a, spread_b) * (_blocks(inside).mean(axis=2) > 0.9)
    # The blocks that agree least are left out.
    order = np.argsort(agreed, axis=1)
    agreed, weights = (np.take_along_axis(values, order, axis=1) for values in (agreed, weights))
    total = weights.sum(axis=1, keepdims=True)
    kept = weights * (np.cumsum(weights, axis=1) > DISCARDED * total)
    textured = (weights > TEXTURE).mean(axis=1) >= ENOUGH
    mean = (agreed * kept).sum(axis=1) / np.maximum(kept.sum(axis=1), 1e-6)
    return np.where(textured, mean, 0).astype(np.float32)


def _blocks(values: NDArray[np.float32] | NDArray[np.bool_]) -> NDArray[np.float32]:
    """Cut [m, side, side] into blocks: [m, blocks, pixels]."""
    count, pixels = len(values), values.shape[1] // BLOCKS
    cut = values.reshape(count, BLOCKS, pixels, BLOCKS, pixels).transpose(0, 1, 3, 2, 4)
    return cut.reshape(count, BLOCKS**2, pixels**2).astype(np.float32)
