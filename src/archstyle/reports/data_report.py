"""The report on the data: charts, contact sheets, a page, and a data sheet."""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import rcParams
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator
from PIL.Image import Image

from archstyle.common.files import whole_directory
from archstyle.data.duplicates.hash import BITS
from archstyle.data.manifest import Row
from archstyle.data.splits import Leak
from archstyle.reports import theme
from archstyle.reports.collection import FATES, Alike, Collection, by_style, held_out, reasons
from archstyle.reports.highlights import SMALL, Group, files_of, find
from archstyle.reports.page import Chart, draw_charts, many, render, where_from, write

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
NO_STYLE = "in no style's folder"
MANY = 2000  # photos from which on points would hide one another
THOUSANDS = FuncFormatter(lambda value, _: f"{value:,.0f}")


def write_report(
    directory: Path,
    found: Collection,
    choices: Mapping[str, Any],
    pictures: Mapping[str, Image],
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
        with theme.applied(theme.LIGHT):
            for name, title, tiles in sheets_of(choices, pictures):
                figure = theme.contact_sheet(title, tiles, found.drawn)
                theme.save(figure, path / f"{name}.jpg", SHEET_DOTS_PER_INCH)
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
        "folder_of": lambda row: row.folder or NO_STYLE,
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
        "counts": lambda: counts(by_style(found.rows)),
        "sizes": lambda: sizes(found.facts, SMALL),
    }
    if found.alike.same or found.alike.apart:
        every["distances"] = lambda: distances(found.alike, found.distance)
    return draw_charts(every, found.drawn)


def sheets_of(
    choices: Mapping[str, Any], pictures: Mapping[str, Image]
) -> list[tuple[str, str, list[theme.Tile]]]:
    """Return (name, title, tiles) of a contact sheet for each style and for what lies together."""

    def tile(item: Any, caption: str | None = None) -> theme.Tile:
        if caption is None and isinstance(item, Group):
            caption = f"{', '.join(item.styles)}: {many(item.files, 'file')}"
        elif caption is None and isinstance(item, Row):
            caption = f"{item.folder} → {item.style}"
        elif caption is None:
            caption = f"{item.bits} bits"
        return theme.Tile([pictures[file] for file in files_of(item)], caption)

    every = [(name, title, [*map(tile, choices[name])]) for name, title in SHEETS.items()]
    styles = zip(file_names(choices["styles"]), choices["styles"].items(), strict=True)
    for name, (style, sample) in styles:
        every.append((f"styles/{name}", style or NO_STYLE, [tile(row, "") for row in sample]))
    return [sheet for sheet in every if sheet[2]]


def file_names(styles: Iterable[str]) -> list[str]:
    """Return a name for each style that any disk and locale takes, no two of them alike."""
    names: dict[str, str] = {}
    for style in styles:
        letters = unicodedata.normalize("NFKD", style).encode("ascii", "ignore").decode()
        name = "".join(one if one.isalnum() else "_" for one in letters)[:60] or "_"
        while name.casefold() in names:
            name += f"_{len(names)}"
        names[name.casefold()] = name
    return list(names.values())


def counts(styles: Mapping[str, Counter[str]]) -> Figure:
    """Draw a bar for each style: its photos in each split, and what became of the others."""
    figure = Figure(figsize=(8.4, 1.2 + 0.36 * max(1, len(styles))), layout="constrained")
    axes = figure.subplots()
    rows, left = np.arange(len(styles)), np.zeros(len(styles))
    for number, kind in enumerate(FATES):
        width = np.array([of_style[kind] for of_style in styles.values()], float)
        if width.any():
            axes.barh(rows, width, 0.72, left=left, color=f"C{number}", label=kind)
            left += width
    names = [f"{theme.shortened(name) or NO_STYLE} ({n.total():,})" for name, n in styles.items()]
    theme.named_rows(axes, names)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.xaxis.set_major_formatter(THOUSANDS)
    axes.set_xlabel("files")
    if styles:
        theme.legend(figure, columns=len(FATES))
    return figure


def distances(alike: Alike, distance: int) -> Figure:
    """Draw how many pairs of photos, some at least, differ in how many bits."""
    figure = Figure(figsize=(7.2, 3.4), layout="constrained")
    axes = figure.subplots()
    for pairs, name, colour, offset in (
        (alike.same, "one photograph", theme.FIRST, -0.22),
        (alike.apart, "two photographs", theme.SECOND, 0.22),
    ):
        if pairs:
            at = np.array(list(pairs)) + offset
            axes.bar(at, list(pairs.values()), 0.44, color=colour, label=name)
    axes.axvline(distance + 0.5, color=rcParams["text.color"], linewidth=1, linestyle=theme.DASHED)
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(THOUSANDS)
    axes.yaxis.set_minor_locator(NullLocator())
    end = max([distance, *alike.same, *alike.apart]) + 1
    axes.set(xlim=(-0.8, end), ylim=(0.7, None), ylabel="pairs of photos")
    axes.set_xlabel(f"bits of {BITS} in which the perceptual hashes differ")
    theme.legend(figure)
    return figure


def sizes(facts: pd.DataFrame, needed: int) -> Figure:
    """Draw width against height of every photo, and the `needed` pixels that networks look at."""
    figure = Figure(figsize=(5.2, 4.4), layout="constrained")
    axes = figure.subplots()
    width, height = facts.width.to_numpy(float), facts.height.to_numpy(float)
    axes.set(xscale="log", yscale="log")
    if len(width) > MANY:
        axes.hexbin(
            width, height, gridsize=60, xscale="log", yscale="log", mincnt=1,
            cmap=theme.shades(), norm=LogNorm(vmin=0.1), linewidths=0,
        )  # fmt: skip
    else:
        axes.scatter(width, height, 9, color=theme.FIRST, alpha=0.35, linewidths=0)
    low = min(width.min(initial=64), height.min(initial=64)) * 0.8
    high = max(width.max(initial=1024), height.max(initial=1024)) * 1.25
    axes.set(xlim=(low, high), ylim=(low, high))
    for line in (axes.axhline, axes.axvline):
        line(needed, color=theme.SECOND, linewidth=1, linestyle=theme.DASHED)
    ticks = [2.0**power for power in range(4, 17) if low <= 2**power <= high]
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(FixedLocator(ticks[:: 1 + len(ticks) // 8]))
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(THOUSANDS)
    axes.set(xlabel="width in pixels", ylabel="height in pixels", aspect="equal")
    return figure
