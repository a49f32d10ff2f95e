"""What photographers and their telephones do to a photo, in four strengths each.

The strengths follow the idea of ImageNet-C (Hendrycks and Dietterich 2019, arXiv:1903.12261); each
is meant for a photo of SIDE pixels on its shorter side.
"""

import io
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter

SIDE = 512
Change = Callable[[Image.Image, float, np.random.Generator], Image.Image]


@dataclass(frozen=True)
class Perturbation:
    """A change of a photo; `strengths` from slight to severe."""

    name: str
    unit: str
    strengths: tuple[float, ...]
    change: Change


def sized(image: Image.Image) -> Image.Image:
    """Bring an RGB photo to SIDE pixels on its shorter side, at which strengths are meant."""
    scale = SIDE / min(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.resize(size, Image.Resampling.BICUBIC, reducing_gap=3.0)


def blur(image: Image.Image, radius: float, _: np.random.Generator) -> Image.Image:
    """Blur with a Gaussian of `radius` pixels."""
    return image.filter(ImageFilter.GaussianBlur(radius))


def noise(image: Image.Image, deviation: float, random: np.random.Generator) -> Image.Image:
    """Add Gaussian noise of `deviation` of 255 to each value."""
    values = np.asarray(image, np.float32)
    noisy = values + random.normal(0, deviation, values.shape).astype(np.float32)
    return Image.fromarray(np.clip(noisy + 0.5, 0, 255).astype(np.uint8))


def jpeg(image: Image.Image, quality: float, _: np.random.Generator) -> Image.Image:
    """Save as JPEG of `quality` and read it again."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=int(quality))
    return Image.open(buffer).convert("RGB")


def dark(image: Image.Image, light: float, _: np.random.Generator) -> Image.Image:
    """Leave a share `light` of the light."""
    return ImageEnhance.Brightness(image).enhance(light)


def tilt(image: Image.Image, degrees: float, random: np.random.Generator) -> Image.Image:
    """Turn to one side and keep the largest upright part of the same shape that is all photo."""
    angle = math.radians(degrees)
    width, height = image.size
    long = max(width, height) / min(width, height)
    share = 1 / (math.cos(angle) + long * math.sin(angle))
    share -= 4 / min(image.size)  # the outermost pixels are blended with what is beyond the photo
    side = 1 if random.random() < 0.5 else -1
    turned = image.rotate(side * degrees, Image.Resampling.BICUBIC)
    return _middle(turned, share, 0.5, 0.5)


def crop(image: Image.Image, share: float, random: np.random.Generator) -> Image.Image:
    """Keep a part with `share` of both sides, anywhere in the photo."""
    return _middle(image, share, random.random(), random.random())


def grey(image: Image.Image, share: float, _: np.random.Generator) -> Image.Image:
    """Take a share of the colour away."""
    return ImageEnhance.Color(image).enhance(1 - share)


PERTURBATIONS = (
    Perturbation("blur", "pixels of 512", (2.0, 4.0, 6.0, 10.0), blur),
    Perturbation("noise", "deviation of 255", (15.0, 30.0, 50.0, 80.0), noise),
    Perturbation("JPEG", "quality", (40.0, 20.0, 10.0, 5.0), jpeg),
    Perturbation("dark", "share of the light", (0.6, 0.4, 0.25, 0.12), dark),
    Perturbation("tilt", "degrees", (5.0, 10.0, 20.0, 30.0), tilt),
    Perturbation("crop", "share of both sides", (0.75, 0.55, 0.4, 0.25), crop),
    Perturbation("grey", "share of the colour gone", (0.25, 0.5, 0.75, 1.0), grey),
)


def _middle(image: Image.Image, share: float, across: float, down: float) -> Image.Image:
    width, height = (max(16, round(side * share)) for side in image.size)
    left, top = round((image.width - width) * across), round((image.height - height) * down)
    return image.crop((left, top, left + width, top + height))
