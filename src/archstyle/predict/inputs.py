"""The photos that paths, patterns and archives stand for, one by one: never a list of them all."""

import heapq
import os
import sys
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from fnmatch import fnmatchcase
from functools import partial
from glob import has_magic, iglob
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from archstyle.errors import ArchstyleError
from archstyle.photos.archives import ArchivePhotos
from archstyle.photos.bucket import BucketPhotos, is_bucket
from archstyle.photos.names import printable, why_skipped
from archstyle.photos.reader import PhotoError, is_photo

ARCHIVES = (".zip", ".tar", ".tgz", ".tbz2", ".txz", ".tar.gz", ".tar.bz2", ".tar.xz")
MAX_BYTES = 100_000_000  # of an archive's member
SORTED = 20_000  # names of a folder that are held at once
LONGEST = 1 << 20  # bytes of a listed path

# What it is called in the answers, and its file, bytes, what reads them, or why it has none.
Photo = tuple[str, Path | bytes | Callable[[], bytes] | str]


def find_photos(given: Iterable[str]) -> Iterator[Photo]:
    """Yield what paths, patterns and `-` stand for, in their order; folders sorted.

    Hidden files of folders and archives are left out. What has no files is told in its place.
    """
    for each in given:
        if each == "-":
            listed = (photo for place in _listed(sys.stdin.buffer) for photo in _in(place))
            yield from _or(listed, each, "Standard input lists no files.")
        elif has_magic(each) and not is_bucket(each) and not os.path.lexists(each):
            yield from _or(_matching(each), each, "No file matches this pattern.")
        else:
            yield from _in(each)


def _or(photos: Iterator[Photo], name: str, error: str) -> Iterator[Photo]:
    return chain((next(photos, (printable(name), error)),), photos)


def _in(place: str) -> Iterator[Photo]:
    if not place:
        return iter([('""', "This names no file.")])
    if is_bucket(place):
        return _or(_in_bucket(place), place, "No photos lie below this address.")
    path = Path(place)
    name = printable(str(path))
    if os.path.isdir(path):  # never raises
        return _or(_in_folder(path), name, "The folder has no files.")
    if name.lower().endswith(ARCHIVES) and os.path.isfile(path):
        return _or(_in_archive(path, name), name, "The archive has no files.")
    return iter([(name, path)])


def _in_folder(folder: Path) -> Iterator[Photo]:
    try:
        for path in _sorted(folder):
            if os.path.isfile(path) or not os.path.exists(path):  # others may never end, as a pipe
                yield printable(str(path)), path
            elif os.path.isdir(path) and not os.path.islink(path):  # it may lead round in a ring
                yield from _in_folder(path)
    except OSError as error:
        yield printable(str(folder)), f"The folder cannot be read: {error.strerror}."


def _sorted(folder: Path) -> Iterator[Path]:
    """Yield what is in a folder but for hidden files; it is read anew for each part of it."""
    last = ""
    while True:
        with os.scandir(folder) as entries:
            some = heapq.nsmallest(SORTED, (e.name for e in entries if e.name > last))
        yield from (folder / name for name in some if not why_skipped(name))
        if len(some) < SORTED:
            return
        last = some[-1]


def _in_archive(path: Path, name: str) -> Iterator[Photo]:
    try:
        for found in ArchivePhotos(path).files(MAX_BYTES):
            if not why_skipped(found.name):
                told = f"It is not read: {found.reason}."
                yield f"{name}/{found.name}", told if found.data is None else found.data
    except (ArchstyleError, OSError) as error:
        yield name, str(error)


def _in_bucket(address: str) -> Iterator[Photo]:
    bucket = BucketPhotos(address, "the command")
    try:
        for path, size in bucket.walk():
            if not why_skipped(path.removeprefix(bucket.root)):
                name = printable(f"{address.partition('://')[0]}://{path}")
                yield name, "It is too large." if size > MAX_BYTES else partial(bucket.read, path)
    except PhotoError as error:  # no such bucket or folder
        yield printable(address), str(error)


def _matching(pattern: str) -> Iterator[Photo]:
    above, last = os.path.split(pattern)
    if last in ("**", ""):  # a/*/ is all in these folders
        above, last = pattern, "*"
    plain = not above or os.path.isdir(above)
    found = [above] if plain else sorted(iglob(f"{above}/", recursive=True))  # noqa: PTH207
    # `**` may come to a folder twice, by a link.
    for folder in {os.path.realpath(folder): Path(folder) for folder in found}.values():
        with suppress(OSError):
            for path in _sorted(folder):
                # A folder that it matches is gone through, but by `**` that is done already.
                if fnmatchcase(path.name, last) and not ("**" in above and os.path.isdir(path)):
                    yield from _in(str(path))


def _listed(stream: BinaryIO) -> Iterator[str]:
    """Yield what a list names, as it comes; NULs separate it, or lines where it has none."""
    separator, rest = b"", b""
    while block := stream.read1(1 << 16):  # type: ignore[attr-defined]
        if not separator and is_photo(block):
            raise ArchstyleError("Standard input is a photo, not a list of paths: give its file.")
        rest += block
        if rest.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
            raise ArchstyleError("The list on standard input is UTF-16: write it as UTF-8.")
        separator = separator or next((one for one in (b"\0", b"\n") if one in rest), b"")
        *paths, rest = rest.split(separator) if separator else [rest]
        if separator == b"\n":  # as Windows writes lists, which begin with a mark of their encoding
            paths = [path.removeprefix(BOM_UTF8).removesuffix(b"\r") for path in paths]
        if len(rest) > LONGEST or (separator == b"\n" and b"\0" in block):
            raise ArchstyleError("Standard input is no list of paths: put each on a line.")
        yield from (os.fsdecode(path) for path in paths if path)
    if rest:
        yield os.fsdecode(rest.removeprefix(BOM_UTF8).removesuffix(b"\r" * (separator != b"\0")))
