"""Sheets of photos as figures, for those who look at the run rather than the report."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from archstyle.reports.evaluation.gallery import Shown
from archstyle.reports.theme import DRAWN, Theme, plain

COLUMNS = 4


def sheet(title: str, photos: Sequence[Shown], drawn: bool, theme: Theme) -> Figure:
    """Draw each photo beside itself with its heat map, and what was said of it."""
    rows = max(1, -(-len(photos) // COLUMNS))
    figure = Figure(figsize=(COLUMNS * 3.3, rows * 2.35 + 0.5), layout="constrained")
    if drawn:
        title = f"{title} ({DRAWN})"
    figure.suptitle(title, x=0.01, ha="left", fontsize=13, color=theme.second if drawn else None)
    for index, tile in enumerate(figure.subfigures(rows, COLUMNS, squeeze=False).flat):
        if index >= len(photos):
            continue
        shown = photos[index]
        views = [shown.photo] if shown.heat is None else [shown.photo, shown.with_heat]
        for axes, view in zip(tile.subplots(1, len(views), squeeze=False).flat, views, strict=True):
            axes.imshow(view)
            plain(axes)
        said = f"{shown.predicted} {shown.probability:.0%}"
        if not shown.right:
            said += f", labelled {shown.label}"
        colour = theme.first if shown.right else theme.second
        tile.suptitle(said, fontsize=9, color=colour)
        tile.supxlabel(_short(shown.file), fontsize=7, color=theme.muted)
    return figure


def _short(name: str, length: int = 44) -> str:
    return name if len(name) <= length else f"{name[: length - 16]}…{name[-15:]}"
