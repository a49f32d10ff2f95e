"""What happens to photos on their way through the web: one photograph, many files."""

import io
import math
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFont, ImageOps

Random = np.random.Generator
BLACK, WHITE = (0, 0, 0), (255, 255, 255)


def recompressed(image: Image.Image, random: Random) -> Image.Image:
    memory = io.BytesIO()
    image.save(memory, "JPEG", quality=int(random.integers(30, 91)))
    return Image.open(memory).convert("RGB")


def resized(image: Image.Image, random: Random) -> Image.Image:
    share = random.uniform(0.3, 1)
    size = (max(16, round(side * share)) for side in image.size)
    return image.resize((next(size), next(size)), Image.Resampling.LANCZOS)


def mirrored(image: Image.Image, random: Random) -> Image.Image:
    return ImageOps.mirror(image)


def cropped(image: Image.Image, random: Random) -> Image.Image:
    left, top, right, bottom = random.uniform(0.01, 0.05, 4)
    width, height = image.size
    return image.crop(
        (
            round(width * left),
            round(height * top),
            round(width * (1 - right)),
            round(height * (1 - bottom)),
        )
    )


def middle_square(image: Image.Image, random: Random) -> Image.Image:
    """As some collections keep their photos: grey, 128 pixels a side, and saved again."""
    grey = ImageOps.fit(image.convert("L"), (128, 128), Image.Resampling.LANCZOS)
    return recompressed(grey, random)


def turned_and_cut(image: Image.Image, random: Random) -> Image.Image:
    degrees = _angle(random)
    sine, cosine = math.sin(math.radians(abs(degrees))), math.cos(math.radians(degrees))
    width, height = image.size
    # The largest part of the same shape that has no corner of nothing.
    share = min(width / (width * cosine + height * sine), height / (height * cosine + width * sine))
    across, down = width * share, height * share
    left, top = (width - across) / 2, (height - down) / 2
    turned = image.rotate(degrees, Image.Resampling.BICUBIC)
    return turned.crop((round(left), round(top), round(left + across), round(top + down)))


def turned_and_filled(image: Image.Image, random: Random) -> Image.Image:
    filled = BLACK if random.integers(2) else WHITE
    return image.rotate(_angle(random), Image.Resampling.BICUBIC, fillcolor=filled)


def _angle(random: Random) -> float:
    return float(random.uniform(1, 4) * random.choice([-1, 1]))


def banner_laid_over(image: Image.Image, random: Random) -> Image.Image:
    return _banner(image, random, added=False)


def banner_added_below(image: Image.Image, random: Random) -> Image.Image:
    return _banner(image, random, added=True)


def _banner(image: Image.Image, random: Random, added: bool) -> Image.Image:
    high = max(4, round(image.height * random.uniform(0.05, 0.12)))
    paper, ink = (BLACK, WHITE) if random.integers(2) else (WHITE, BLACK)
    stamped = Image.new("RGB", (image.width, image.height + added * high), paper)
    stamped.paste(image)
    top = stamped.height - high
    drawing = ImageDraw.Draw(stamped)
    drawing.rectangle((0, top, stamped.width, stamped.height), fill=paper)
    large, small = (ImageFont.load_default(size=max(6, high * part)) for part in (0.45, 0.3))
    drawing.text((0.3 * high, top + 0.2 * high), "stock photo", fill=ink, font=large)
    number = f"ID {random.integers(10**6, 10**7)}  www.example.com"
    right = stamped.width - 0.3 * high
    drawing.text((right, top + 0.25 * high), number, fill=ink, font=small, anchor="ra")
    return stamped


def brightened(image: Image.Image, random: Random) -> Image.Image:
    return ImageEnhance.Brightness(image).enhance(random.uniform(0.6, 1.4))


Change = Callable[[Image.Image, Random], Image.Image]
# In the order in which two of them are made.
CHANGES: dict[str, Change] = {
    "cropped 1 to 5 % a side": cropped,
    "turned 1 to 4 degrees, corners cut": turned_and_cut,
    "turned 1 to 4 degrees, corners filled": turned_and_filled,
    "mirrored": mirrored,
    "brightness 0.6 to 1.4": brightened,
    "banner of 5 to 12 % laid over": banner_laid_over,
    "banner of 5 to 12 % added below": banner_added_below,
    "resized to 0.3 to 1": resized,
    "recompressed, quality 30 to 90": recompressed,
}


def two_of_them(image: Image.Image, random: Random) -> Image.Image:
    """Make two changes, other than two turns or two banners."""
    while True:
        one, other = sorted(random.choice(len(CHANGES), 2, replace=False).tolist())
        first, second = list(CHANGES.values())[one], list(CHANGES.values())[other]
        if first.__name__.split("_")[0] != second.__name__.split("_")[0]:
            return second(first(image, random), random)
