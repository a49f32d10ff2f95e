"""Writes the report on the data: the page, and its figures for the run."""

import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from archstyle.common.files import whole_directory, whole_file
from archstyle.data.manifest import Pair, Row
from archstyle.photos.names import style_of
from archstyle.reports.data import figures, sheets
from archstyle.reports.data.choices import Group
from archstyle.reports.data.figures import NO_STYLE
from archstyle.reports.data.findings import many
from archstyle.reports.data.page import DataReport, render
from archstyle.reports.data.tallies import by_style
from archstyle.reports.theme import DARK, LIGHT, Theme, applied, note_drawn, save

SHEET_DOTS_PER_INCH = 110


def write_report(directory: Path, report: DataReport) -> None:
    """Write data.html and, in data/, its charts as PNG and sheets of photos as JPEG."""
    with whole_directory(directory / "data") as path:
        draw_charts(path, report, LIGHT)
        draw_sheets(path, report, LIGHT)
    with tempfile.TemporaryDirectory() as dark, whole_file(directory / "data.html") as path:
        draw_charts(Path(dark), report, DARK)
        path.write_text(render(report, directory / "data", Path(dark)), encoding="utf-8")


def draw_charts(directory: Path, report: DataReport, theme: Theme) -> None:
    """Write counts, distances and sizes."""
    found = report.found
    with applied(theme):
        charts = {
            "counts": figures.counts(by_style(found.rows), theme),
            "sizes": figures.sizes(found.facts.values(), figures.SMALL, theme),
        }
        if found.alike.same or found.alike.apart:
            charts["distances"] = figures.distances(found.alike, found.distance, theme)
        for name, figure in charts.items():
            note_drawn(figure, found.drawn, theme)
            save(figure, directory / f"{name}.png")


def draw_sheets(directory: Path, report: DataReport, theme: Theme) -> None:
    """Write a contact sheet for each style, and what should be looked at side by side."""
    choices, drawn = report.choices, report.found.drawn
    pictures = {file: picture.image for file, picture in report.pictures.items()}

    def strips(groups: Iterable[Group]) -> list[sheets.Strip]:
        return sheets.wrapped(
            [
                (
                    f"{', '.join(group.styles)}: {many(group.files, 'file')}",
                    [pictures[row.file] for row in group.shown],
                )
                for group in groups
            ]
        )

    def beside(pairs: Iterable[Pair]) -> list[sheets.Strip]:
        return sheets.wrapped(
            [(f"{pair.bits} bits", [pictures[pair.file], pictures[pair.other]]) for pair in pairs]
        )

    def rows(some: Iterable[Row]) -> list[sheets.Strip]:
        return sheets.wrapped(
            [(f"{style_of(row.file)} → {row.style}", [pictures[row.file]]) for row in some]
        )

    every = {
        "copies": ("One photograph, many files", strips(choices.copies)),
        "versions": ("One photograph, several versions", strips(choices.versions)),
        "farthest": ("Joined, but only just", beside(choices.farthest)),
        "nearest": ("Kept apart, but only just", beside(choices.nearest)),
        "conflicts": ("One photograph, several styles", strips(choices.conflicts)),
        "relabelled": ("Relabelled by hand", rows(choices.relabelled)),
        "dropped": ("Dropped by hand", rows(choices.dropped)),
        "resolved": ("Decided between two styles", strips(choices.resolved)),
    }
    (directory / "styles").mkdir()
    with applied(theme):
        for name, (title, content) in every.items():
            if content:
                figure = sheets.sheet(title, content, drawn, theme)
                save(figure, directory / f"{name}.jpg", SHEET_DOTS_PER_INCH)
        for name, style in zip(file_names(choices.styles), choices.styles, strict=True):
            content = sheets.wrapped([("", [pictures[row.file]]) for row in choices.styles[style]])
            figure = sheets.sheet(style or NO_STYLE, content, drawn, theme)
            save(figure, directory / "styles" / f"{name}.jpg", SHEET_DOTS_PER_INCH)


def file_names(styles: Iterable[str]) -> Sequence[str]:
    """Return a name for each style that any disk takes, no two alike even in other letters."""
    names: list[str] = []
    for style in styles:
        plain = "".join(letter if letter.isalnum() else "_" for letter in style)[:60] or "_"
        taken = {name.casefold() for name in names}
        names.append(plain if plain.casefold() not in taken else f"{plain}_{len(names)}")
    return names
