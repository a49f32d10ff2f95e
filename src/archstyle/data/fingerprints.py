"""Perceptual hashes: photos that look alike differ in few bits."""

from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

BITS = 256
SIDE = 64  # pixels of the small grey image
FREQUENCIES = 16


def perceptual_hash(image: Image.Image) -> bytes:
    """Return 32 bytes: the signs of the image's 256 lowest frequencies.

    The pHash of Zauner (2010), with zero as the threshold in place of the median. The two hardly
    differ, but with zero the hash of the mirror image follows from the hash: see `mirrored`.
    """
    small = image.convert("L").resize((SIDE, SIDE), Image.Resampling.BICUBIC, reducing_gap=3.0)
    cosines = _cosines()
    frequencies = cosines @ np.asarray(small, dtype=np.float64) @ cosines.T
    lowest = frequencies[:FREQUENCIES, :FREQUENCIES].copy()
    # The mean brightness says nothing; the next vertical frequency takes its place.
    lowest[0, 0] = frequencies[FREQUENCIES, 0]
    # Rounding keeps the last bits of the arithmetic, which differ between machines, out of it.
    return np.packbits(np.round(lowest, 3) > 0).tobytes()


def mirrored(hashes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the hashes of the mirror images, uint8 [..., 32]: the odd columns change sign."""
    return hashes ^ np.uint8(0b01010101)


def to_bytes(phashes: list[str]) -> NDArray[np.uint8]:
    """Turn hexadecimal hashes into uint8 [n, 32]."""
    joined = bytes.fromhex("".join(phashes))
    return np.frombuffer(joined, dtype=np.uint8).reshape(-1, BITS // 8)


@cache
def _cosines() -> NDArray[np.float64]:
    """The discrete cosine transform's rows that are needed, [FREQUENCIES + 1, SIDE]."""
    frequency = np.arange(FREQUENCIES + 1)[:, None]
    position = 2 * np.arange(SIDE)[None, :] + 1
    return np.asarray(np.cos(np.pi * frequency * position / (2 * SIDE)), dtype=np.float64)
