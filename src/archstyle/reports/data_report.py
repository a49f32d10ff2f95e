"""The report on the data: charts, contact sheets, a page, and a data sheet."""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from archstyle.common.files import whole_directory
from archstyle.data.duplicates.hash import BITS
from archstyle.data.manifest import Row
from archstyle.data.splits import Leak
from archstyle.photos.names import style_of
from archstyle.reports import data_charts
from archstyle.reports.collection import FATES, Collection, by_style, held_out, reasons
from archstyle.reports.contact_sheet import Tile, contact_sheet
from archstyle.reports.data_charts import NO_STYLE
from archstyle.reports.highlights import SMALL, Group, files_of, find
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


def write_report(
    directory: Path,
    found: Collection,
    choices: Mapping[str, Any],
    pictures: Mapping[str, Thumbnail],
    leaks: Sequence[Leak],
) -> str:
    """Write the page, the data sheet and, in data/, charts as PNG and contact sheets as JPEG.

    The sheet's sections are those of Gebru et al.: Datasheets for Datasets, arXiv:1803.09010.
    `choices` are those of `choose`, `pictures` are by file. Returns in a few lines what there is.
    """
    charts = charts_of(found)
    with whole_directory(directory / "data") as path:
        for name, chart in charts.items():
            (path / f"{name}.png").write_bytes(chart.light)
        (path / "styles").mkdir()
        with applied(LIGHT):
            for name, title, tiles in sheets_of(choices, pictures):
                figure = contact_sheet(title, tiles, found.drawn, LIGHT)
                save(figure, path / f"{name}.jpg", SHEET_DOTS_PER_INCH)
    table, why, facts = by_style(found.rows), reasons(found.rows), found.facts
    total = sum(table.values(), Counter[str]())
    sides = facts.assign(pixels=facts.width * facts.height).sort_values(["pixels", "file"])
    findings = find(found, leaks)
    told: dict[str, Any] = {
        "found": found,
        "drawn": found.drawn,
        "thing": "drawing" if found.drawn else "photo",
        "source": where_from(found.summary["source"]),
        "no_style": NO_STYLE,
        "fates": [name for name in FATES if total[name]],
        "table": table,
        "total": total,
        "largest": max((of_style.total() for of_style in table.values()), default=1),
        "held_out": held_out(found.rows),
        "leaks": leaks,
        "findings": findings,
        "reasons": why[:REASONS],
        "more_reasons": len(why[REASONS:]),
        "formats": Counter(facts.format).most_common(FORMATS),
        "extremes": list(sides.iloc[[0, -1]].itertuples() if len(sides) else ()),
        "charts": charts,
        "choices": choices,
        "pictures": pictures,
        "folder_of": lambda row: style_of(row.file) or NO_STYLE,
        "small": SMALL,
        "bits": BITS,
        "row_of": {row.file: row for row in found.rows if row.file in pictures},
    }
    write(directory / "data.html", render("data.html", **told))
    write(directory / "data-sheet.md", render("data-sheet.md", **told))
    lines = [f"  {text}" for level, _, text in findings if level != "good"]
    return "\n".join([*lines, "Look at reports/data.html."])


def charts_of(found: Collection) -> dict[str, Chart]:
    """Draw counts, sizes and, where photos look alike, distances."""
    every = {
        "counts": lambda theme: data_charts.counts(by_style(found.rows), theme),
        "sizes": lambda theme: data_charts.sizes(found.facts, SMALL, theme),
    }
    if found.alike.same or found.alike.apart:
        every["distances"] = lambda theme: data_charts.distances(found.alike, found.distance, theme)
    return draw_charts(every, found.drawn)


def sheets_of(
    choices: Mapping[str, Any], pictures: Mapping[str, Thumbnail]
) -> list[tuple[str, str, list[Tile]]]:
    """Return (name, title, tiles) of a contact sheet for each style and for what lies together."""

    def tile(item: Any, caption: str | None = None) -> Tile:
        if caption is None and isinstance(item, Group):
            caption = f"{', '.join(item.styles)}: {many(item.files, 'file')}"
        elif caption is None and isinstance(item, Row):
            caption = f"{style_of(item.file)} → {item.style}"
        elif caption is None:
            caption = f"{item.bits} bits"
        return Tile([pictures[file].image for file in files_of(item)], caption)

    every = [(name, title, [*map(tile, choices[name])]) for name, title in SHEETS.items()]
    styles = zip(file_names(choices["styles"]), choices["styles"].items(), strict=True)
    for name, (style, sample) in styles:
        every.append((f"styles/{name}", style or NO_STYLE, [tile(row, "") for row in sample]))
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
