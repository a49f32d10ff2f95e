"""Several sources as one collection: names that say the source, and styles by its own map."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

from archstyle.common.files import read_table
from archstyle.config.schema import Source
from archstyle.errors import ArchstyleError
from archstyle.photos.names import LISTS_SOURCES, Found, Photos, lists_buildings, style_of

ARCHIVE = re.compile(r"\.(zip|tar|tgz|tar\.\w+)$", re.IGNORECASE)
MEANING = "`file,style`: a photo's path, or the end of it, and its style"
NOT_MAPPED = "lies in no folder that the source's `styles` name"


@dataclass(frozen=True)
class Part:
    """A source of a collection.

    `name` begins its files where there are several, `source` is what the manifest calls it.
    """

    photos: Photos
    name: str
    source: str
    styles: Mapping[str, str] = field(default_factory=dict)  # by folder; empty: folders are styles


@dataclass
class Collection:
    """Every file of several sources, or of one, whose files keep their names.

    `several` says whether files begin with their source's name, `prefix` what all of them begin
    with. With `loose` a file in no style's folder is of a style called as its source.
    """

    parts: Sequence[Part]
    missing: list[str] = field(default_factory=list)  # sources that could not be reached
    several: bool = False
    prefix: str = ""
    loose: bool = False

    @property
    def kind(self) -> str:
        """Return the kind of the one source, else `collection`."""
        return "collection" if self.several else self.parts[0].photos.kind

    @property
    def location(self) -> str:
        """Return the location of the one source, else the names of all."""
        whole = self.parts[0].photos.location
        return ", ".join(part.name for part in self.parts) if self.several else whole

    @property
    def sources(self) -> list[str]:
        """Return the locations of several sources; none where it is one."""
        return [part.photos.location for part in self.parts] if self.several else []

    def files(self, max_bytes: int) -> Iterator[Found]:
        """Yield every file with its style and source.

        Raises ArchstyleError where a map names what is not there.
        """
        for part in self.parts:
            begin = self.prefix + (f"{part.name}/" if self.several else "")
            styles, seen = StyleMap(part.styles), set()
            for found in part.photos.files(max_bytes):
                if found.name.casefold() == "sources.csv":
                    found, style = replace(found, reason=found.reason or LISTS_SOURCES), ""
                elif part.styles and not lists_buildings(found.name):
                    mapped = styles.find(found.name)
                    seen.add(mapped)
                    style = part.styles.get(mapped, "")
                    if not mapped and not found.reason:
                        found = Found(found.name, reason=NOT_MAPPED)
                else:
                    style = style_of(found.name) or (part.name if self.loose else "")
                yield replace(found, name=begin + found.name, style=style, source=part.source)
            if part.photos.kind != "git":  # which looks before it downloads
                styles.check(part.photos.location, seen)

    def stamps(self) -> Iterator[str]:
        """Yield what the files, their names and their styles depend on."""
        for part in self.parts:
            yield f"{part.name}\t{part.source}\t{sorted(part.styles.items())}"
            yield from part.photos.stamps()
        yield f"missing\t{self.missing}"


def collect(
    had: Sequence[tuple[Photos | None, Source]], missing: list[str], prefix: str
) -> Collection:
    """Name the sources; those that cannot be had count, so that the names of files stay."""
    places = [
        source.location if source.kind == "git" or photos is None else photos.location
        for photos, source in had
    ]
    parts = []
    for (photos, source), name in zip(had, name_parts(places), strict=True):
        if photos:
            label = repository_of(source.location, name) if source.kind == "git" else name
            parts.append(Part(photos, name, label, source.styles))
    return Collection(parts, missing, len(had) > 1, prefix, loose=bool(prefix))


def name_parts(locations: Iterable[str]) -> list[str]:
    """Return a short name for each source: folder's, archive's or repository's, no two alike."""
    names: list[str] = []
    for location in locations:
        name = location.rstrip("/").removesuffix(".git").rpartition("/")[2]
        name = first = ARCHIVE.sub("", name).lstrip(".@") or "photos"
        taken = {other.casefold() for other in names}
        number = 2
        while name.casefold() in taken:
            name, number = f"{first}-{number}", number + 1
        names.append(name)
    return names


def repository_of(address: str, name: str) -> str:
    """Return owner/name of a repository at an address of a host, else the name."""
    url = urlsplit(address)
    path = url.path if url.netloc else "" if url.scheme else address.partition(":")[2]
    parts = path.removesuffix(".git").strip("/").split("/")
    return "/".join(parts[-2:]) if len(parts) > 1 else name


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
