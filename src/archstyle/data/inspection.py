"""One look at one photo: is it sound, and what does it look like. Runs on every core."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from archstyle.data.fingerprints import SIDE, perceptual_hash
from archstyle.data.store import Packed, PhotoStore, read_packed
from archstyle.images import PhotoError, open_with_facts
from archstyle.parallel import parallel_map


@dataclass(frozen=True)
class Inspection:
    """What a photo is; `phash` is empty and `reason` is not where it is no sound photo."""

    phash: bytes = b""  # 32 bytes
    width: int = 0
    height: int = 0
    format: str = ""
    reason: str = ""


def inspect(data: bytes, max_pixels: int) -> Inspection:
    """Decode a photo and hash what it looks like; never raises, whatever the bytes."""
    try:
        # Half the pixels or fewer are decoded of a big JPEG: the hash looks at 64 a side.
        photo = open_with_facts(data, max_pixels, at_least=2 * SIDE)
    except PhotoError as error:
        return Inspection(reason=str(error))
    return Inspection(perceptual_hash(photo.image), photo.width, photo.height, photo.format)


def inspect_all(
    store: PhotoStore, max_pixels: int, workers: int | None = None
) -> Iterator[tuple[Packed, Inspection]]:
    """Yield every packed file, in order, with what it is."""
    packed = [entry for entry in store.entries if not entry.reason]
    look = partial(_inspect_packed, store.archive, max_pixels)
    yield from zip(packed, parallel_map(look, packed, len(packed), "prepare", workers), strict=True)


def _inspect_packed(archive: Path, max_pixels: int, entry: Packed) -> Inspection:
    return inspect(read_packed(archive, entry), max_pixels)
