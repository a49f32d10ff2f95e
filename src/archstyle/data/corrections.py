"""What a person knows of photos: their right styles (data/corrections.csv), their buildings.

A row names a photo by its SHA-256 and its perceptual hash, so that it still matches the photo
when it was saved again; `file` is there for the reader only.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from archstyle.common.files import read_table
from archstyle.data.duplicates.hash import BITS, mirrored, to_bytes
from archstyle.errors import ArchstyleError

COLUMNS = ("sha256", "phash", "action", "style", "reason", "file")
BUILDING_COLUMNS = ("sha256", "phash", "building", "file")
ACTIONS = ("keep", "relabel", "drop")
# Bits in which a photo that was saved again may differ; as the hash's own rule, whatever
# duplicates.distance is: a wider one must not make old decisions catch other photos.
SAVED_AGAIN = 23


@dataclass(frozen=True)
class Keyed:
    """What is known of one photo."""

    sha256: str
    phash: str  # 64 hexadecimal digits or empty


@dataclass(frozen=True)
class Correction(Keyed):
    """One decision about a label."""

    action: str  # keep, relabel or drop
    style: str  # the right style; empty for drop
    reason: str
    file: str


@dataclass(frozen=True)
class Building(Keyed):
    """The building that a photo shows."""

    building: str
    file: str


Entry = TypeVar("Entry", bound=Keyed)


def read_corrections(path: Path) -> list[Correction]:
    """Read the decisions; no file means none. Raises ArchstyleError naming the line."""
    corrections = []
    for place, values in _read(path, COLUMNS):
        correction = Correction(*values)
        if correction.action not in ACTIONS:
            raise ArchstyleError(
                f"{place} says {correction.action!r}; the action is one of {', '.join(ACTIONS)}."
            )
        if (correction.action == "drop") == bool(correction.style):
            raise ArchstyleError(f"{place}: keep and relabel name the right style, and drop none.")
        corrections.append(correction)
    return corrections


def read_buildings(path: Path) -> list[Building]:
    """Read which photos show one building; no file means none. Raises as read_corrections."""
    buildings = []
    for place, values in _read(path, BUILDING_COLUMNS):
        buildings.append(Building(*values))
        if not buildings[-1].building:
            raise ArchstyleError(f"{place} names no building.")
    return buildings


def _read(path: Path, columns: tuple[str, ...]) -> Iterator[tuple[str, list[str]]]:
    """Yield the place and the values of each line; sha256 and phash are the first two."""
    if not path.exists():
        return
    data, places = path.read_bytes(), dict[str, str]()
    for place, values in read_table(data, path, columns, ",".join(columns), whole=True):
        keys = [key for key in values[:2] if key]
        for key, length in zip(values, (64, BITS // 4), strict=False):
            if key and (len(key) != length or set(key) - set("0123456789abcdef")):
                raise ArchstyleError(f"{place}: {key} is no hash of {length} hexadecimal digits.")
        if not keys:
            raise ArchstyleError(f"{place} names no photo: give its sha256 or its phash.")
        for key in keys:
            if key in places:
                raise ArchstyleError(
                    f"{places[key]} and l{place[1:]} are about one photo: remove one of them."
                )
        places |= dict.fromkeys(keys, place)
        yield place, values


def match(
    entries: Sequence[Entry], sha256s: Sequence[str], phashes: Sequence[str]
) -> dict[int, Entry]:
    """Return which entry is about which photo, by its index.

    The same bytes come first, then the nearest perceptual hash within SAVED_AGAIN bits.
    """
    exact = {entry.sha256: entry for entry in entries if entry.sha256}
    matched = {i: exact[sha256] for i, sha256 in enumerate(sha256s) if sha256 in exact}
    found = {entry.sha256 for entry in matched.values()}
    sought = [entry for entry in entries if entry.phash and entry.sha256 not in found]
    if not sought or not phashes:
        return matched
    import faiss

    index = faiss.IndexBinaryFlat(BITS)
    index.add(to_bytes(list(phashes)))
    keys = to_bytes([entry.phash for entry in sought])
    bits, nearest = index.search(np.concatenate([keys, mirrored(keys)]), 1)
    straight, reflected = np.stack([bits[:, 0], nearest[:, 0]], axis=1).reshape(2, -1, 2).tolist()
    for entry, *both in zip(sought, straight, reflected, strict=True):
        fewest, photo = min(both)
        if fewest <= SAVED_AGAIN:
            matched.setdefault(photo, entry)
    return matched
