"""Reads the pictures of the report, in threads, small."""

from collections.abc import Mapping, Sequence
from functools import partial

from PIL import Image

from archstyle.data.store import PhotoStore
from archstyle.errors import ArchstyleError
from archstyle.images import PhotoError
from archstyle.pages.pictures import thumbnail
from archstyle.parallel import parallel_map

SIDE = 200  # pixels of the longer side


def read_pictures(store: PhotoStore, files: Sequence[str]) -> Mapping[str, Image.Image]:
    """Return each file's photo as RGB, at most SIDE pixels a side."""
    pictures = parallel_map(partial(_picture, store), files, len(files), "pictures")
    return dict(zip(files, pictures, strict=True))


def _picture(store: PhotoStore, file: str) -> Image.Image:
    try:
        return thumbnail(store.read(file), SIDE)
    except PhotoError as error:
        raise ArchstyleError(
            f"`{file}` cannot be read: {error} Run `dvc repro --force prepare`."
        ) from error
