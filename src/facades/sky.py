"""The sky, with its clouds."""

from functools import lru_cache
from random import Random

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from facades.brush import View
from facades.light import Light

_SKY = 96  # the sky is painted this small and enlarged


@lru_cache(maxsize=1)
def _clouds() -> NDArray[np.int32]:
    """Return a field of soft noise, 0..255, [512, 512], the same in every process."""
    chance, total = Random("clouds"), np.zeros((512, 512), np.int32)
    for size, weight in ((7, 8), (14, 4), (28, 2), (56, 1), (112, 1)):
        cells = Image.frombytes("L", (size, size), chance.randbytes(size * size))
        total += weight * np.asarray(cells.resize((512, 512), Image.Resampling.BICUBIC), np.int32)
    low, high = int(total.min()), int(total.max())
    return (total - low) * 255 // (high - low)


def sky(size: tuple[int, int], view: View, light: Light, chance: Random) -> Image.Image:
    """Paint the sky of a picture of `size` pixels (twice what is asked for)."""
    horizon = max(8, min(_SKY * 2, int(view.horizon * _SKY / size[1])))
    down = np.minimum(np.arange(_SKY, dtype=np.int32) * 256 // horizon, 256)[:, None, None]
    top, low = np.array(light.sky_top, np.int32), np.array(light.sky_low, np.int32)
    picture = np.broadcast_to(top + ((low - top) * down >> 8), (_SKY, _SKY, 3))
    if light.cover > 0.04:
        step = chance.choice((1, 2, 3))
        rows = np.arange(_SKY) * min(step + chance.choice((0, 1)), 3) + chance.randrange(200)
        columns = np.arange(_SKY) * step + chance.randrange(200)
        field = _clouds()[rows][:, columns[:: chance.choice((-1, 1))]]
        # Cover 0 leaves only the peaks of the noise, cover 1 leaves no gap.
        thick = np.clip((field - int(190 - 150 * light.cover)) * 5, 0, 225)[..., None]
        body = np.array(light.cloud, np.int32) * (290 - thick // 3) // 290
        picture = picture + ((body - picture) * thick >> 8)
    small = Image.fromarray(picture.astype(np.uint8))
    half = small.resize((size[0] // 2, size[1] // 2), Image.Resampling.BILINEAR)
    return half.resize(size, Image.Resampling.NEAREST)
