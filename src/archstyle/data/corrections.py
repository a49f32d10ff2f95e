"""Decisions about labels that a person made, in data/corrections.csv.

A row names a photo by its SHA-256 and its perceptual hash, so that it still matches the photo
when it was saved again; `file` is there for the reader only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from archstyle.common.files import read_table
from archstyle.data.duplicates.hash import BITS, mirrored, to_bytes
from archstyle.errors import ArchstyleError

COLUMNS = ("sha256", "phash", "action", "style", "reason", "file")
ACTIONS = ("keep", "relabel", "drop")
# Bits in which a photo that was saved again may differ; as the hash's own rule, whatever
# duplicates.distance is: a wider one must not make old decisions catch other photos.
SAVED_AGAIN = 23


@dataclass(frozen=True)
class Correction:
    """One decision."""

    sha256: str
    phash: str  # 64 hexadecimal digits or empty
    action: str  # keep, relabel or drop
    style: str  # the right style; empty for drop
    reason: str
    file: str


def read_corrections(path: Path) -> list[Correction]:
    """Read the decisions; no file means none. Raises ArchstyleError naming the line."""
    if not path.exists():
        return []
    places: dict[str, str] = {}
    corrections = []
    for place, values in read_table(
        path.read_bytes(), path, COLUMNS, ",".join(COLUMNS), whole=True
    ):
        correction = Correction(*values)
        _check(correction, place)
        for key in filter(None, (correction.sha256, correction.phash)):
            if key in places:
                raise ArchstyleError(
                    f"{places[key]} and l{place[1:]} decide about one photo: remove one of them."
                )
        corrections.append(correction)
        places |= dict.fromkeys((correction.sha256, correction.phash), place)
    return corrections


def _check(correction: Correction, place: str) -> None:
    if correction.action not in ACTIONS:
        raise ArchstyleError(
            f"{place} says {correction.action!r}; the action is one of {', '.join(ACTIONS)}."
        )
    if (correction.action == "drop") == bool(correction.style):
        raise ArchstyleError(f"{place}: keep and relabel name the right style, and drop none.")
    for key, length in ((correction.sha256, 64), (correction.phash, BITS // 4)):
        if key and (len(key) != length or set(key) - set("0123456789abcdef")):
            raise ArchstyleError(f"{place}: {key} is no hash of {length} hexadecimal digits.")
    if not correction.sha256 and not correction.phash:
        raise ArchstyleError(f"{place} names no photo: give its sha256 or its phash.")


def match(
    corrections: Sequence[Correction], sha256s: Sequence[str], phashes: Sequence[str]
) -> dict[int, Correction]:
    """Return which decision concerns which photo, by its index.

    The same bytes come first, then the nearest perceptual hash within SAVED_AGAIN bits.
    """
    exact = {correction.sha256: correction for correction in corrections if correction.sha256}
    matched = {i: exact[sha256] for i, sha256 in enumerate(sha256s) if sha256 in exact}
    found = {correction.sha256 for correction in matched.values()}
    sought = [one for one in corrections if one.phash and one.sha256 not in found]
    if not sought or not phashes:
        return matched
    import faiss

    index = faiss.IndexBinaryFlat(BITS)
    index.add(to_bytes(list(phashes)))
    keys = to_bytes([correction.phash for correction in sought])
    bits, nearest = index.search(np.concatenate([keys, mirrored(keys)]), 1)
    straight, reflected = np.stack([bits[:, 0], nearest[:, 0]], axis=1).reshape(2, -1, 2).tolist()
    for correction, *both in zip(sought, straight, reflected, strict=True):
        fewest, photo = min(both)
        if fewest <= SAVED_AGAIN:
            matched.setdefault(photo, correction)
    return matched
