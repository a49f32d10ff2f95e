"""A file on its way from data/raw into the manifest."""

from collections.abc import Sequence
from dataclasses import dataclass

from archstyle.data.inspection import Inspection
from archstyle.data.manifest import Row
from archstyle.photos.names import building_of
from archstyle.photos.store import Packed

PHOTO_COLUMNS = ("file", "bytes", "width", "height", "format")


@dataclass(frozen=True, slots=True)
class Photo:
    """A sound photo on its way into the manifest; width and height are the file's, in pixels."""

    file: str
    style: str  # as labelled
    sha256: str
    building: str
    source: str
    bytes: int
    phash: str
    width: int
    height: int
    format: str


def photo_of(entry: Packed, seen: Inspection) -> Photo:
    """Return what is known of a sound photo."""
    building = entry.building or building_of(entry.file)
    told = entry.file, entry.style, entry.sha256, building, entry.source, entry.bytes
    return Photo(*told, seen.phash.hex(), seen.width, seen.height, seen.format)


def row_of(entry: Packed, status: str, reason: str) -> Row:
    """Return the row of a file that is no sound photo."""
    told = entry.file, entry.style, entry.sha256, "", "", "", status, reason
    return Row(*told, entry.building, entry.style, entry.source)


def largest(photos: Sequence[Photo]) -> Photo:
    """Return the one of a photograph's photos that is used."""
    return min(photos, key=lambda photo: (-photo.width * photo.height, photo.sha256, photo.file))
