"""Refuses to measure what the model may have been trained on."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from archstyle.data.duplicates.pairs import Pair
from archstyle.data.manifest import Row
from archstyle.errors import ArchstyleError


class LeakError(ArchstyleError):
    """One photograph lies in two splits."""


@dataclass(frozen=True)
class Leak:
    """Two photos in two splits that show the same `what`: a photograph or a building."""

    one: Row
    other: Row
    what: str


def find_leaks(rows: Sequence[Row], pairs: Iterable[Pair] = ()) -> list[Leak]:
    """Return the photos of one group or building, the files there twice and the pairs, apart."""
    leaks = []
    for key in ("group", "sha256", "building"):
        seen: dict[str, Row] = {}
        for row in sorted(rows, key=lambda row: row.file):
            value = getattr(row, key)
            if not row.split or not value:
                continue
            other = seen.setdefault(value, row)
            if other.split != row.split:
                what = "building" if key == "building" else "photograph"
                leaks.append(Leak(other, row, what))
    # A copy is in no split itself, but what it shows is.
    shown = {row.group: row for row in rows if row.split}
    groups = {row.file: row.group for row in rows if row.group in shown}
    for pair in pairs:
        if pair.same and pair.file in groups and pair.other in groups:
            one, two = shown[groups[pair.file]], shown[groups[pair.other]]
            if one.split != two.split:
                leaks.append(Leak(one, two, "photograph"))
    return leaks


def check_splits(rows: Sequence[Row], pairs: Iterable[Pair] = ()) -> None:
    """Raise LeakError where anything that belongs together lies in two splits."""
    leaks = find_leaks(rows, pairs)
    if leaks:
        first = leaks[0]
        number = "1 pair" if len(leaks) == 1 else f"{len(leaks)} pairs"
        raise LeakError(
            f"Not measured, because the result would be too good: `{first.one.file}` "
            f"({first.one.split}) and `{first.other.file}` ({first.other.split}) show the same "
            f"{first.what} ({number} of this kind in data/prepared/manifest.csv). Run "
            "`dvc repro --force prepare`, then train again."
        )


def check_data(trained_on: str, prepared: str) -> None:
    """Raise LeakError where the bundle was trained on other data than the splits are of.

    What is a test photo now may have been a training photo then.
    """
    if trained_on != prepared:
        raise LeakError(
            "Not measured: models/bundle was trained on other data than data/prepared holds, so "
            "its training photos may be among the test photos. Run `dvc repro train`."
        )
