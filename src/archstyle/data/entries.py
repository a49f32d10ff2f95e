"""Files on their way from data/raw into the manifest, and what becomes of data.others.

These are buildings of none of the styles, to learn what to reject from. As they, TRAIN_ONLY photos,
such as visitors of the page send, have no effect on the rows of the styles' own photos: nobody
measures with labels that nobody knows.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from archstyle.config.schema import Split
from archstyle.data.corrections import Correction
from archstyle.data.inspection import Inspection
from archstyle.data.manifest import OTHER, SPLITS, Row, others
from archstyle.data.splits import name_group, recall, split_of
from archstyle.photos.names import building_of, spelling
from archstyle.photos.store import Packed

PHOTO_COLUMNS = ("file", "bytes", "width", "height", "format")


@dataclass(frozen=True, slots=True)
class Photo:
    """A sound photo on its way into the manifest; width and height are the file's, in pixels."""

    file: str
    style: str  # as labelled
    sha256: str
    building: str
    source: str
    bytes: int
    phash: str
    width: int
    height: int
    format: str


def photo_of(entry: Packed, seen: Inspection) -> Photo:
    """Return what is known of a sound photo."""
    building = entry.building or building_of(entry.file)
    told = entry.file, entry.style, entry.sha256, building, entry.source, entry.bytes
    return Photo(*told, seen.phash.hex(), seen.width, seen.height, seen.format)


def row_of(entry: Packed, status: str, reason: str) -> Row:
    """Return the row of a file that is no sound photo."""
    told = entry.file, entry.style, entry.sha256, "", "", "", status, reason
    return Row(*told, entry.building, entry.style, entry.source)


def largest(photos: Sequence[Photo]) -> Photo:
    """Return the one of a photograph's photos that is used."""
    return min(photos, key=lambda photo: (-photo.width * photo.height, photo.sha256, photo.file))


def place_others(
    photos: Sequence[Photo],
    roots: Sequence[int],
    owned: Mapping[int, str],
    styles: Collection[str],
    decided: Mapping[str, Correction],
    shares: Split,
    previous: Mapping[str, str],
    train_only: bool = False,
) -> list[Row]:
    """Return the row of each sound photo: one of each photograph gets the status OTHER.

    `roots` are the numbers of the photos' duplicate groups, `owned` those of the styles' own photos
    with their names. `decided` are corrections by SHA-256. What shows a photograph or a style of
    the own ones is dropped. Photographs are split by the same hash.
    With `train_only` they are used for training; dropped are those that show a photograph of the
    own ones, no style of theirs, or were measured on before.
    """
    spelt = {spelling(style): style for style in sorted(styles)}
    members: dict[int, list[Photo]] = defaultdict(list)
    for photo, root in zip(photos, roots, strict=True):
        members[root].append(photo)
    rows = []
    for root, of_group in members.items():
        sha256s = [photo.sha256 for photo in of_group]
        group = owned.get(root) or name_group(sha256s)
        split = recall(sha256s, previous) or ("train" if train_only else split_of(group, shares))
        decision = next((decided[one] for one in sha256s if one in decided), None)
        shown = {decision.style} if decision else {photo.style for photo in of_group}
        named = sorted(spelt[key] for key in map(spelling, shown) if key in spelt)
        kept = largest(of_group)
        for photo in of_group:
            style = decision.style if decision and decision.style else photo.style
            status, reason = "dropped", ""
            if root in owned:
                reason = "shows a photograph that is among those of the styles"
            elif decision and decision.action == "drop":
                reason = decision.reason
            elif named and not train_only:
                reason = f"shows the style {named[0]}, which is one of those that are told apart"
            elif train_only and split != "train":
                reason = f"was in {split} before"
            elif train_only and not len(named) == len(shown) == 1:
                reason = "shows two styles, or one that no other photo shows"
            elif photo is kept:
                status = "used" if train_only else OTHER
            else:
                status, reason = "duplicate", f"duplicate of {kept.file}"
            style = named[0] if train_only and named else style
            what = photo.file, style, photo.sha256, photo.phash, group
            placed = split if status in (OTHER, "used") else ""
            rows.append(Row(*what, placed, status, reason, "", photo.style, photo.source))
    return rows


def summarize_others(rows: Sequence[Row]) -> dict[str, Any]:
    """Return what summary.json says of them: photos by style and split, statuses and a digest."""
    splits = [(split, row) for split in SPLITS for row in others(rows, split)]
    counts = Counter((row.style, split) for split, row in splits)
    text = "".join(f"{split}\0{row.style}\0{row.sha256}\n" for split, row in splits)
    return {
        "counts": {
            style: {split: counts[style, split] for split in SPLITS}
            for style in sorted({row.style for _, row in splits})
        },
        "status": dict(sorted(Counter(row.status for row in rows).items())),
        "digest": hashlib.sha256(text.encode()).hexdigest(),
    }
