"""Variants of a training photo: another crop, angle and light of the same building."""

import hashlib
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageFilter

from archstyle.config.schema import Augment

ASPECT = 0.2  # how far the two sides of a crop may go different ways, as exponents of the zoom
FAINT = 128  # collections exist that hold no more
BLUR = 1 / 64  # the largest radius of a blur, as a share of the crop's side


def side_needed(size: int, augment: Augment) -> int:
    """Return the pixels a side from which the smallest crop still fills `size` pixels."""
    return math.ceil(size / augment.zoom[0])


def chance(seed: int, sha256: str, copy: int) -> np.random.Generator:
    """Return the random numbers of one variant, which depend on nothing but the arguments."""
    digest = hashlib.sha256(f"{seed} {sha256} {copy}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "big"))


def variant(
    image: Image.Image, size: int, augment: Augment, random: np.random.Generator
) -> NDArray[np.uint8]:
    """Return one variant of an RGB photo: uint8 [size, size, 3].

    The photo is squashed, antialiased, to where the crop has `size` pixels, and then turned,
    sheared, mirrored and cropped in a single resampling. What lies beyond its border is its
    mirror image, so that no black corner gives a variant away.
    """
    zoom = random.uniform(augment.zoom[0], augment.zoom[1])
    stretch = random.uniform(-ASPECT, ASPECT)
    angle = math.radians(random.uniform(-augment.rotation, augment.rotation))
    shear = random.uniform(-augment.shear, augment.shear)
    mirror = -1.0 if random.random() < augment.flip else 1.0
    # The squashed photo's sides and the crop's first pixel in it.
    sides = [max(size, round(size / zoom ** (1 + way * stretch))) for way in (1, -1)]
    starts = [int(random.integers(side - size + 1)) for side in sides]
    light = 1 + random.uniform(-augment.brightness, augment.brightness)
    contrast = 1 + random.uniform(-augment.contrast, augment.contrast)
    saturation = 1 + random.uniform(-augment.saturation, augment.saturation)
    if random.random() < augment.grey:
        saturation = 0.0
    radius = random.uniform(0, BLUR * size) if random.random() < augment.blur else 0.0
    # Not drawn where it is not wanted, so that older recipes keep their crops.
    shrunk = augment.shrink > 0 and random.random() < augment.shrink

    # From a place in the variant, seen from its middle, to a place in the photo.
    cosine, sine = math.cos(angle), math.sin(angle)
    inverse = np.array([[cosine, -sine], [sine, cosine]]) @ [[1, shear], [0, 1]]
    margin = math.ceil(size / 2 * (np.abs(inverse).sum(axis=1).max() - 1)) + 2
    inverse = inverse @ [[mirror, 0], [0, 1]]
    window = _window(image, sides, starts, size, min(margin, size // 2))
    shift = np.array(window.size) / 2 - inverse @ [size / 2, size / 2]
    way, cubic = (*inverse[0], shift[0], *inverse[1], shift[1]), Image.Resampling.BICUBIC
    turned = window.transform((size, size), Image.Transform.AFFINE, way, cubic)
    if shrunk:  # as a crop of a photo with so few pixels
        few = min(size, max(1, round(FAINT * zoom)))
        turned = turned.resize((few, few), cubic).resize((size, size), cubic)
    if radius:
        turned = turned.filter(ImageFilter.GaussianBlur(radius))
    if saturation != 1:
        turned = ImageEnhance.Color(turned).enhance(saturation)
    return relight(turned, light, contrast)


def _window(
    image: Image.Image, sides: Sequence[int], starts: Sequence[int], size: int, margin: int
) -> Image.Image:
    """Squash the photo to `sides` and cut the crop and its margin out, mirrored at the border."""
    first = [max(0, start - margin) for start in starts]
    last = [min(side, start + size + margin) for side, start in zip(sides, starts, strict=True)]
    scale_x, scale_y = image.width / sides[0], image.height / sides[1]
    box = (first[0] * scale_x, first[1] * scale_y, last[0] * scale_x, last[1] * scale_y)
    inside = image.resize(
        (last[0] - first[0], last[1] - first[1]), Image.Resampling.BICUBIC, box, reducing_gap=3.0
    )
    columns, rows = (
        (margin - start + low, margin - (high - start - size))
        for start, low, high in zip(starts, first, last, strict=True)
    )
    if not any(columns + rows):
        return inside
    return Image.fromarray(np.pad(np.asarray(inside), (rows, columns, (0, 0)), mode="reflect"))


def faint(photo: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a photo, uint8 [size, size, 3], as if it were kept in grey at FAINT pixels a side."""
    size = len(photo)
    grey = Image.fromarray(photo).convert("L").resize((FAINT, FAINT), Image.Resampling.BICUBIC)
    return np.asarray(grey.resize((size, size), Image.Resampling.BICUBIC).convert("RGB"))


def relight(image: Image.Image, light: float, contrast: float) -> NDArray[np.uint8]:
    """Multiply RGB values by `light`, then their distance from their mean by `contrast`.

    Returns uint8 [height, width, 3].
    """
    mean = light * float(np.asarray(image).mean())
    values = (np.arange(256) * light - mean) * contrast + mean
    return np.asarray(image.point(np.clip(values + 0.5, 0, 255).astype(np.uint8).tolist() * 3))
