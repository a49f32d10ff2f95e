"""The report on the data as one page."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from archstyle.data.duplicates.hash import BITS
from archstyle.data.manifest import Row
from archstyle.data.splits import Leak
from archstyle.photos.names import style_of
from archstyle.reports.data.choices import Choices
from archstyle.reports.data.collection import Collection
from archstyle.reports.data.figures import NO_STYLE, SMALL
from archstyle.reports.data.findings import Finding, find, many
from archstyle.reports.data.pictures import Picture
from archstyle.reports.data.tallies import (
    FATES,
    by_style,
    dropped_by_hand,
    fate,
    held_out,
    reasons,
    relabelled,
    resolved,
)
from archstyle.reports.page import environment, figure_uris, where_from

REASONS = 60
FORMATS = 8


@dataclass(frozen=True)
class DataReport:
    """What the page shows."""

    found: Collection
    choices: Choices
    pictures: Mapping[str, Picture]  # by file
    leaks: Sequence[Leak]

    @property
    def findings(self) -> list[Finding]:
        """What a person should know, alarms first."""
        return find(self.found, self.leaks)


def render(report: DataReport, figures: Path, dark_figures: Path) -> str:
    """Return the page as HTML; both folders hold the charts, for the day and for the night."""
    made = environment("archstyle.reports.data")
    made.filters["many"] = many
    made.filters["why"] = reason_of
    made.filters["folder"] = lambda row: style_of(row.file) or NO_STYLE
    found = report.found
    table = by_style(found.rows)
    total = sum(table.values(), Counter())
    out = reasons(found.rows)
    return made.get_template("data.html").render(
        report=report,
        found=found,
        choices=report.choices,
        drawn=found.drawn,
        thing="drawing" if found.drawn else "photo",
        findings=report.findings,
        source=where_from(found.summary["source"]),
        photographs=len(found.groups),
        styles=len(found.summary["styles"]),
        fates=[name for name in FATES if total[name]],
        fate=fate,
        table=table,
        total=total,
        largest=max((sum(of_style.values()) for of_style in table.values()), default=1),
        no_style=NO_STYLE,
        held_out=held_out(found.rows),
        numbers=numbers(found),
        reasons=out[:REASONS],
        more_reasons=len(out) - len(out[:REASONS]),
        formats=formats(found).most_common(FORMATS),
        small=SMALL,
        extremes=extremes(found),
        bits=BITS,
        second_look=max(found.alike.same, default=0) > found.distance,
        row_of={row.file: row for row in found.rows if row.file in report.pictures},
        figure_of=lambda name: figure_uris(figures / name, dark_figures / name),
    )


def in_words(report: DataReport) -> str:
    """Say in a few lines what there is."""
    lines = [f"  {one.text}" for one in report.findings if one.level != "good"]
    return "\n".join([*lines, "Look at reports/data.html."])


def numbers(found: Collection) -> dict[str, int]:
    """Return how many there are of what is shown in part only."""
    return {
        "conflicts": sum(members[0].status == "conflict" for members in found.groups.values()),
        "relabelled": len(relabelled(found.rows)),
        "dropped": len({row.group for row in dropped_by_hand(found.rows)}),
        "resolved": len(resolved(found.groups)),
    }


def formats(found: Collection) -> Counter[str]:
    """Return the number of photos in each format."""
    return Counter(fact.format for fact in found.facts.values())


def extremes(found: Collection) -> list[tuple[str, str, str]]:
    """Return (what, file, size) of the photos with the fewest and the most pixels."""
    by_pixels = sorted(
        found.facts.items(), key=lambda item: (item[1].width * item[1].height, item[0])
    )
    if not by_pixels:
        return []
    ends = (("fewest pixels", by_pixels[0]), ("most pixels", by_pixels[-1]))
    return [(what, file, f"{fact.width:,} x {fact.height:,}") for what, (file, fact) in ends]


def reason_of(row: Row) -> str:
    """Return the reason of a correction without what the page says beside it."""
    return row.reason.removeprefix(f"relabelled from {style_of(row.file)}: ")
