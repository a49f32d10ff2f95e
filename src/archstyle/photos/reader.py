"""The one reader of photos: bytes or a file in, upright RGB out.

Everything that looks at a photo goes through here, so that a photo gives the same pixels in
training, in the measurements and on the server.
"""

import io
import warnings
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError
from pillow_heif import register_heif_opener

from archstyle.errors import ArchstyleError

register_heif_opener()
# JPEG opens MPO as well: both share one opener in Pillow. AVIF before HEIF: they share a container
# and only the first says at once that a file is not its own.
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF")
READABLE = "JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF, HEIC"
SMALLEST_SIDE = 16
# How files begin, so that a sentence can name their format: (start, first bytes) -> name.
BEGINNINGS = {
    (0, b"\xff\xd8\xff"): "JPEG",
    (0, b"\x89PNG\r\n"): "PNG",
    (8, b"WEBP"): "WebP",
    (0, b"GIF8"): "GIF",
    (0, b"II*\x00"): "TIFF",
    (0, b"MM\x00*"): "TIFF",
    (4, b"ftypavi"): "AVIF",
    (4, b"ftyphe"): "HEIC",
    (4, b"ftypmif1"): "HEIC",
    (0, b"\x00\x00\x00\x0cJXL "): "JPEG XL",
    (0, b"\xff\x0a"): "JPEG XL",
    (0, b"\x00\x00\x00\x0cjP  "): "JPEG 2000",
    (0, b"8BPS"): "Photoshop",
    (0, b"%PDF"): "PDF",
    (0, b"<svg"): "SVG",
}


class PhotoError(ArchstyleError):
    """A file that cannot be used as a photo; `code` is for programs, the sentence for people.

    Codes: empty, unreadable, not-a-photo, format, truncated, too-many-pixels, too-small.
    `%(name)s` in the sentence stands for one of the `values`, so that it can be translated.
    """

    def __init__(self, code: str, sentence: str, values: Mapping[str, Any] | None = None) -> None:
        super().__init__(sentence % values if values else sentence)
        self.code, self.sentence, self.values = code, sentence, values or {}

    def __reduce__(self) -> tuple[type["PhotoError"], tuple[str, str, Mapping[str, Any]]]:
        return PhotoError, (self.code, self.sentence, self.values)


@dataclass(frozen=True)
class Preprocessing:
    """How a photo becomes the network's input; travels in the bundle's card."""

    image_size: int  # pixels a side, squashed to a square
    max_pixels: int = 100_000_000


def read_photo(source: bytes | Path, preprocessing: Preprocessing) -> NDArray[np.uint8]:
    """Read a photo as the network sees it: uint8 RGB [size, size, 3] in 0..255."""
    return to_array(open_for(source, preprocessing), preprocessing.image_size)


def open_for(source: bytes | Path, preprocessing: Preprocessing) -> Image.Image:
    """Decode a photo as large as `read_photo` needs it, for who shows it besides."""
    # Twice the size leaves the resize enough to be as good as from the whole photo.
    return open_photo(source, preprocessing.max_pixels, at_least=2 * preprocessing.image_size)


def to_array(image: Image.Image, size: int) -> NDArray[np.uint8]:
    """Squash an RGB image to uint8 [size, size, 3], antialiased."""
    return np.asarray(image.resize((size, size), Image.Resampling.BICUBIC, reducing_gap=3.0))


def open_photo(
    source: bytes | Path, max_pixels: int = 100_000_000, at_least: int | None = None
) -> Image.Image:
    """Decode a photo to RGB: upright, alpha on white, first frame, 8 bits a channel.

    With `at_least` a big JPEG may come smaller, as long as both sides keep that many pixels.
    Raises PhotoError for whatever is no sound photo; never another error, whatever the bytes.
    """
    return open_with_facts(source, max_pixels, at_least)[0]


def open_with_facts(
    source: bytes | Path, max_pixels: int = 100_000_000, at_least: int | None = None
) -> tuple[Image.Image, str, tuple[int, int]]:
    """Like open_photo, with the format and the (width, height) of the file."""
    # Odd metadata makes Pillow warn; what matters comes back as PhotoError. Added at each call
    # because a test or a library may have reset the filters; adding it twice changes nothing.
    warnings.filterwarnings("ignore", module=r"PIL\.")
    try:
        with io.BytesIO(source) if isinstance(source, bytes) else source.open("rb") as file:
            return _decode(file, max_pixels, at_least)
    except OSError as error:
        reason = {"reason": error.strerror or str(error)}
        raise PhotoError("unreadable", "The file cannot be read: %(reason)s.", reason) from error


