"""Variants of a training photo: another crop, angle and light of the same building."""

import hashlib
import math
from typing import cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from archstyle.config.schema import Augment
from archstyle.errors import ArchstyleError

ASPECT = 0.2  # how far the two sides of a crop may go different ways, as exponents of the zoom


def check_ranges(augment: Augment) -> None:
    """Raise ArchstyleError naming the first range that makes no sense."""
    zoom = augment.zoom
    checks = {
        "copies": (augment.copies >= 0, "is a number of variants, 0 or more"),
        "rotation": (0 <= augment.rotation <= 45, "is in degrees to either side, 0 to 45"),
        "zoom": (
            len(zoom) == 2 and 0.1 <= zoom[0] <= zoom[1] <= 1,
            "is two shares of the photo's side, smallest first, between 0.1 and 1",
        ),
        "shear": (0 <= augment.shear <= 0.5, "is a share to either side, 0 to 0.5"),
        "brightness": (0 <= augment.brightness < 1, "is a share to either side, below 1"),
        "contrast": (0 <= augment.contrast < 1, "is a share to either side, below 1"),
        "flip": (0 <= augment.flip <= 1, "is a probability, 0 to 1"),
    }
    for key, (sensible, meaning) in checks.items():
        if not sensible:
            raise ArchstyleError(f"`augment.{key}` is {getattr(augment, key)}, but it {meaning}.")


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
    width = max(size, round(size / zoom ** (1 + stretch)))
    height = max(size, round(size / zoom ** (1 - stretch)))
    middle = np.array(
        [
            size / 2 + random.uniform() * (width - size),
            size / 2 + random.uniform() * (height - size),
        ]
    )
    light = 1 + random.uniform(-augment.brightness, augment.brightness)
    contrast = 1 + random.uniform(-augment.contrast, augment.contrast)

    # From a place in the variant, seen from its middle, to a place in the photo.
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    inverse = turn @ np.array([[1, shear], [0, 1]]) @ np.array([[mirror, 0], [0, 1]])
    reach = size / 2 * np.abs(inverse).sum(axis=1).max()
    margin = min(math.ceil(reach - size / 2) + 2, size - 1)
    squashed = image.resize((width, height), Image.Resampling.BICUBIC, reducing_gap=3.0)
    edges = ((margin, margin), (margin, margin), (0, 0))
    padded = Image.fromarray(np.pad(np.asarray(squashed), edges, mode="reflect"))
    shift = middle + margin - inverse @ np.array([size / 2, size / 2])
    turned = padded.transform(
        (size, size),
        Image.Transform.AFFINE,
        (*inverse[0], shift[0], *inverse[1], shift[1]),
        Image.Resampling.BICUBIC,
    )
    return relight(np.asarray(turned), light, contrast)


def relight(pixels: NDArray[np.uint8], light: float, contrast: float) -> NDArray[np.uint8]:
    """Multiply uint8 [height, width, 3] by `light` and its distance from its mean by `contrast`."""
    values = pixels.astype(np.float32) * np.float32(light)
    mean = values.mean(dtype=np.float64)
    values = (values - np.float32(mean)) * np.float32(contrast) + np.float32(mean)
    return cast("NDArray[np.uint8]", np.clip(values + 0.5, 0, 255).astype(np.uint8))
