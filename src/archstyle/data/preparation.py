"""From fetched files to the manifest: what becomes of every file, and why.

Read `make_manifest` from top to bottom; the other functions are its steps.
"""

import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import asdict, dataclass
from itertools import chain
from operator import attrgetter
from typing import Any

import numpy as np

from archstyle.config.schema import Duplicates, Split
from archstyle.data.corrections import Building, Correction, Entry, match
from archstyle.data.duplicates.groups import find_duplicates
from archstyle.data.duplicates.hash import GREY_SIDE, to_bytes
from archstyle.data.entries import Photo, largest, photo_of, place_others, row_of, summarize_others
from archstyle.data.inspection import Inspection
from archstyle.data.manifest import SPLITS, STATUSES, Pair, Row, digest
from archstyle.data.splits import assign_splits, join_buildings, name_group, recall
from archstyle.errors import ArchstyleError
from archstyle.photos.names import TRAIN_ONLY, check_spelling
from archstyle.photos.store import Packed


@dataclass(frozen=True)
class Prepared:
    """What prepare finds out, each sorted by file; rows and photos without those of others."""

    rows: list[Row]
    pairs: list[Pair]
    photos: list[Photo]
    others: list[Row]


def make_manifest(
    entries: Sequence[Packed],
    inspections: Iterable[tuple[Packed, Inspection]],
    corrections: Sequence[Correction],
    duplicates: Duplicates,
    shares: Split,
    previous: Mapping[str, str] | None = None,
    buildings: Sequence[Building] = (),
    others: tuple[Sequence[Packed], Iterable[tuple[Packed, Inspection]]] = ((), ()),
) -> Prepared:
    """Say what becomes of every file.

    What a group's photos show is said by `buildings` and by the user's own list together.
    `previous` is the split of each photo that was in an earlier manifest, by its SHA-256. What
    becomes of `others`, the entries and inspections of buildings of none of the styles, and of
    photos that are TRAIN_ONLY, has no effect on the rest.
    Raises ArchstyleError when the photos cannot be split: none, one style, or too few of a style.
    """
    rows = [row_of(entry, "dropped", entry.reason) for entry in entries if entry.reason]
    photos: list[Photo] = []
    other_rows = [row_of(entry, "dropped", entry.reason) for entry in others[0] if entry.reason]
    other_photos: list[Photo] = []  # first those that are TRAIN_ONLY
    late: list[tuple[Packed, Inspection]] = []
    with tempfile.TemporaryFile() as greys:
        for entry, seen in inspections:
            if seen.reason:
                rows.append(row_of(entry, "broken", seen.reason))
            elif TRAIN_ONLY in entry.file:
                late.append((entry, seen))
            else:
                photos.append(photo_of(entry, seen))
                greys.write(seen.grey)
        if not photos:
            raise ArchstyleError(
                "None of the files is a photo that can be read: data/raw/files.csv lists them; "
                "point ARCHSTYLE_PHOTOS at a folder of photos."
            )
        for entry, seen in chain(late, others[1]):
            if seen.reason:
                other_rows.append(row_of(entry, "broken", seen.reason))
            else:
                other_photos.append(photo_of(entry, seen))
                greys.write(seen.grey)
        count = len(photos)
        hashes = to_bytes([photo.phash for photo in [*photos, *other_photos]])
        greys.flush()
        thumbnails = np.memmap(greys, np.uint8, "r", shape=(len(hashes), 2, GREY_SIDE, GREY_SIDE))
        roots, near = find_duplicates(hashes[:count], thumbnails[:count], duplicates)
        beside = roots
        if other_photos:
            beside, _ = find_duplicates(hashes, thumbnails, duplicates, first=count)
    members: dict[int, list[Photo]] = defaultdict(list)
    for photo, root in zip(photos, roots.tolist(), strict=True):
        members[root].append(photo)
    group_of = {root: name_group(photo.sha256 for photo in of) for root, of in members.items()}
    names = [group_of[root] for root in roots.tolist()]
    groups = {group_of[root]: of_group for root, of_group in members.items()}
    decided = _decide(_about(photos, names, corrections))
    fates: dict[str, tuple[str, str, str]] = {}
    known = {photo.style for photo in photos}
    for group, of_group in groups.items():
        fates |= _fates(of_group, decided.get(group), known)
    # The groups of which a photo is used, with its style.
    styles = {
        group: fates[photo.file][1]
        for photo, group in zip(photos, names, strict=True)
        if fates[photo.file][0] in ("used", "corrected")
    }
    every = {photo.style for photo in photos} | {*styles.values()}
    check_spelling(every)
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
        rows.append(Row(*what, status, reason, building, photo.style, photo.source))
    pairs = [
        Pair(photos[one].file, photos[other].file, bits, bool(roots[one] == roots[other]))
        for one, other, bits in near.tolist()
    ]
    about = dict(_about(other_photos, [photo.sha256 for photo in other_photos], corrections))
    last, every_root, memory = count + len(late), beside.tolist(), previous or {}
    owned = dict(zip(every_root, names, strict=False))
    photos += (more := other_photos[: len(late)])
    rows += place_others(more, every_root[count:last], owned, every, about, shares, memory, True)
    owned = dict.fromkeys(every_root[count:last], "") | owned
    more = other_photos[len(late) :]
    other_rows += place_others(more, every_root[last:], owned, every, about, shares, memory)
    by_file = attrgetter("file")
    photos.sort(key=by_file)
    return Prepared(sorted(rows, key=by_file), pairs, photos, sorted(other_rows, key=by_file))


def _fates(
    members: Sequence[Photo], decision: Correction | None, known: Set[str]
) -> dict[str, tuple[str, str, str]]:
    """Return status, style and reason of each photo of one photograph: one at most is used.

    One that shows a style of another collection, of which `known` has no photo, is dropped.
    """
    styles = sorted({photo.style for photo in members})
    if decision and (decision.action == "drop" or decision.style not in known):
        return {photo.file: ("dropped", photo.style, decision.reason) for photo in members}
    if len(styles) > 1 and not decision:
        if len({photo.source for photo in members}) > 1:
            styles = sorted({f"{photo.style} ({photo.source})" for photo in members})
        reason = f"one photograph lies under {' and '.join(styles)}"
        return {photo.file: ("conflict", photo.style, reason) for photo in members}
    style = decision.style if decision else styles[0]
    kept = largest(members)
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


def summarize(
    rows: Sequence[Row], source: Mapping[str, Any], shares: Split, others: Sequence[Row] = ()
) -> dict[str, Any]:
    """Return what summary.json says; of `others` only where there are some."""
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
        **({"others": summarize_others(others)} if others else {}),
    }
