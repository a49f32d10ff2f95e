"""Uploads that mean harm, or come from cameras that nobody thought of."""

import io
import struct
import zipfile
import zlib
from collections.abc import Callable
from functools import partial

from PIL import Image

from tests.odd_files import BAD, _chunk, bad, saved
from tests.serving_project import photo

SIGNATURE = b"\x89PNG\r\n\x1a\n"
SMALL = _chunk(b"IHDR", struct.pack(">IIBBBBB", 32, 32, 8, 2, 0, 0, 0))
PIXELS = _chunk(b"IDAT", zlib.compress(b"\0" * 97 * 32)) + _chunk(b"IEND", b"")
BOMB = zlib.compress(bytes(200_000_000), 9)  # 194 kB that become 200 MB


def zipped() -> bytes:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        archive.writestr("house.jpg", photo(side=64))
    return memory.getvalue()


def long_gif(frames: int) -> bytes:
    one = saved(Image.new("P", (32, 32), 3), "GIF")
    start = one.index(b"\x2c", 13 + 3 * 2 ** ((one[10] & 7) + 1))
    return one[:start] + one[start:-1] * frames + b";"


def looping_exif() -> bytes:
    """A JPEG whose directory of metadata names itself as the next, with 65,535 entries."""
    entry = struct.pack("<HHII", 0x8769, 4, 1, 8)
    exif = b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", 65_535) + entry * 5_000 + b"\x08\0\0\0"
    whole = photo(side=64)
    return whole[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + whole[2:]


def many_heic() -> bytes:
    behind = [Image.new("RGB", (64, 64), (n, 0, 0)) for n in range(40)]
    memory = io.BytesIO()
    Image.new("RGB", (64, 64)).save(memory, "HEIF", save_all=True, append_images=behind)
    return memory.getvalue()


# What is sent, and the statuses that may come: (bytes, statuses).
HOSTILE: dict[str, tuple[Callable[[], bytes], tuple[int, ...]]] = {
    "svg": (lambda: b'<svg xmlns="http://www.w3.org/2000/svg"><script>1</script></svg>', (415,)),
    "svg with a head": (lambda: b'<?xml version="1.0"?><svg onload="alert(1)"/>', (415,)),
    "zip": (zipped, (415,)),
    "pdf": (lambda: b"%PDF-1.7\n" + photo(side=64), (415,)),
    "jpeg and zip": (lambda: photo(side=64) + zipped(), (200,)),
    "gif and script": (lambda: b"GIF89a/*" + bytes(90) + b"*/=1;alert(1)", (422,)),
    "pixels": (lambda: bad("too many pixels"), (422,)),
    "colour profile": (
        lambda: SIGNATURE + SMALL + _chunk(b"iCCP", b"icc\0\0" + BOMB) + PIXELS,
        (200, 422),
    ),
    "text": (lambda: SIGNATURE + SMALL + _chunk(b"zTXt", b"a\0\0" + BOMB) + PIXELS, (200, 422)),
    "metadata in a ring": (looping_exif, (200,)),
    "image data": (
        lambda: SIGNATURE + SMALL + _chunk(b"IDAT", BOMB) + _chunk(b"IEND", b""),
        (200, 422),
    ),
    "heic of many": (many_heic, (200,)),
    "gif of 10,000 frames": (lambda: long_gif(10_000), (200,)),
    "panorama": (lambda: saved(Image.new("RGB", (20_000, 500), (90, 80, 70)), "JPEG"), (200,)),
    "one pixel": (lambda: saved(Image.new("RGB", (1, 1)), "PNG"), (422,)),
    **{kind: (partial(bad, kind), (415, 422)) for kind in BAD if kind.startswith("cut")},
}
