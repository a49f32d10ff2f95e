"""Writes data/raw from a source, a photo at a time.

Which photos show one building is said by the user's `buildings.csv`, which lies anywhere among
the photos and has the columns `file`, named from the folder in which it lies, and `building`.
Photos of one building are different photographs that share a split. Which repository each photo
comes from is said by a `sources.csv` at the top of a source, with the columns `file`, named from
there or, beginning with its name, in another source of the collection, and `repository`.
"""

import hashlib
import unicodedata
import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from pathlib import Path, PurePosixPath

from archstyle.common.console import progress, warn
from archstyle.common.files import read_table, write_csv, write_json
from archstyle.errors import ArchstyleError
from archstyle.photos.names import (
    LISTS_SOURCES,
    Found,
    Photos,
    lists_buildings,
    member_name,
    style_of,
    why_skipped,
)
from archstyle.photos.reader import is_photo
from archstyle.photos.sources.collection import Collection
from archstyle.photos.store import OF_OTHERS, Origin, Packed, PhotoStore, read_packed, write_entries

UNSORTED = "lies in no style's folder"
NO_PHOTO = "no photo in a format that can be read"
MEANING = (
    "`file,building`: the photo's path from the folder in which the list lies, and the building's "
    "name"
)
OF_REPOSITORIES = "`file,repository`: the photo's path and where it comes from"


def pack(
    photos: Photos, directory: Path, limit: int | None, max_bytes: int, *, anywhere: bool = False
) -> Origin:
    """Write every photo into `directory`; memory grows with the names alone.

    `limit` photos of each style are packed, those with the smallest SHA-256, so that a sample
    stays nearly the same when photos are added. With `anywhere` photos need not lie in a style's
    folder. Raises ArchstyleError when there is no photo.
    """
    chosen = None if limit is None else _sample(photos, limit, max_bytes)
    packed: dict[str, Packed] = {}
    etags: list[tuple[str, str]] = []
    lists: dict[str, bytes] = {}
    shown: set[str] = set()  # styles
    no_photos: set[str] = set()
    with (directory / "photos.zip").open("wb") as file, zipfile.ZipFile(file, "w") as archive:
        for found in progress(photos.files(max_bytes), "fetch"):
            name, count = found.name, 2
            while name in packed:  # an archive may hold two files of one name, escaping make them
                name, count = f"{found.name}~{count}", count + 1
            if found.etag:
                etags.append((name, found.etag))
            style, is_list = _style(found), lists_buildings(name)
            if found.data is None or not (anywhere or style or is_list or found.reason):
                packed[name] = Packed(
                    name, reason=found.reason or UNSORTED, style=style, source=found.source
                )
                continue
            digest, offset, reason = hashlib.sha256(found.data).hexdigest(), -1, ""
            if is_list:
                lists[name], reason = found.data, "lists the buildings"
            elif chosen is not None and (digest, found.name) not in chosen and not found.reason:
                reason = f"beyond data.limit={limit}"
            else:
                archive.writestr(zipfile.ZipInfo(name), found.data)
                offset, reason = file.tell() - len(found.data), found.reason
                if not reason and style not in shown:  # one photo of each is enough to know
                    if is_photo(found.data):
                        shown.add(style)
                    else:
                        no_photos.add(name)
            packed[name] = Packed(
                name, len(found.data), digest, offset, reason, "", style, found.source
            )
    _check_taken(photos.location, packed, no_photos, anywhere)
    for name, building in match_buildings(lists, packed).items():
        packed[name] = replace(packed[name], building=building)
    entries = [packed[name] for name in sorted(packed)]
    of_photos = hashlib.sha256()
    for entry in entries:
        if not entry.reason:  # a style counts where the folder says another one, or none
            mapped = "" if entry.style == (style_of(entry.file) or "") else f"style {entry.style}"
            facts = entry.file, entry.sha256, entry.building, mapped
            of_photos.update(("\0".join(filter(None, facts)) + "\n").encode())
    where = photos.kind, photos.location, photos.kind == "facades"
    several = (photos.missing, photos.sources) if isinstance(photos, Collection) else ()
    origin = Origin(*where, len(entries), of_photos.hexdigest(), *several)
    write_entries(directory, entries)
    if etags:
        write_csv(directory / "etags.csv", ("file", "etag"), sorted(etags))
    write_json(directory / "source.json", asdict(origin), indent=2)
    return origin


def _style(found: Found) -> str:
    return (style_of(found.name) if found.style is None else found.style) or ""


