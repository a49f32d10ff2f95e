"""Decisions about labels that a person made, in data/corrections.csv.

A row names a photo by its SHA-256 and its perceptual hash, so that it still matches the photo
when it was saved again; `file` is there for the reader only.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from archstyle.data.duplicates.hash import BITS, mirrored, to_bytes
from archstyle.errors import ArchstyleError

COLUMNS = ("sha256", "phash", "action", "style", "reason", "file")
ACTIONS = ("keep", "relabel", "drop")


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
    with path.open(encoding="utf-8", newline="") as file:
        lines = [line for line in csv.reader(file) if line]
    if not lines or tuple(lines[0]) != COLUMNS:
        raise ArchstyleError(f"The first line of {path} must be {','.join(COLUMNS)}.")
    return [_correction(line, f"Line {n} of {path}") for n, line in enumerate(lines[1:], start=2)]


def _correction(line: list[str], place: str) -> Correction:
    if len(line) != len(COLUMNS):
        raise ArchstyleError(f"{place} has {len(line)} values in place of {len(COLUMNS)}.")
    correction = Correction(*(" ".join(value.split()) for value in line))
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
    return correction


def match(
    corrections: Sequence[Correction], sha256s: Sequence[str], phashes: Sequence[str], distance: int
) -> dict[int, Correction]:
    """Return which decision concerns which photo, by its index.

    The same bytes come first, then the nearest perceptual hash within `distance` bits.
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
        if fewest <= distance:
            matched.setdefault(photo, correction)
    return matched
