"""One look at one photo: is it sound, and what does it look like. Runs on every core."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from archstyle.common.parallel import parallel_map
from archstyle.data.duplicates.hash import SIDE, fingerprint
from archstyle.photos.reader import PhotoError, open_with_facts
from archstyle.photos.store import Packed, PhotoStore, read_packed


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a photo is; `phash` is empty and `reason` is not where it is no sound photo."""

    phash: bytes = b""  # 32 bytes
    width: int = 0
    height: int = 0
    format: str = ""
    reason: str = ""
    grey: bytes = b""  # the picture for a second look at near duplicates


def inspect(data: bytes, max_pixels: int) -> Inspection:
    """Decode a photo and hash what it looks like; never raises, whatever the bytes."""
    try:
        # Half the pixels or fewer are decoded of a big JPEG: the hash looks at 64 a side.
        photo = open_with_facts(data, max_pixels, at_least=2 * SIDE)
    except PhotoError as error:
        return Inspection(reason=str(error))
    print_ = fingerprint(photo.image)
    return Inspection(print_.phash, photo.width, photo.height, photo.format, grey=print_.grey)


class Known(Protocol):
    """What is remembered of earlier inspections: see inspected.py."""

    def find(self, sha256: str) -> Inspection | None:
        """Return what is known about the photo with these bytes."""

    def keep(self, sha256: str, seen: Inspection) -> None:
        """Remember what a photo is."""


def inspect_all(
    store: PhotoStore, max_pixels: int, workers: int | None = None, known: Known | None = None
) -> Iterator[tuple[Packed, Inspection]]:
    """Yield every packed file, in order, with what it is; what is known is not decoded again."""
    packed = [entry for entry in store.entries if not entry.reason]
    tasks = ((entry, known.find(entry.sha256) if known else None) for entry in packed)
    look = partial(_look, store.archive, max_pixels)
    results = parallel_map(look, tasks, len(packed), "prepare", workers)
    for entry, (seen, is_new) in zip(packed, results, strict=True):
        if known and is_new:
            known.keep(entry.sha256, seen)
        yield entry, seen


def _look(
    archive: Path, max_pixels: int, task: tuple[Packed, Inspection | None]
) -> tuple[Inspection, bool]:
    entry, seen = task
    return (seen, False) if seen else (inspect(read_packed(archive, entry), max_pixels), True)
