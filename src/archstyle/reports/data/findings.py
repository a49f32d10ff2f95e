"""What a person should know about a collection, in sentences."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from archstyle.data.manifest import SPLITS
from archstyle.data.splits import Leak
from archstyle.reports.data.collection import Collection
from archstyle.reports.data.figures import SMALL
from archstyle.reports.data.tallies import (
    HeldOut,
    dropped_by_hand,
    held_out,
    relabelled,
    resolved,
)
from archstyle.reports.page import percent

FEW = 30  # test photos of a style: its accuracy is then known to about 10 points
UNEVEN = 3.0


@dataclass(frozen=True)
class Finding:
    """A sentence; `level` is good, note or alarm, `section` where the page shows more."""

    level: str
    text: str
    section: str


def find(found: Collection, leaks: Sequence[Leak]) -> list[Finding]:
    """Return what there is to say, alarms first."""
    everything = [
        *_leaks(leaks),
        *_source(held_out(found.rows)),
        *_conflicts(found),
        *_copies(found),
        *_corrections(found),
        *_left_out(found),
        *_balance(found),
        *_small(found),
    ]
    return sorted(everything, key=lambda one: ("alarm", "note", "good").index(one.level))


def many(number: int, thing: str, things: str = "") -> str:
    """Return a number with its noun: 1 photo, 1,024 photos."""
    return f"{number:,} {thing if number == 1 else things or thing + 's'}"


def _leaks(leaks: Sequence[Leak]) -> list[Finding]:
    if leaks:
        text = (
            f"{many(len(leaks), 'pair')} of photos of one photograph lie in two splits: evaluate "
            "refuses to measure. Run `dvc repro --force prepare`."
        )
        return [Finding("alarm", text, "splits")]
    return [Finding("good", "No photograph lies in two splits.", "splits")]


def _source(folders: Sequence[HeldOut]) -> list[Finding]:
    return [
        Finding(
            "alarm" if folder.same_photograph else "good",
            f"{folder.same_photograph:,} of the {many(folder.photos, 'photo')} in the source's "
            f"“{folder.folder}” folder show a photograph that its “{folder.training}” folder "
            f"shows too, {_of_them(folder)} byte for byte."
            + (
                " A score on that folder tells how well a model remembers; it is not used here."
                if folder.same_photograph
                else ""
            ),
            "splits",
        )
        for folder in folders
    ]


def _of_them(folder: HeldOut) -> str:
    all_same = folder.same_bytes == folder.same_photograph > 1
    return "all of them" if all_same else f"{folder.same_bytes:,} of them"


def _conflicts(found: Collection) -> list[Finding]:
    files = [row for row in found.rows if row.status == "conflict"]
    if not files:
        return []
    lie = many(len({row.group for row in files}), "photograph lies", "photographs lie")
    text = (
        f"{lie} under more than one style ({many(len(files), 'file')}): set aside, until a "
        "decision in data/corrections.csv lets them in."
    )
    return [Finding("note", text, "conflicts")]


def _copies(found: Collection) -> list[Finding]:
    sound = sum(len(members) for members in found.groups.values())
    copies = sound - len(found.groups)
    if not copies:
        return []
    text = f"{many(copies, 'file is', 'files are')} another copy of a photograph that is there"
    return [Finding("note", f"{text} already ({percent(copies / sound, 0)}).", "duplicates")]


def _corrections(found: Collection) -> list[Finding]:
    done = [
        (len(relabelled(found.rows)), "relabelled"),
        (len({row.group for row in dropped_by_hand(found.rows)}), "dropped"),
        (len(resolved(found.groups)), "decided between two styles"),
    ]
    told = [f"{number:,} {what}" for number, what in done if number]
    if not told:
        text = "No label was corrected: `archstyle audit` shows those that look wrong."
        return [] if found.drawn else [Finding("note", text, "corrections")]
    text = f"Photographs that reviewed corrections changed: {', '.join(told)}."
    return [Finding("good", text, "corrections")]


def _left_out(found: Collection) -> list[Finding]:
    broken = sum(row.status == "broken" for row in found.rows)
    dropped = sum(row.status == "dropped" and not row.group for row in found.rows)
    told = []
    if broken:
        text = f"{many(broken, 'file')} cannot be read as a photo."
        told.append(Finding("note", text, "files"))
    if dropped:
        were = many(dropped, "file was", "files were")
        told.append(Finding("note", f"{were} not taken from the source.", "files"))
    return told


def _balance(found: Collection) -> list[Finding]:
    learned = Counter({s: n["train"] for s, n in found.summary["counts"].items()})
    told = []
    if len(learned) > 1 and min(learned.values()) * UNEVEN < max(learned.values()):
        (most, many_), *_, (least, few) = learned.most_common()
        text = f"{most} has {many_:,} training photographs, {least} only {few:,}."
        told.append(Finding("note", text, "counts"))
    scarce = [style for style, n in found.summary["counts"].items() if n[SPLITS[-1]] < FEW]
    if scarce:
        names = ", ".join(scarce[:4]) + (f" and {len(scarce) - 4} more" if scarce[4:] else "")
        text = f"Fewer than {FEW} test photographs of {names}: numbers for a style are coarse."
        told.append(Finding("note", text, "counts"))
    return told


def _small(found: Collection) -> list[Finding]:
    small = sum(min(fact.width, fact.height) < SMALL for fact in found.facts.values())
    if not small:
        return []
    share = percent(small / len(found.facts), 0)
    text = f"{many(small, 'photo has', 'photos have')} a side below {SMALL} pixels ({share})."
    return [Finding("note", text, "files")]
