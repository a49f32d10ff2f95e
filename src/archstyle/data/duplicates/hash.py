"""Perceptual hashes: photos that look alike differ in few bits."""

from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

BITS = 256
SIDE = 64  # pixels of the small grey image
FREQUENCIES = 16
GREY_SIDE = 48  # pixels a side of the thumbnails that are kept for alignment
TRIMMED = 43  # rows of it without the bottom tenth, where stock photos have their banner


def fingerprint(image: Image.Image) -> tuple[bytes, bytes]:
    """Return the photo's hash, 32 bytes, and thumbnails, uint8 [2, GREY_SIDE, GREY_SIDE].

    The hash holds the signs of the 256 lowest frequencies: the pHash of Zauner (2010), with zero as
    the threshold in place of the median. The two hardly differ, but with zero the hash of the
    mirror image follows from the hash: see `mirrored`. The second thumbnail is of the middle
    square, which is what many collections keep of a photo.
    """
    grey = image.convert("L")
    width, height = grey.size
    side = min(width, height)
    left, top = (width - side) / 2, (height - side) / 2
    small = _shrunk(grey, (0, 0, width, height))
    middle = _shrunk(grey, (left, top, left + side, top + side)) if width != height else small
    sizes = (GREY_SIDE, GREY_SIDE)
    both = [one.resize(sizes, Image.Resampling.BICUBIC).tobytes() for one in (small, middle)]
    basis = cosines(SIDE, FREQUENCIES + 1)
    frequencies = basis @ np.asarray(small, dtype=np.float64) @ basis.T
    lowest = frequencies[:FREQUENCIES, :FREQUENCIES].copy()
    # The mean brightness says nothing; the next vertical frequency takes its place.
    lowest[0, 0] = frequencies[FREQUENCIES, 0]
    # Rounding keeps the last bits of the arithmetic, which differ between machines, out of it.
    return np.packbits(np.round(lowest, 3) > 0).tobytes(), b"".join(both)


def _shrunk(grey: Image.Image, box: tuple[float, float, float, float]) -> Image.Image:
    return grey.resize((SIDE, SIDE), Image.Resampling.BICUBIC, box=box, reducing_gap=3.0)


def mirrored(hashes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the hashes of the mirror images, uint8 [..., 32]: the odd columns change sign."""
    return hashes ^ np.uint8(0b01010101)


def to_bytes(phashes: list[str]) -> NDArray[np.uint8]:
    """Turn hexadecimal hashes into uint8 [n, 32]."""
    joined = bytes.fromhex("".join(phashes))
    return np.frombuffer(joined, dtype=np.uint8).reshape(-1, BITS // 8)


@cache
def cosines(side: int, frequencies: int) -> NDArray[np.float64]:
    """Return the first rows of the discrete cosine transform: [frequencies, side]."""
    frequency = np.arange(frequencies)[:, None]
    position = 2 * np.arange(side)[None, :] + 1
    return np.asarray(np.cos(np.pi * frequency * position / (2 * side)), dtype=np.float64)
