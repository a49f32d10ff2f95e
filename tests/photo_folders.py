"""Folders of made-up photos, no two of which look alike."""

import io
from pathlib import Path

import numpy as np
from PIL import Image

from archstyle.config.schema import Duplicates

SAME = Duplicates(distance=23, likeness=0.55, agreement=0.978)  # as in conf/data/photos.yaml


def photo(number: int, width: int = 96, height: int = 72) -> Image.Image:
    """Smooth coloured clouds; another number gives quite another picture."""
    cells = np.random.default_rng(number).integers(0, 256, (18, 18, 3), dtype=np.uint8)
    return Image.fromarray(cells).resize((width, height), Image.Resampling.BICUBIC)


def jpeg(image: Image.Image, quality: int = 90) -> bytes:
    memory = io.BytesIO()
    image.save(memory, "JPEG", quality=quality)
    return memory.getvalue()


def fill(root: Path, styles: dict[str, int], first: int = 0) -> Path:
    """Write that many photos of each style into folders under `root`."""
    for style, count in styles.items():
        (root / style).mkdir(parents=True, exist_ok=True)
        for number in range(first, first + count):
            # A style's name is part of the seed, but not through hash(), which is salted.
            seed = int.from_bytes(style.encode()[:3], "big") * 100_000 + number
            (root / style / f"{number:05d}.jpg").write_bytes(jpeg(photo(seed)))
    return root
