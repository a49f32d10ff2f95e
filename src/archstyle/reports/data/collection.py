"""Everything that the stages before left about a collection."""

import csv
import heapq
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from archstyle.data.manifest import Pair, Row, read_manifest, read_pairs
from archstyle.errors import ArchstyleError
from archstyle.reports.data.tallies import photographs

SHOWN = 24  # on either side of the threshold


@dataclass(frozen=True, slots=True)
class Facts:
    """What a sound photo's file says of itself."""

    bytes: int
    width: int  # pixels, before the photo is turned upright
    height: int
    format: str


@dataclass(frozen=True)
class Alike:
    """What the pairs of photos that look alike show about the threshold."""

    same: Counter[int] = field(default_factory=Counter)  # pairs by bits
    apart: Counter[int] = field(default_factory=Counter)
    farthest: list[Pair] = field(default_factory=list)  # of one photograph, the most bits first
    nearest: list[Pair] = field(default_factory=list)  # of two, the fewest bits first


@dataclass(frozen=True)
class Collection:
    """A prepared collection."""

    rows: Sequence[Row]
    summary: Mapping[str, Any]  # data/prepared/summary.json
    facts: Mapping[str, Facts]  # of each sound photo
    alike: Alike
    distance: int  # bits up to which two photos are one photograph

    @cached_property
    def groups(self) -> dict[str, list[Row]]:
        """The photos of each photograph, by group; the one that is used comes first."""
        return photographs(self.rows)

    @property
    def drawn(self) -> bool:
        """Whether these are drawn facades, no photos."""
        return bool(self.summary["source"]["drawn"])


def read_collection(prepared: Path, distance: int) -> Collection:
    """Read data/prepared; raises ArchstyleError that names the stage to repeat."""
    try:
        summary = json.loads((prepared / "summary.json").read_text("utf-8"))
        facts = _read_facts(prepared / "photos.csv")
    except (OSError, ValueError, TypeError) as error:
        raise ArchstyleError(
            f"{prepared} cannot be read ({error}): run `dvc repro --force prepare`."
        ) from error
    rows = read_manifest(prepared / "manifest.csv")
    return Collection(
        rows=rows,
        summary=summary,
        facts=facts,
        alike=look_at_pairs(prepared / "pairs.csv", rows),
        distance=distance,
    )


def look_at_pairs(path: Path, rows: Sequence[Row]) -> Alike:
    """Count the pairs and keep those beside the threshold, one of each photograph or two.

    The file may be a long one: what is kept grows with the photographs only.
    """
    if not path.exists():
        return Alike()
    group = {row.file: row.group for row in rows}
    same: Counter[int] = Counter()
    apart: Counter[int] = Counter()
    farthest: dict[str, Pair] = {}
    nearest: dict[tuple[str, ...], Pair] = {}
    for pair in read_pairs(path):
        (same if pair.same else apart)[pair.bits] += 1
        groups = tuple(sorted({group.get(pair.file, ""), group.get(pair.other, "")}))
        if pair.same:
            if pair.bits > farthest.setdefault(groups[0], pair).bits:
                farthest[groups[0]] = pair
        elif len(groups) > 1 and pair.bits < nearest.setdefault(groups, pair).bits:
            nearest[groups] = pair

    def order(pair: Pair) -> tuple[int, str, str]:
        return pair.bits, pair.file, pair.other

    return Alike(
        same,
        apart,
        heapq.nlargest(SHOWN, (pair for pair in farthest.values() if pair.bits), order),
        heapq.nsmallest(SHOWN, nearest.values(), order),
    )


def _read_facts(path: Path) -> dict[str, Facts]:
    with path.open(encoding="utf-8", newline="") as file:
        lines = csv.reader(file)
        next(lines)
        return {
            name: Facts(int(size), int(width), int(height), kind)
            for name, size, width, height, kind in lines
        }
