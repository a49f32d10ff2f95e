"""Several sources as one collection: names that say the source, and styles by a map."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from archstyle.photos.names import LISTS_SOURCES, Found, Photos, lists_buildings, style_of
from archstyle.photos.sources.styles import StyleMap

ARCHIVE = re.compile(r"\.(zip|tar|tgz|tar\.\w+)$", re.IGNORECASE)
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
                is_list = found.name.casefold() == "sources.csv"
                if is_list:
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
