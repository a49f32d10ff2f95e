"""Everything that the stages before left about a collection."""

import csv
import heapq
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from archstyle.data.manifest import Row, read_manifest
from archstyle.data.pairs import Pair, read_pairs
from archstyle.errors import ArchstyleError

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
    return Collection(
        rows=read_manifest(prepared / "manifest.csv"),
        summary=summary,
        facts=facts,
        alike=look_at_pairs(prepared / "pairs.csv"),
        distance=distance,
    )


def look_at_pairs(path: Path) -> Alike:
    """Count the pairs and keep those beside the threshold; the file may be a long one."""

    def order(pair: Pair) -> tuple[int, str, str]:
        return pair.bits, pair.file, pair.other

    if not path.exists():
        return Alike()
    counts = Counter((pair.same, pair.bits) for pair in read_pairs(path))
    return Alike(
        same=Counter({bits: pairs for (same, bits), pairs in counts.items() if same}),
        apart=Counter({bits: pairs for (same, bits), pairs in counts.items() if not same}),
        farthest=heapq.nlargest(SHOWN, (pair for pair in read_pairs(path) if pair.same), order),
        nearest=heapq.nsmallest(SHOWN, (pair for pair in read_pairs(path) if not pair.same), order),
    )


def _read_facts(path: Path) -> dict[str, Facts]:
    with path.open(encoding="utf-8", newline="") as file:
        lines = csv.reader(file)
        next(lines)
        return {
            name: Facts(int(size), int(width), int(height), kind)
            for name, size, width, height, kind in lines
        }
