"""A source's own map from its folders, or from single files, to styles."""

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from archstyle.common.files import read_table
from archstyle.config.schema import Source
from archstyle.errors import ArchstyleError

MEANING = "`file,style`: a photo's path, or the end of it, and its style"


class StyleMap:
    """Finds what a path is called in a map: `Gothic`, or the end of it as in `train/Gothic`.

    Accents may come in whatever form.
    """

    def __init__(self, styles: Mapping[str, str]) -> None:
        self.styles = styles
        self._names = {_plain(name): name for name in styles}

    def find(self, path: str) -> str:
        """Return the name of the file or of the nearest folder above it, or nothing."""
        parts = _plain(path).split("/")
        ends = (self.find_exactly("/".join(parts[:end])) for end in range(len(parts), 0, -1))
        return next(filter(None, ends), "")

    def find_exactly(self, path: str) -> str:
        """Return the name of the path itself, the longest, or nothing."""
        parts = _plain(path).split("/")
        ends = (self._names.get("/".join(parts[start:]), "") for start in range(len(parts)))
        return next(filter(None, ends), "")

    def check(self, location: str, found: Iterable[str]) -> None:
        """Raise ArchstyleError that names the first name which was not found, if there is one."""
        seen = set(found)
        missing = [name for name in self.styles if name not in seen]
        if missing:
            more = f" (and {len(missing) - 1:,} more)" if missing[1:] else ""
            raise ArchstyleError(
                f"{location} has no photos in {missing[0]!r}{more}, which its `styles` or `labels` "
                "name: correct them in conf/data/."
            )


def with_labels(source: Source) -> Source:
    """Return the source with what the table `labels` says among its styles.

    Raises ArchstyleError where there is no such table or a name has no style.
    """
    styles = dict(source.styles)
    if source.labels:
        try:
            data = Path(source.labels).read_bytes()
        except OSError as error:
            raise ArchstyleError(
                f"{source.labels} cannot be read ({error.strerror}): see `labels` in conf/data/."
            ) from error
        lines = read_table(data, source.labels, ("file", "style"), MEANING)
        styles |= {file: style for _, (file, style) in lines}
    if wrong := [name for name, style in styles.items() if not style or not name.strip("/")]:
        raise ArchstyleError(f"{source.location} maps {wrong[0]!r} to no style: see conf/data/.")
    return replace(source, styles=styles)


def _plain(path: str) -> str:
    return " ".join(unicodedata.normalize("NFC", path).split()).strip("/")