def _sample(photos: Photos, limit: int, max_bytes: int) -> set[tuple[str, str]]:
    """Go through the photos once to find the `limit` of each style to take."""
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for file in progress(photos.files(max_bytes), "sample"):
        if file.data is not None and not file.reason and not lists_buildings(file.name):
            found[_style(file)].append((hashlib.sha256(file.data).hexdigest(), file.name))
    return {key for keys in found.values() for key in sorted(keys)[:limit]}


def _check_taken(
    location: str, packed: Mapping[str, Packed], no_photos: set[str], anywhere: bool
) -> None:
    """Raise ArchstyleError where no photo was taken, and warn of styles of which none was."""
    reasons: dict[str, Counter[str]] = defaultdict(Counter)
    for name, entry in packed.items():
        if not (why_skipped(name) or lists_buildings(name) or entry.reason == LISTS_SOURCES):
            reasons[entry.style][entry.reason or (NO_PHOTO if name in no_photos else "")] += 1
    every = sum(reasons.values(), Counter())
    if every[""]:
        for style, of_style in sorted((s, c) for s, c in reasons.items() if s and not c[""]):
            warn(f"No photo of {style} in {location} can be used. {_most(of_style)}")
    elif anywhere or (every and max(every, key=every.__getitem__) != UNSORTED):
        raise ArchstyleError(f"{location} holds no photo that can be used. {_most(every)}")
    else:
        raise ArchstyleError(
            f"{location} holds no photo that lies in a style's folder: "
            "put the photos into one folder a style, as in photos/gothic/1.jpg."
        )


def _most(reasons: Counter[str]) -> str:
    """Say what is most often the reason why files are not taken."""
    if not reasons:
        return "It is empty."
    reason, count = reasons.most_common(1)[0]
    return f"Not taken: {count:,} of {reasons.total():,} files, because: {reason}."


def match_buildings(lists: Mapping[str, bytes], files: Iterable[str]) -> dict[str, str]:
    """Return the building of each file that has one.

    `lists` are the bytes of each buildings.csv by its path, `files` the paths of all files.
    Raises ArchstyleError naming the line where a list is malformed or names what is not there.
    """
    composed = {unicodedata.normalize("NFC", file): file for file in files} if lists else {}
    buildings: dict[str, str] = {}
    missing: list[str] = []
    for path, data in sorted(lists.items()):
        folder = PurePosixPath(path).parent
        for place, (named, building) in read_table(data, path, ("file", "building"), MEANING):
            if not building:
                continue
            if not named:
                raise ArchstyleError(f"{place} names no file.")
            name = member_name(f"{folder}/{named.replace(chr(92), '/')}")
            file = composed.get(unicodedata.normalize("NFC", name))
            if file is None:
                missing.append(f"{place} names {named}")
            elif buildings.setdefault(file, building) != building:
                raise ArchstyleError(
                    f"{place} says that {named} shows {building}, but it was said to show "
                    f"{buildings[file]}: remove one of the two."
                )
    if missing:
        more = f", and {len(missing) - 1:,} more do alike" if missing[1:] else ""
        raise ArchstyleError(
            f"{missing[0]}, which is not among the photos{more}: correct or remove such lines."
        )
    return buildings


def tell_repositories(directories: Iterable[Path]) -> None:
    """Name in each files.csv the repository in place of the source where a list tells it.

    Raises ArchstyleError where a list is malformed; what it says of other files is ignored.
    """
    stores = {directory: PhotoStore(directory) for directory in directories}
    told: dict[tuple[str, str], str] = {}
    beside: dict[tuple[str, str], str] = {}
    for store in stores.values():
        for entry in store.entries:
            if entry.reason == LISTS_SOURCES:
                own, data = _place(entry, store)[0], read_packed(store.archive, entry)
                lines = read_table(data, entry.file, ("file", "repository"), OF_REPOSITORIES)
                for _, (file, name) in lines:
                    folder, _, path = file.partition("/")
                    if name:
                        told[own, file] = beside[folder, path] = name
    told = beside | told
    for directory, store in stores.items() if told else ():
        places = ((entry, told.get(_place(entry, store), "")) for entry in store.entries)
        write_entries(directory, (replace(of, source=name or of.source) for of, name in places))


def _place(entry: Packed, store: PhotoStore) -> tuple[str, str]:
    """Return the name of a file's source and its path there."""
    path = entry.file.removeprefix(OF_OTHERS)
    name, _, below = path.partition("/") if store.source.sources else (entry.source, "", path)
    return name, " ".join(unicodedata.normalize("NFC", below).split())  # as tables are read
