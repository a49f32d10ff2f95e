"""Reads the pictures of the report, in threads, small."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from PIL import Image

from archstyle.common.parallel import parallel_map
from archstyle.errors import ArchstyleError
from archstyle.photos.reader import PhotoError
from archstyle.photos.store import PhotoStore
from archstyle.reports.page import picture_uri
from archstyle.reports.pictures import thumbnail

SIDE = 200  # pixels of the longer side


@dataclass(frozen=True)
class Picture:
    """A photo made small: RGB, at most SIDE pixels a side, and as an address that carries it."""

    image: Image.Image
    uri: str


def read_pictures(store: PhotoStore, files: Sequence[str]) -> Mapping[str, Picture]:
    """Return the picture of each file."""
    pictures = parallel_map(partial(_picture, store), files, len(files), "pictures")
    return dict(zip(files, pictures, strict=True))


def as_picture(image: Image.Image) -> Picture:
    """Encode an image for the page."""
    return Picture(image, picture_uri(image))


def _picture(store: PhotoStore, file: str) -> Picture:
    try:
        return as_picture(thumbnail(store.read(file), SIDE))
    except PhotoError as error:
        raise ArchstyleError(
            f"`{file}` cannot be read: {error} Run `dvc repro --force prepare`."
        ) from error
