"""photos.csv: the size and format of every sound photo, for the report on the data."""

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path

from archstyle.data.inspection import Inspection
from archstyle.photos.store import Packed

COLUMNS = ("file", "bytes", "width", "height", "format")


def note_facts(
    path: Path, looked: Iterable[tuple[Packed, Inspection]]
) -> Iterator[tuple[Packed, Inspection]]:
    """Pass on what is inspected, and write a line of each sound photo as it comes by.

    Width and height are the file's own, in pixels, before the photo is turned upright.
    """
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for entry, seen in looked:
            if not seen.reason:
                writer.writerow((entry.file, entry.bytes, seen.width, seen.height, seen.format))
            yield entry, seen
