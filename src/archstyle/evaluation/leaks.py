"""Refuses to measure what the model may have been trained on."""

from collections.abc import Sequence

from archstyle.data.manifest import Row
from archstyle.errors import ArchstyleError


class LeakError(ArchstyleError):
    """One photograph lies in two splits."""


def check_splits(rows: Sequence[Row]) -> None:
    """Raise LeakError where photos of one group or building, or one file twice, lie apart."""
    leaks = []
    for key in ("group", "sha256", "building"):
        seen: dict[str, Row] = {}
        for row in sorted(rows, key=lambda row: row.file):
            value = getattr(row, key)
            if not row.split or not value:
                continue
            other = seen.setdefault(value, row)
            if other.split != row.split:
                leaks.append((other, row, "building" if key == "building" else "photograph"))
    if leaks:
        one, two, what = leaks[0]
        pairs = "1 pair" if len(leaks) == 1 else f"{len(leaks)} pairs"
        raise LeakError(
            f"Not measured, because the result would be too good: `{one.file}` ({one.split}) and "
            f"`{two.file}` ({two.split}) show the same {what} ({pairs} of this kind in "
            "data/prepared/manifest.csv). Run `dvc repro --force prepare`, then train again."
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
