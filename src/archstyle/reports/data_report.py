"""The report on the data: charts, contact sheets, a page, and a data sheet."""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from archstyle.common.files import whole_directory
from archstyle.data.duplicates.hash import BITS
from archstyle.data.manifest import Pair, Row
from archstyle.data.splits import Leak
from archstyle.photos.names import style_of
from archstyle.reports import data_charts
from archstyle.reports.collection import FATES, Collection, by_style, fate, held_out, reasons
from archstyle.reports.contact_sheet import Tile, contact_sheet
from archstyle.reports.data_charts import NO_STYLE
from archstyle.reports.highlights import SMALL, Choices, Finding, Group, find
from archstyle.reports.page import Chart, Thumbnail, draw_charts, many, render, where_from, write
from archstyle.reports.theme import LIGHT, applied, save

SIDE = 200  # pixels of a thumbnail's longer side
SHEET_DOTS_PER_INCH = 110
REASONS, FORMATS = 60, 8
SHEETS = {
    "copies": "Duplicate groups with most files",
    "versions": "Duplicate groups with most versions",
    "farthest": "One photograph, the least alike",
    "nearest": "Different photographs, the most alike",
    "conflicts": "One photograph, several styles",
    "relabelled": "Relabelled by hand",
    "dropped": "Dropped by hand",
    "resolved": "Decided between two styles",
}


@dataclass(frozen=True)
class DataReport:
    """What the page shows."""

    found: Collection
    choices: Choices
    pictures: Mapping[str, Thumbnail]  # by file
    leaks: Sequence[Leak]

    @property
    def findings(self) -> list[Finding]:
        """What a person should know, alarms first."""
        return find(self.found, self.leaks)


def write_report(directory: Path, report: DataReport) -> None:
    """Write the page, the data sheet and, in data/, charts as PNG and contact sheets as JPEG."""
    charts = charts_of(report.found)
    with whole_directory(directory / "data") as path:
        for name, chart in charts.items():
            (path / f"{name}.png").write_bytes(chart.light)
        (path / "styles").mkdir()
        with applied(LIGHT):
            for name, title, tiles in sheets_of(report):
                figure = contact_sheet(title, tiles, report.found.drawn, LIGHT)
                save(figure, path / f"{name}.jpg", SHEET_DOTS_PER_INCH)
    write(directory / "data.html", page(report, charts))
    write(directory / "data-sheet.md", data_sheet(report))


def page(report: DataReport, charts: Mapping[str, Chart]) -> str:
    """Return the page as HTML."""
    found = report.found
    by_pixels = sorted(found.facts, key=lambda f: (found.facts[f].width * found.facts[f].height, f))
    return render(
        "data.html",
        **_told(report),
        charts=charts,
        choices=report.choices,
        fate=fate,
        folder_of=lambda row: style_of(row.file) or NO_STYLE,
        small=SMALL,
        by_pixels=by_pixels,
        largest=max((of_style.total() for of_style in by_style(found.rows).values()), default=1),
        bits=BITS,
        second_look=max(found.alike.same, default=0) > found.distance,
        row_of={row.file: row for row in found.rows if row.file in report.pictures},
    )


def data_sheet(report: DataReport) -> str:
    """Return the data sheet as Markdown.

    Its sections are those of Gebru et al.: Datasheets for Datasets, arXiv:1803.09010.
    """
    return render("data-sheet.md", **_told(report))


def in_words(report: DataReport) -> str:
    """Say in a few lines what there is."""
    lines = [f"  {one.text}" for one in report.findings if one.level != "good"]
    return "\n".join([*lines, "Look at reports/data.html."])


def charts_of(found: Collection) -> dict[str, Chart]:
    """Draw counts, sizes and, where photos look alike, distances."""
    every = {
        "counts": lambda theme: data_charts.counts(by_style(found.rows), theme),
        "sizes": lambda theme: data_charts.sizes(found.facts.values(), SMALL, theme),
    }
    if found.alike.same or found.alike.apart:
        every["distances"] = lambda theme: data_charts.distances(found.alike, found.distance, theme)
    return draw_charts(every, found.drawn)


def sheets_of(report: DataReport) -> list[tuple[str, str, list[Tile]]]:
    """Return (name, title, tiles) of a contact sheet for each style and for what lies together."""
    choices = report.choices

    def tile(item: Group | Pair | Row, said: bool = True) -> Tile:
        if isinstance(item, Group):
            files = [row.file for row in item.shown]
            caption = f"{', '.join(item.styles)}: {many(item.files, 'file')}"
        elif isinstance(item, Pair):
            files, caption = [item.file, item.other], f"{item.bits} bits"
        else:
            files, caption = [item.file], f"{style_of(item.file)} → {item.style}"
        return Tile([report.pictures[file].image for file in files], caption if said else "")

    every = [(name, title, [*map(tile, getattr(choices, name))]) for name, title in SHEETS.items()]
    styles = zip(file_names(choices.styles), choices.styles.items(), strict=True)
    for name, (style, sample) in styles:
        every.append((f"styles/{name}", style or NO_STYLE, [tile(row, False) for row in sample]))
    return [sheet for sheet in every if sheet[2]]


def file_names(styles: Iterable[str]) -> list[str]:
    """Return a name for each style that any disk and locale takes, no two of them alike."""
    names: list[str] = []
    for style in styles:
        letters = unicodedata.normalize("NFKD", style).encode("ascii", "ignore").decode()
        plain = "".join(one if one.isalnum() else "_" for one in letters)[:60] or "_"
        taken = {name.casefold() for name in names}
        names.append(plain if plain.casefold() not in taken else f"{plain}_{len(names)}")
    return names


def _told(report: DataReport) -> dict[str, Any]:
    """Return what page and data sheet both tell."""
    found = report.found
    table = by_style(found.rows)
    total = sum(table.values(), Counter[str]())
    why = reasons(found.rows)
    return {
        "report": report,
        "found": found,
        "drawn": found.drawn,
        "thing": "drawing" if found.drawn else "photo",
        "source": where_from(found.summary["source"]),
        "no_style": NO_STYLE,
        "fates": [name for name in FATES if total[name]],
        "table": table,
        "total": total,
        "held_out": held_out(found.rows),
        "reasons": why[:REASONS],
        "more_reasons": len(why[REASONS:]),
        "formats": Counter(f.format for f in found.facts.values()).most_common(FORMATS),
    }
