"""From fetched files to the manifest: what becomes of every file, and why.

Read `make_manifest` from top to bottom; the other functions are its steps.
"""

import re
import tempfile
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from operator import attrgetter
from typing import Any

import numpy as np

from archstyle.config.schema import Duplicates, Split
from archstyle.data.corrections import Building, Correction, Entry, match
from archstyle.data.duplicates.groups import find_duplicates
from archstyle.data.duplicates.hash import GREY_SIDE, to_bytes
from archstyle.data.inspection import Inspection
from archstyle.data.manifest import SPLITS, STATUSES, Pair, Row, digest
from archstyle.data.splits import assign_splits, join_buildings, name_group, recall
from archstyle.errors import ArchstyleError
from archstyle.photos.names import style_of
from archstyle.photos.store import Packed

PHOTO_COLUMNS = ("file", "bytes", "width", "height", "format")


@dataclass(frozen=True, slots=True)
class Photo:
    """A sound photo on its way into the manifest; width and height are the file's, in pixels."""

    file: str
    style: str  # the folder's
    sha256: str
    building: str
    bytes: int
    phash: str
    width: int
    height: int
    format: str


@dataclass(frozen=True)
class Prepared:
    """What prepare finds out, each sorted by file."""

    rows: list[Row]
    pairs: list[Pair]
    photos: list[Photo]


def make_manifest(
    entries: Sequence[Packed],
    inspections: Iterable[tuple[Packed, Inspection]],
    corrections: Sequence[Correction],
    duplicates: Duplicates,
    shares: Split,
    previous: Mapping[str, str] | None = None,
    buildings: Sequence[Building] = (),
) -> Prepared:
    """Say what becomes of every file.

    What a group's photos show is said by `buildings` and by the user's own list together.
    `previous` is the split of each photo that was in an earlier manifest, by its SHA-256.
    Raises ArchstyleError when the photos cannot be split: none, one style, or too few of a style.
    """
    rows = [_row(entry, "dropped", entry.reason) for entry in entries if entry.reason]
    photos: list[Photo] = []
    with tempfile.TemporaryFile() as greys:
        for entry, seen in inspections:
            if seen.reason:
                rows.append(_row(entry, "broken", seen.reason))
            else:
                photos.append(_photo(entry, seen))
                greys.write(seen.grey)
        if not photos:
            raise ArchstyleError(
                "None of the files is a photo that can be read: data/raw/files.csv lists them; "
                "point ARCHSTYLE_PHOTOS at a folder of photos."
            )
        hashes = to_bytes([photo.phash for photo in photos])
        greys.flush()
        thumbnails = np.memmap(greys, np.uint8, "r", shape=(len(photos), GREY_SIDE, GREY_SIDE))
        roots, near = find_duplicates(hashes, thumbnails, duplicates)
    members: dict[int, list[Photo]] = defaultdict(list)
    for photo, root in zip(photos, roots.tolist(), strict=True):
        members[root].append(photo)
    group_of = {root: name_group(photo.sha256 for photo in of) for root, of in members.items()}
    names = [group_of[root] for root in roots.tolist()]
    groups = {group_of[root]: of_group for root, of_group in members.items()}
    decided = _decide(_about(photos, names, corrections))
    fates: dict[str, tuple[str, str, str]] = {}
    for group, of_group in groups.items():
        fates |= _fates(of_group, decided.get(group))
    # The groups of which a photo is used, with its style.
    styles = {
        group: fates[photo.file][1]
        for photo, group in zip(photos, names, strict=True)
        if fates[photo.file][0] in ("used", "corrected")
    }
    _check_spelling({photo.style for photo in photos} | {*styles.values()})
    if len(found := sorted({*styles.values()})) < 2:
        raise ArchstyleError(
            f"The photos show {'one style only, ' + found[0] if found else 'no style'}: "
            "add a folder of photos for each style that is to be told from the others."
        )
    remembered = {
        group: recall((photo.sha256 for photo in groups[group]), previous or {}) for group in styles
    }
    shown = {
        group: {photo.building for photo in of_group if photo.building}
        for group, of_group in groups.items()
    }
    for group, listed in _about(photos, names, buildings):
        shown[group].add(listed.building)
    together = join_buildings({group: shown[group] for group in styles})
    splits = assign_splits(styles, shares, remembered, together)
    for photo, group in zip(photos, names, strict=True):
        status, style, reason = fates[photo.file]
        split = splits[group] if status in ("used", "corrected") else ""
        building = photo.building or min(shown[group], default="")
        what = (photo.file, style, photo.sha256, photo.phash, group, split)
        rows.append(Row(*what, status, reason, building))
    pairs = [
        Pair(photos[one].file, photos[other].file, bits, bool(roots[one] == roots[other]))
        for one, other, bits in near.tolist()
    ]
    return Prepared(sorted(rows, key=attrgetter("file")), pairs, photos)


