"""Files as people's folders hold them: photos of every kind, and what only looks like one."""

import io
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Colour = tuple[int, int, int]
SIZE = (96, 64)
WHITE = (255, 255, 255)
QUADRANTS = ((230, 40, 50), (40, 190, 60), (40, 60, 220), (240, 230, 60))
LYING = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


@dataclass(frozen=True)
class Sound:
    """A photo that can be read: its bytes, and what has to come out of them."""

    data: bytes
    quadrants: tuple[Colour, ...]  # upper left and right, lower left and right
    format: str


def picture() -> Image.Image:
    """Four colours, so that every turn, mirror image and mix-up of channels is seen."""
    image = Image.new("RGB", SIZE)
    for number, colour in enumerate(QUADRANTS):
        left, top = number % 2 * SIZE[0] // 2, number // 2 * SIZE[1] // 2
        image.paste(colour, (left, top, left + SIZE[0] // 2, top + SIZE[1] // 2))
    return image


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    memory = io.BytesIO()
    image.save(memory, kind, **options)
    return memory.getvalue()


def _plain(kind: str, mode: str = "RGB", **options: object) -> Sound:
    few = picture().quantize(16, dither=Image.Dither.NONE)
    image = few if mode == "P" else picture().convert(mode)
    grey = [round(0.299 * r + 0.587 * g + 0.114 * b) for r, g, b in QUADRANTS]
    colours = tuple((one, one, one) for one in grey) if mode in ("L", "LA") else QUADRANTS
    return Sound(saved(image, kind, **options), colours, kind)


def _lying(kind: str, orientation: int) -> Sound:
    exif = Image.Exif()
    exif[0x0112] = orientation
    turn = LYING.get(orientation)
    image = picture() if turn is None else picture().transpose(turn)
    return Sound(saved(image, kind, exif=exif.tobytes(), quality=95), QUADRANTS, kind)


def _transparent(kind: str, **options: object) -> Sound:
    image = picture().convert("RGBA")
    image.paste((0, 0, 0, 0), (0, 0, SIZE[0] // 2, SIZE[1] // 2))
    return Sound(saved(image, kind, **options), (WHITE, *QUADRANTS[1:]), kind)


def _transparent_palette() -> Sound:
    image = picture().quantize(4, dither=Image.Dither.NONE)
    first = image.getpixel((0, 0))
    return Sound(saved(image, "PNG", transparency=first), (WHITE, *QUADRANTS[1:]), "PNG")


def _many(kind: str, **options: object) -> Sound:
    behind = [Image.new("RGB", SIZE), Image.new("RGB", SIZE, WHITE)]
    data = saved(picture(), kind, save_all=True, append_images=behind, **options)
    return Sound(data, QUADRANTS, kind)


def _deep_grey(kind: str) -> Sound:
    grey = np.asarray(picture().convert("L")).astype(np.uint16)
    return Sound(saved(Image.fromarray(grey * 257), kind), _plain("PNG", "L").quadrants, kind)


def _deep_png() -> Sound:
    """16 bits in each of three channels, which Pillow reads but does not write."""
    values: NDArray[np.uint16] = np.asarray(picture()).astype(np.uint16) * 257
    lines = b"".join(b"\0" + line.astype(">u2").tobytes() for line in values)
    parts = [
        (b"IHDR", struct.pack(">IIBBBBB", *SIZE, 16, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(lines)),
        (b"IEND", b""),
    ]
    return Sound(b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*part) for part in parts), QUADRANTS, "PNG")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


SOUND: dict[str, Callable[[], Sound]] = {
    "jpeg": partial(_plain, "JPEG", quality=95),
    "progressive jpeg": partial(_plain, "JPEG", quality=95, progressive=True),
    "grey jpeg": partial(_plain, "JPEG", "L"),
    "CMYK jpeg": partial(_plain, "JPEG", "CMYK", quality=95),
    "png": partial(_plain, "PNG"),
    "palette png": partial(_plain, "PNG", "P"),
    "grey png with alpha": partial(_plain, "PNG", "LA"),
    "transparent png": partial(_transparent, "PNG"),
    "png with a transparent palette": _transparent_palette,
    "16-bit png": _deep_png,
    "16-bit grey png": partial(_deep_grey, "PNG"),
    "webp": partial(_plain, "WEBP", quality=95),
    "lossless webp": partial(_plain, "WEBP", lossless=True),
    "transparent webp": partial(_transparent, "WEBP", quality=95),
    "animated webp": partial(_many, "WEBP", quality=95),
    "gif": partial(_plain, "GIF", "P"),
    "animated gif": partial(_many, "GIF"),
    "bmp": partial(_plain, "BMP"),
    "tiff": partial(_plain, "TIFF", compression="tiff_lzw"),
    "CMYK tiff": partial(_plain, "TIFF", "CMYK"),
    "16-bit grey tiff": partial(_deep_grey, "TIFF"),
    "transparent tiff": partial(_transparent, "TIFF"),
    "tiff of many pages": partial(_many, "TIFF"),
    "avif": partial(_plain, "AVIF", quality=95),
    "transparent avif": partial(_transparent, "AVIF", quality=95),
    "heic": partial(_plain, "HEIF", quality=95),
    "transparent heic": partial(_transparent, "HEIF", quality=95),
    "heic of many": partial(_many, "HEIF", quality=95),
    "mpo": partial(_many, "MPO", quality=95),
}
for kind in ("JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF"):
    for orientation in range(1, 9):
        SOUND[f"{kind} lying as {orientation}"] = partial(_lying, kind, orientation)


@cache
def sound(kind: str) -> Sound:
    """One of SOUND, encoded once."""
    return SOUND[kind]()


def _noise(kind: str) -> bytes:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    return saved(Image.fromarray(noise), kind)


def _cut(kind: str) -> bytes:
    data = _noise(kind)
    return data[: len(data) // 2]


def _promising() -> bytes:
    """A few bytes that promise four billion pixels."""
    header = struct.pack(">IIBBBBB", 65_500, 65_500, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + b"\0\0\0\x10IDAT" + bytes(20)


# What cannot be read, and a part of the reason that has to be given.
BAD: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty": (bytes, "is empty"),
    "text": (lambda: "caf\u00e9, no photo\n".encode() * 9, "no photo in a format"),
    "pdf": (lambda: b"%PDF-1.7\n" + bytes(400), "PDF files cannot be read"),
    "web page": (lambda: b"<!DOCTYPE html><html></html>", "no photo in a format"),
    "zeros": (lambda: bytes(5_000), "no photo in a format"),
    "icon": (lambda: saved(Image.new("RGB", (15, 200)), "PNG"), "15 x 200 pixels"),
    "too many pixels": (_promising, "million|too many pixels"),
    **{
        f"cut {kind}": (partial(_cut, kind), "damaged")
        for kind in ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF")
    },
}


@cache
def bad(kind: str) -> bytes:
    """The bytes of one of BAD, made once."""
    return BAD[kind][0]()
