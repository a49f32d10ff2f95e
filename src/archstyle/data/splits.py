"""Which photographs are learned from, chosen on and looked at once.

The split of a photograph follows from a hash of its group's name alone, so adding others moves
none: no rank, no shuffle, no seed. The name is the start of the smallest SHA-256 in the group. A
new photo that is a near duplicate of an old one may change the name, and a small style is given
what it lacks, so where a photo lay before goes before the hash: see previous.py. Without that, two
people with the same photos get the same splits.

Groups that show one building share the building's place, where it is known which ones do. The
largest buildings are trained on, so that no test split is of one building: see record 43.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass

from archstyle.config.schema import Split
from archstyle.data.manifest import SPLITS, Pair, Row
from archstyle.errors import ArchstyleError

# Photographs of each style that a split needs for its numbers to mean anything at all.
NEEDED = {"train": 4, "validation": 1, "test": 1}
PHOTOGRAPH = "photograph"


def name_group(sha256s: Iterable[str]) -> str:
    """Name a group after its smallest SHA-256."""
    return min(sha256s)[:16]


def recall(sha256s: Iterable[str], memory: Mapping[str, str]) -> str:
    """Return the split in which the group was, or nothing.

    Where a new photo joins two old groups, the one nearest to training counts: what was once
    learned from is never measured on.
    """
    known = (memory[sha256] for sha256 in sha256s if sha256 in memory)
    return min(known, key=SPLITS.index, default="")


def place(group: str) -> float:
    """Return the group's place in [0, 1), which nothing else has a say in."""
    digest = hashlib.sha256(f"archstyle split {group}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def join_buildings(buildings: Mapping[str, Iterable[str]]) -> dict[str, str]:
    """Return what each group shares its split with, of the buildings that its photos show.

    A photograph that is listed under two buildings makes them one.
    """
    from scipy.cluster.hierarchy import DisjointSet

    named = {group: found for group, names in buildings.items() if (found := sorted(set(names)))}
    joined = DisjointSet({name for names in named.values() for name in names})
    for first, *others in named.values():
        for other in others:
            joined.merge(first, other)
    return {group: f"building {min(joined.subset(names[0]))}" for group, names in named.items()}


def assign_splits(
    styles: Mapping[str, str],
    shares: Split,
    remembered: Mapping[str, str] | None = None,
    together: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Return the split of each group.

    `styles` gives each group's style, `remembered` the split in which it was, where it was in one,
    and `together` what some groups share their split with: see join_buildings.
    Raises ArchstyleError when a style has too few photographs to have some in every split.
    """
    units: dict[str, list[str]] = defaultdict(list)
    sizes: dict[str, Counter[str]] = defaultdict(Counter)
    for group, style in styles.items():
        unit = (together or {}).get(group, group)
        units[unit].append(group)
        sizes[style][unit] += 1
    large, scales = _draw_beside(sizes, shares)
    chosen = {}
    for unit, groups in units.items():
        scale = min(scales[styles[group]] for group in groups)
        drawn = "train" if unit in large else split_of(unit, shares, scale)
        # Groups that lay apart have only now been listed as one building, whose own place decides.
        lay = {split for group in groups if (split := (remembered or {}).get(group))}
        chosen[unit] = lay.pop() if len(lay) == 1 else drawn
    shared = {unit for unit, groups in units.items() if len({styles[one] for one in groups}) > 1}
    needed = sum(NEEDED.values())
    for style, of_style in sorted(sizes.items()):
        if of_style.total() < needed:
            raise ArchstyleError(
                f"The style {style} has {of_style.total()} "
                f"photograph{'' if of_style.total() == 1 else 's'} that can be used, but {needed} "
                "are needed to train on some and test on others: add photos or remove its folder."
            )
        _fill(chosen, of_style, shared | large, shares)
    for style, of_style in sorted(sizes.items()):
        counts = Counter(chosen[unit] for unit in of_style.elements())
        if any(counts[split] < least for split, least in NEEDED.items()):
            raise ArchstyleError(
                f"The {of_style.total()} photographs of the style {style} show {len(of_style)} "
                "buildings, too few to train on some and test on others: add photos of other "
                "buildings, or take some out of buildings.csv."
            )
    return {group: chosen[unit] for unit, groups in units.items() for group in groups}


def _draw_beside(
    sizes: Mapping[str, Counter[str]], shares: Split
) -> tuple[set[str], dict[str, float]]:
    """Return the buildings to train on for their size, and the factor of each style's shares.

    A building is large that would be more than half of a style's test split; the largest come
    first, as long as training has room. The rest of the style is drawn from at higher shares for
    it, of half of the rest at most.
    """
    held_out = shares.validation + shares.test
    large: set[str] = set()
    scales = {}
    for style, of_style in sizes.items():
        drawn = total = of_style.total()
        for unit, size in sorted(of_style.items(), key=lambda item: (-item[1], item[0])):
            if size <= max(1, total * shares.test / 2) or drawn <= total * held_out:
                break
            large.add(unit)
            drawn -= size
        scales[style] = max(1.0, min(total / max(drawn, 1), 0.5 / held_out))
    return large, scales


def split_of(group: str, shares: Split, scale: float = 1.0) -> str:
    """Return the split that the group's place alone gives it, with both shares times `scale`."""
    where = place(group) / scale
    if where < shares.test:
        return "test"
    return "validation" if where < shares.test + shares.validation else "train"


def _fill(chosen: dict[str, str], sizes: Counter[str], last: Set[str], shares: Split) -> None:
    """Give each split of a small style what it needs, from the nearest places beside it.

    `sizes` are the style's photographs in each unit; the units in `last` are taken last.
    """
    middle = {
        "test": shares.test / 2,
        "validation": shares.test + shares.validation / 2,
        "train": (1 + shares.test + shares.validation) / 2,
    }
    for split, needed in NEEDED.items():
        while (counts := Counter(chosen[unit] for unit in sizes.elements()))[split] < needed:
            spare = [
                unit
                for unit, size in sizes.items()
                if chosen[unit] != split and counts[chosen[unit]] - size >= NEEDED[chosen[unit]]
            ]
            if not spare:
                return
            aim = middle[split]
            chosen[min(spare, key=lambda one: (one in last, abs(place(one) - aim), one))] = split


@dataclass(frozen=True)
class Leak:
    """Two photos in two splits that show the same `what`: a photograph or a building."""

    one: Row
    other: Row
    what: str


def find_leaks(rows: Sequence[Row], pairs: Iterable[Pair] = ()) -> list[Leak]:
    """Return the photos of one group or building, the files there twice and the pairs, apart."""
    placed = sorted((row for row in rows if row.split), key=lambda row: row.file)
    together: list[Leak] = []
    for key, what in (("group", PHOTOGRAPH), ("sha256", PHOTOGRAPH), ("building", "building")):
        seen: dict[str, Row] = {}
        named = [(getattr(row, key), row) for row in placed]
        together += [Leak(seen.setdefault(name, row), row, what) for name, row in named if name]
    # A copy is in no split itself, but what it shows is.
    shown = {row.group: row for row in placed}
    shows = {row.file: shown[row.group] for row in rows if row.group in shown}
    same = [pair for pair in pairs if pair.same and pair.file in shows and pair.other in shows]
    together += [Leak(shows[pair.file], shows[pair.other], PHOTOGRAPH) for pair in same]
    return [leak for leak in together if leak.one.split != leak.other.split]


def check_splits(rows: Sequence[Row], pairs: Iterable[Pair] = ()) -> None:
    """Raise ArchstyleError where anything that belongs together lies in two splits."""
    leaks = find_leaks(rows, pairs)
    if leaks:
        first = leaks[0]
        number = "1 pair" if len(leaks) == 1 else f"{len(leaks)} pairs"
        raise ArchstyleError(
            f"Not measured, because the result would be too good: `{first.one.file}` "
            f"({first.one.split}) and `{first.other.file}` ({first.other.split}) show the same "
            f"{first.what} ({number} of this kind in data/prepared/manifest.csv). Run "
            "`dvc repro --force prepare`, then train again."
        )


def check_data(trained_on: str, prepared: str) -> None:
    """Raise ArchstyleError where the bundle was trained on other data than the splits are of.

    What is a test photo now may have been a training photo then.
    """
    if trained_on != prepared:
        raise ArchstyleError(
            "Not measured: models/bundle was trained on other data than data/prepared holds, so "
            "its training photos may be among the test photos. Run `dvc repro train`."
        )