def is_photo(data: bytes) -> bool:
    """Whether the file's first bytes are those of a format that is read; nothing is decoded."""
    warnings.filterwarnings("ignore", module=r"PIL\.")
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS):
            return True
    except Exception:
        return False


def _decode(
    file: BinaryIO, max_pixels: int, at_least: int | None
) -> tuple[Image.Image, str, tuple[int, int]]:
    head = file.read(16)
    if not head:
        raise PhotoError("empty", "The file is empty.")
    file.seek(0)
    with _identify(file, head, max_pixels) as image:
        if image.width * image.height > max_pixels:
            raise _too_many_pixels(image.width * image.height, max_pixels)
        if min(image.size) < SMALLEST_SIDE:
            raise PhotoError(
                "too-small",
                "The photo has %(width)d x %(height)d pixels; "
                "at least %(least)d a side are needed.",
                {"width": image.width, "height": image.height, "least": SMALLEST_SIDE},
            )
        format, size = image.format or "", image.size
        try:
            # Of other formats it would take the thumbnail, however damaged the photo is.
            if at_least and format in ("JPEG", "MPO"):
                image.draft(None, (at_least, at_least))
            image.load()
        except MemoryError as error:
            raise _too_many_pixels(image.width * image.height, max_pixels) from error
        except Exception as error:
            raise PhotoError("truncated", "The photo is damaged or cut short.") from error
        # The photo is good even where its metadata is not, and is turned before Pillow mends them.
        with suppress(Exception):
            ImageOps.exif_transpose(image, in_place=True)
        try:
            flat = to_rgb(image)
        except Exception as error:
            raise PhotoError(
                "format", "Photos in the colour mode %(mode)s cannot be read.", {"mode": image.mode}
            ) from error
    return flat, format, size


def _identify(file: BinaryIO, head: bytes, max_pixels: int) -> Image.Image:
    try:
        return Image.open(file, formats=FORMATS)
    except (Image.DecompressionBombError, MemoryError) as error:
        raise _too_many_pixels(None, max_pixels) from error
    except UnidentifiedImageError as error:
        found = (name for (at, magic), name in BEGINNINGS.items() if head[at:].startswith(magic))
        name = next(found, "")
        values = {"name": name, "formats": READABLE}
        if not name:
            raise PhotoError(
                "not-a-photo",
                "The file is no photo in a format that can be read: %(formats)s.",
                values,
            ) from error
        if name in READABLE:
            raise PhotoError(
                "truncated",
                "The %(name)s file is damaged, cut short or of an unusual kind.",
                values,
            ) from error
        raise PhotoError(
            "format", "%(name)s files cannot be read: save the photo as one of %(formats)s.", values
        ) from error
    except Exception as error:
        raise PhotoError("truncated", "The photo is damaged or cut short.") from error


def _too_many_pixels(pixels: int | None, max_pixels: int) -> PhotoError:
    if pixels is None:
        return PhotoError("too-many-pixels", "The photo has far too many pixels.")
    return PhotoError(
        "too-many-pixels",
        "The photo has %(pixels)d million pixels; at most %(most)d million are read.",
        {"pixels": round(pixels / 1e6), "most": round(max_pixels / 1e6)},
    )


def to_rgb(image: Image.Image) -> Image.Image:
    """Convert a loaded image of any mode to RGB; transparent parts become white."""
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return Image.fromarray(_to_eight_bits(image)).convert("RGB")
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        image = image if image.mode == "RGBA" else image.convert("RGBA")
        white = Image.new("RGB", image.size, (255, 255, 255))
        white.paste(image, mask=image)
        return white
    # convert() would copy, and a copy of a large photo is hundreds of megabytes.
    return image if image.mode == "RGB" else image.convert("RGB")


def _to_eight_bits(image: Image.Image) -> NDArray[np.uint8]:
    """Scale 16-bit, 32-bit or floating-point grey to uint8 [height, width]."""
    grey = np.nan_to_num(np.asarray(image, dtype=np.float32))
    largest, scale = float(grey.max()), 1.0
    if image.mode.startswith("I;16") or 255 < largest <= 65535:
        scale = 1 / 257
    elif largest > 65535:
        scale = 255 / largest
    elif image.mode == "F" and largest <= 1:
        scale = 255.0
    return np.asarray(np.clip(grey * scale + 0.5, 0, 255), np.uint8)