def _fates(
    members: Sequence[Photo], decision: Correction | None
) -> dict[str, tuple[str, str, str]]:
    """Return status, style and reason of each photo of one photograph: one at most is used."""
    styles = sorted({photo.style for photo in members})
    if decision and decision.action == "drop":
        return {photo.file: ("dropped", photo.style, decision.reason) for photo in members}
    if len(styles) > 1 and not decision:
        reason = f"one photograph lies under {' and '.join(styles)}"
        return {photo.file: ("conflict", photo.style, reason) for photo in members}
    style = decision.style if decision else styles[0]
    kept = min(members, key=lambda photo: (-photo.width * photo.height, photo.sha256, photo.file))
    fates = {photo.file: ("duplicate", style, f"duplicate of {kept.file}") for photo in members}
    fates[kept.file] = "used", style, ""
    if decision and kept.style != style:
        reason = f"relabelled from {kept.style}: {decision.reason}"
        fates[kept.file] = "corrected", style, reason
    return fates


def _decide(about: Iterable[tuple[str, Correction]]) -> dict[str, Correction]:
    """Return the decision about each photograph that there is one about."""
    decided: dict[str, Correction] = {}
    for group, correction in about:
        other = decided.setdefault(group, correction)
        if (other.action == "drop", other.style) != (correction.action == "drop", correction.style):
            raise ArchstyleError(
                f"data/corrections.csv decides twice about one photograph ({other.file} and "
                f"{correction.file}), and not the same: remove one of the rows."
            )
    return decided


def _about(
    photos: Sequence[Photo], groups: Sequence[str], entries: Sequence[Entry]
) -> list[tuple[str, Entry]]:
    """Return the group and the entry wherever an entry is about one of the photos."""
    sha256s, phashes = [photo.sha256 for photo in photos], [photo.phash for photo in photos]
    return [(groups[index], entry) for index, entry in match(entries, sha256s, phashes).items()]


def _check_spelling(styles: set[str]) -> None:
    same: dict[str, str] = {}
    for style in sorted(styles):
        key = re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", style)).casefold() or style
        if (other := same.setdefault(key, style)) != style:
            raise ArchstyleError(
                f"The styles {other} and {style} are spelt nearly alike: give their folders (or "
                "what data/corrections.csv says) one name, or names that differ in letters."
            )


def _photo(entry: Packed, seen: Inspection) -> Photo:
    entered = (entry.file, style_of(entry.file) or "", entry.sha256, entry.building, entry.bytes)
    return Photo(*entered, seen.phash.hex(), seen.width, seen.height, seen.format)


def _row(entry: Packed, status: str, reason: str) -> Row:
    named = entry.file, style_of(entry.file) or "", entry.sha256, "", "", ""
    return Row(*named, status, reason, entry.building)


def summarize(rows: Sequence[Row], source: Mapping[str, Any], shares: Split) -> dict[str, Any]:
    """Return what summary.json says."""
    taken = [row for row in rows if row.split]
    styles = sorted({row.style for row in taken})
    counts = Counter((row.style, row.split) for row in taken)
    statuses = Counter(row.status for row in rows)
    return {
        "styles": styles,
        "counts": {style: {split: counts[style, split] for split in SPLITS} for style in styles},
        "status": {status: statuses[status] for status in STATUSES},
        "digest": digest(rows),
        "shares": asdict(shares),
        "source": dict(source),
    }
