"""Shows where the model looked: a class-activation map laid over its photo.

Where the model looked the photo stays clear under a warm glow; elsewhere it sinks into blue ink.
"""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

INK = (10.0, 24.0, 46.0)
GLOW = (255.0, 150.0, 60.0)
INK_STRENGTH, GLOW_STRENGTH = 0.72, 0.42


def heat_layer(evidence: NDArray[np.float32], width: int = 160, height: int = 160) -> Image.Image:
    """Return a transparent RGBA layer to be stretched over the photo.

    `evidence` is [h, w] in 0..1; anything outside is clipped, what is no number counts as 0.
    """
    if evidence.ndim != 2 or 0 in evidence.shape:
        raise ValueError(f"a map must be [h, w], not {evidence.shape}")
    clean = np.nan_to_num(np.asarray(evidence, np.float32), nan=0.0, posinf=1.0, neginf=0.0)
    image = Image.fromarray(np.clip(clean, 0.0, 1.0), "F")
    enlarged = np.asarray(image.resize((width, height), Image.Resampling.BICUBIC), np.float64)
    levels = np.clip(enlarged, 0.0, 1.0)  # bicubic overshoots at the edges of a coarse map
    # Two ramps that meet at a third: ink fades out below it, the glow grows above it.
    ink = INK_STRENGTH * (1.0 - _smooth(levels / 0.45))
    glow = GLOW_STRENGTH * _smooth((levels - 0.25) / 0.75)
    alpha = ink + glow * (1.0 - ink)
    share = np.divide(glow, glow + ink, out=np.zeros_like(glow), where=(glow + ink) > 0)
    colour = np.asarray(INK) + share[..., None] * (np.asarray(GLOW) - np.asarray(INK))
    layer = np.dstack([colour, alpha * 255.0])
    return Image.fromarray(np.rint(layer).clip(0, 255).astype(np.uint8), "RGBA")


def encode(image: Image.Image, kind: str = "WEBP", quality: int = 82) -> bytes:
    """Return the image as the bytes of a PNG, JPEG or WebP file."""
    buffer = io.BytesIO()
    image.save(buffer, kind, quality=quality)
    return buffer.getvalue()


def _smooth(values: NDArray[np.float64]) -> NDArray[np.float64]:
    clipped = np.clip(values, 0.0, 1.0)
    return clipped * clipped * (3.0 - 2.0 * clipped)
