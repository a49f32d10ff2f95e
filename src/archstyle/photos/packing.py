"""Writes data/raw from a source, a photo at a time."""

import csv
import hashlib
import heapq
import json
import zipfile
from collections import defaultdict
from dataclasses import asdict, replace
from operator import attrgetter
from pathlib import Path

from archstyle.common.console import progress
from archstyle.errors import ArchstyleError
from archstyle.photos.buildings import match_buildings
from archstyle.photos.names import lists_buildings, style_of
from archstyle.photos.reader import is_photo
from archstyle.photos.sources.found import Photos
from archstyle.photos.store import COLUMNS, Origin, Packed


def pack(
    photos: Photos, directory: Path, limit: int | None, max_bytes: int, *, anywhere: bool = False
) -> Origin:
    """Write every photo into `directory`; memory grows with the names alone.

    `limit` photos of each style are packed, those with the smallest SHA-256, so that a sample
    stays nearly the same when photos are added. With `anywhere` photos need not lie in a style's
    folder. Raises ArchstyleError when there is no photo.
    """
    chosen = None if limit is None else _sample(photos, limit, max_bytes)
    entries: list[Packed] = []
    names: set[str] = set()
    lists: dict[str, bytes] = {}
    any_photo = False
    with (
        (directory / "photos.zip").open("wb") as file,
        zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive,
    ):
        for found in progress(photos.files(max_bytes), "fetch"):
            name = _unused(found.name, names)
            names.add(name)
            unsorted = not anywhere and style_of(name) is None and not lists_buildings(name)
            if found.data is None or unsorted:
                entries.append(Packed(name, reason=found.reason or "lies in no style's folder"))
                continue
            digest = hashlib.sha256(found.data).hexdigest()
            if lists_buildings(name):
                lists[name] = found.data
                entries.append(Packed(name, len(found.data), digest, reason="lists the buildings"))
                continue
            if chosen is not None and (digest, found.name) not in chosen:
                entries.append(
                    Packed(name, len(found.data), digest, reason=f"beyond data.limit={limit}")
                )
                continue
            any_photo = any_photo or is_photo(found.data)
            archive.writestr(zipfile.ZipInfo(name), found.data)
            entries.append(Packed(name, len(found.data), digest, file.tell() - len(found.data)))
    if not any_photo:
        raise ArchstyleError(
            f"{photos.location} holds no photo."
            if anywhere
            else f"{photos.location} holds no photo that lies in a style's folder: "
            "put the photos into one folder a style, as in photos/gothic/1.jpg."
        )
    buildings = match_buildings(lists, names)
    if buildings:
        entries = [replace(entry, building=buildings.get(entry.file, "")) for entry in entries]
    entries.sort(key=lambda entry: entry.file)
    origin = Origin(
        kind=photos.kind,
        location=photos.location,
        drawn=photos.kind == "facades",
        files=len(entries),
        digest=_digest(entries),
    )
    with (directory / "files.csv").open("w", encoding="utf-8", newline="") as listing:
        writer = csv.writer(listing, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(map(attrgetter(*COLUMNS), entries))
    (directory / "source.json").write_text(
        json.dumps(asdict(origin), indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    return origin


def _sample(photos: Photos, limit: int, max_bytes: int) -> set[tuple[str, str]]:
    """Go through the photos once to find the `limit` of each style to take."""
    found: dict[str | None, list[tuple[str, str]]] = defaultdict(list)
    for file in progress(photos.files(max_bytes), "sample"):
        if file.data is not None and not lists_buildings(file.name):
            found[style_of(file.name)].append((hashlib.sha256(file.data).hexdigest(), file.name))
    return {key for keys in found.values() for key in heapq.nsmallest(limit, keys)}


def _unused(name: str, names: set[str]) -> str:
    """Keep apart two files of one name, which archives may hold and escaping may make."""
    free, count = name, 2
    while free in names:
        free, count = f"{name}~{count}", count + 1
    return free


def _digest(entries: list[Packed]) -> str:
    digest = hashlib.sha256()
    for entry in entries:
        if not entry.reason:
            building = f"\0{entry.building}" if entry.building else ""
            digest.update(f"{entry.file}\0{entry.sha256}{building}\n".encode())
    return digest.hexdigest()
