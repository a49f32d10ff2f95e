"""Which photos show one building, where the user's `buildings.csv` says so.

It lies anywhere among the photos and has the columns `file`, named from the folder in which it
lies, and `building`. Photos of one building are different photographs that share a split.
"""

import csv
import io
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from pathlib import PurePosixPath

from archstyle.errors import ArchstyleError
from archstyle.photos.names import member_name

COLUMNS = ("file", "building")


def match_buildings(lists: Mapping[str, bytes], files: Collection[str]) -> dict[str, str]:
    """Return the building of each file that has one.

    `lists` are the bytes of each buildings.csv by its path, `files` the paths of all files.
    Raises ArchstyleError naming the line where a list is malformed or names what is not there.
    """
    composed = {unicodedata.normalize("NFC", file): file for file in files} if lists else {}
    buildings: dict[str, str] = {}
    missing: list[str] = []
    for path, data in sorted(lists.items()):
        folder = PurePosixPath(path).parent
        for place, named, building in _rows(path, data):
            name = member_name(f"{folder}/{named.replace(chr(92), '/')}")
            file = name if name in files else composed.get(unicodedata.normalize("NFC", name))
            if file is None:
                missing.append(f"{place} names {named}")
            elif buildings.setdefault(file, building) != building:
                raise ArchstyleError(
                    f"{place} says that {named} shows {building}, but it was said to show "
                    f"{buildings[file]}: remove one of the two."
                )
    if missing:
        more = f", and {len(missing) - 1:,} more do alike" if len(missing) > 1 else ""
        raise ArchstyleError(
            f"{missing[0]}, which is not among the photos{more}: correct or remove such lines."
        )
    return buildings


def _rows(path: str, data: bytes) -> Iterator[tuple[str, str, str]]:
    """Yield (place, file, building) of each line that names a building."""
    try:
        text = data.decode("utf-8-sig")
        header = text.partition("\n")[0]
        # What spreadsheets write depends on the country.
        lines = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=header.count))
        columns = [" ".join(name.split()).casefold() for name in next(lines, [])]
        if any(columns.count(column) != 1 for column in COLUMNS):
            raise ArchstyleError(
                f"The first line of {path} must be `file,building`: the photo's path from the "
                "folder in which the list lies, and the building's name."
            )
        file_at, building_at = (columns.index(column) for column in COLUMNS)
        for line in lines:
            padded = [*line, *[""] * len(columns)]
            file = padded[file_at].strip()
            building = unicodedata.normalize("NFC", " ".join(padded[building_at].split()))
            if building and not file:
                raise ArchstyleError(f"Line {lines.line_num} of {path} names no file.")
            if building:
                yield f"Line {lines.line_num} of {path}", file, building
    except UnicodeDecodeError:
        raise ArchstyleError(f"{path} cannot be read as text: save it as CSV in UTF-8.") from None
    except csv.Error as error:
        raise ArchstyleError(
            f"{path} cannot be read as a table ({error}): save it as CSV in UTF-8."
        ) from None
