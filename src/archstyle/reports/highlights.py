"""What the report on the data says and shows: sentences, and pictures.

The pictures are few enough for any collection, and the same ones each time.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from archstyle.data.duplicates.hash import mirrored, to_bytes
from archstyle.data.manifest import Pair, Row
from archstyle.data.splits import Leak
from archstyle.photos.names import style_of
from archstyle.reports.collection import Collection, held_out
from archstyle.reports.page import many, percent

SMALL = 224  # pixels: about what networks look at
FEW = 30  # test photos of a style: its accuracy is then known to about 10 points
UNEVEN = 3.0
OF_ALL_STYLES = 480
FEWEST, MOST = 6, 24  # of one style
GROUPS = 24  # with most files, and again with most versions
MEMBERS = 6  # of one group
CONFLICTS = 60
CORRECTIONS = 60  # of each kind


@dataclass(frozen=True)
class Finding:
    """A sentence; `level` is good, note or alarm, `section` where the page shows more."""

    level: str
    text: str
    section: str


def find(found: Collection, leaks: Sequence[Leak]) -> list[Finding]:
    """Return what there is to say, alarms first."""
    everything = [*_splits(found, leaks), *_photographs(found), *_counts(found), *_files(found)]
    findings = [Finding(level, text, section) for level, section, text in everything]
    return sorted(findings, key=lambda one: ("alarm", "note", "good").index(one.level))


def _splits(found: Collection, leaks: Sequence[Leak]) -> Iterator[tuple[str, str, str]]:
    if leaks:
        pairs = f"{many(len(leaks), 'pair')} of photos of one photograph lie in two splits"
        text = f"{pairs}: evaluate refuses to measure. Run `dvc repro --force prepare`."
        yield "alarm", "splits", text
    else:
        yield "good", "splits", "No photograph lies in two splits."
    for folder in held_out(found.rows):
        leaky, same = folder.same_photograph, folder.same_bytes
        text = (
            f"{leaky:,} of the {many(folder.photos, 'photo')} in the source's “{folder.folder}” "
            f"folder show a photograph that its “{folder.training}” folder shows too, "
            f"{'all' if same == leaky > 1 else f'{same:,}'} of them byte for byte."
        )
        if leaky:
            text += " A score on that folder measures memory; it is not used here."
        yield "alarm" if leaky else "good", "splits", text


def _photographs(found: Collection) -> Iterator[tuple[str, str, str]]:
    if conflicts := found.conflicts:
        lie = many(len(conflicts), "photograph lies", "photographs lie")
        files = many(sum(map(len, conflicts)), "file")
        text = f"{lie} under more than one style ({files}): in no split until a row in "
        yield "note", "conflicts", f"{text}data/corrections.csv decides."
    sound = sum(map(len, found.groups.values()))
    if copies := sound - len(found.groups):
        text = f"{many(copies, 'file is', 'files are')} another copy of a photograph that is there"
        yield "note", "duplicates", f"{text} already ({percent(copies / sound, 0)})."
    done = {
        "relabelled": len(found.relabelled),
        "dropped": len(found.dropped),
        "decided between two styles": len(found.resolved),
    }
    if told := ", ".join(f"{number:,} {what}" for what, number in done.items() if number):
        yield "good", "corrections", f"Photographs that reviewed corrections changed: {told}."
    elif not found.drawn:
        text = "No label was corrected: `archstyle audit` shows those that look wrong."
        yield "note", "corrections", text


def _counts(found: Collection) -> Iterator[tuple[str, str, str]]:
    counts = found.summary["counts"]
    learned = Counter({style: n["train"] for style, n in counts.items()})
    if len(learned) > 1 and min(learned.values()) * UNEVEN < max(learned.values()):
        (most, larger), *_, (least, smaller) = learned.most_common()
        text = f"{most} has {larger:,} training photographs, {least} only {smaller:,}."
        yield "note", "counts", text
    if scarce := [style for style, n in counts.items() if n["test"] < FEW]:
        names = ", ".join(scarce[:4]) + (f" and {len(scarce) - 4} more" if scarce[4:] else "")
        text = f"Fewer than {FEW} test photographs of {names}: numbers for a style are coarse."
        yield "note", "counts", text


def _files(found: Collection) -> Iterator[tuple[str, str, str]]:
    if broken := sum(row.status == "broken" for row in found.rows):
        yield "note", "files", f"{many(broken, 'file')} cannot be read as a photo."
    if dropped := sum(row.status == "dropped" and not row.group for row in found.rows):
        were = many(dropped, "file was", "files were")
        yield "note", "files", f"{were} not taken from the source."
    if small := sum(min(fact.width, fact.height) < SMALL for fact in found.facts.values()):
        have, share = many(small, "photo has", "photos have"), percent(small / len(found.facts), 0)
        yield "note", "files", f"{have} a side below {SMALL} pixels ({share})."


@dataclass(frozen=True)
class Group:
    """A duplicate group with some of its versions, which differ in more than their names."""

    files: int
    versions: int
    shown: Sequence[Row]
    bits: Mapping[str, int]  # by file: how far from the first one that is shown
    styles: Sequence[str]  # of its folders


@dataclass(frozen=True)
class Choices:
    """All pictures of the report."""

    styles: Mapping[str, Sequence[Row]] = field(default_factory=dict)
    copies: Sequence[Group] = ()  # with most files
    versions: Sequence[Group] = ()  # with most versions, of the others
    farthest: Sequence[Pair] = ()
    nearest: Sequence[Pair] = ()
    conflicts: Sequence[Group] = ()
    relabelled: Sequence[Row] = ()
    dropped: Sequence[Row] = ()
    resolved: Sequence[Group] = ()

    def files(self) -> list[str]:
        """Return the files of all pictures, sorted, each once."""
        groups = (*self.copies, *self.versions, *self.conflicts, *self.resolved)
        samples = (*self.styles.values(), self.relabelled, self.dropped, *(g.shown for g in groups))
        names = {row.file for sample in samples for row in sample}
        for pair in (*self.farthest, *self.nearest):
            names |= {pair.file, pair.other}
        return sorted(names)


def choose(found: Collection) -> Choices:
    """Choose the pictures of a collection."""
    used = [members for members in found.groups.values() if members[0].split and len(members) > 1]
    copies = _largest(used, GROUPS, len)
    shown = {members[0].group for members in copies}
    others = [m for m in used if m[0].group not in shown and len(_versions(m)) > 1]
    return Choices(
        styles=contact_sheets(found.rows),
        copies=[_group(members) for members in copies],
        versions=[_group(m) for m in _largest(others, GROUPS, lambda m: len(_versions(m)))],
        farthest=found.alike.farthest,
        nearest=found.alike.nearest,
        conflicts=[_group(members) for members in _largest(found.conflicts, CONFLICTS, len)],
        relabelled=found.relabelled[:CORRECTIONS],
        dropped=found.dropped[:CORRECTIONS],
        resolved=[_group(members) for members in _largest(found.resolved, CORRECTIONS, len)],
    )


def contact_sheets(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Return a sample of each style's photographs that are in a split.

    A photo's SHA-256 is as good as a lot that was drawn once: the sample changes little when
    photos are added.
    """
    by_style: dict[str, list[Row]] = {}
    for row in sorted(rows, key=lambda row: (row.style, row.sha256, row.file)):
        if row.split:
            by_style.setdefault(row.style, []).append(row)
    each = min(MOST, max(FEWEST, OF_ALL_STYLES // max(1, len(by_style))))
    return {style: sample[:each] for style, sample in by_style.items()}


def _largest(
    groups: Iterable[Sequence[Row]], number: int, size: Callable[[Sequence[Row]], int]
) -> list[Sequence[Row]]:
    return sorted(groups, key=lambda members: (-size(members), members[0].file))[:number]


def _versions(members: Sequence[Row]) -> list[Row]:
    """Return one photo of each content in each style's folder."""
    versions: dict[tuple[str, str | None], Row] = {}
    for row in members:
        versions.setdefault((row.sha256, style_of(row.file)), row)
    return list(versions.values())


def _group(members: Sequence[Row]) -> Group:
    """Show the first one, then one of each other style, then those that are least like the first.

    What should not be in a group is the most likely to be among those.
    """
    versions = _versions(members)
    hashes = to_bytes([row.phash for row in versions])
    bits = np.minimum(
        np.bitwise_count(hashes ^ hashes[0]).sum(1),
        np.bitwise_count(hashes ^ mirrored(hashes[0])).sum(1),
    )
    far = {row.file: int(n) for row, n in zip(versions, bits, strict=True)}
    first, *others = versions
    others.sort(key=lambda row: (-far[row.file], row.file))
    heads: dict[str | None, Row] = {}
    for row in others:
        if style_of(row.file) != style_of(first.file):
            heads.setdefault(style_of(row.file), row)
    rest = [row for row in others if row not in heads.values()]
    return Group(
        files=len(members),
        versions=len(versions),
        shown=[first, *heads.values(), *rest][:MEMBERS],
        bits=far,
        styles=sorted({style_of(row.file) or "" for row in members}),
    )
