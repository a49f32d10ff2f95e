"""A source's own map from its folders to styles."""

import unicodedata
from collections.abc import Iterable

from archstyle.errors import ArchstyleError


def mapped_folder(folder: str, styles: Iterable[str]) -> str:
    """Return which of the map's folders the folder is or lies in, the nearest one, or nothing.

    A name as `Gothic` or the end of a path as `train/Gothic`, in whatever form accents come.
    """
    path = unicodedata.normalize("NFC", folder)
    names = {unicodedata.normalize("NFC", name.strip("/")): name for name in styles}
    while path not in ("", ".", "/"):
        ends = [name for name in names if f"/{path}".endswith(f"/{name}")]
        if ends:
            return names[max(ends, key=len)]
        path = path.rpartition("/")[0]
    return ""


def missing_folders(location: str, folders: Iterable[str]) -> ArchstyleError:
    """Return the error that names what a map names and a source does not have."""
    first, *more = folders
    others = f" (and {len(more)} more)" if more else ""
    return ArchstyleError(
        f"{location} has no photos in a folder {first!r}{others}: correct `styles` in the file of "
        "conf/data/."
    )
