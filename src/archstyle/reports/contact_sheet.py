"""Contact sheets: photos side by side in one figure, for the run in MLflow."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure
from PIL import Image

from archstyle.reports.theme import DRAWN, Theme, shortened

COLUMNS = 8  # pictures side by side
LINE = 0.2  # inches of a line of text
LETTERS_PER_INCH = 17


@dataclass(frozen=True)
class Tile:
    """Pictures that stay side by side, with up to two lines of text above the first."""

    pictures: Sequence[Image.Image]
    caption: str = ""
    note: str = ""
    right: bool | None = None  # whether the answer in the caption is right, where it is one


def contact_sheet(
    title: str, tiles: Sequence[Tile], drawn: bool, theme: Theme, side: float = 1.35
) -> Figure:
    """Draw rows of tiles below one another, each picture in a square of `side` inches."""
    starts, end = [], 0
    for tile in tiles:
        if end % COLUMNS + len(tile.pictures) > COLUMNS:
            end += -end % COLUMNS
        starts.append(end)
        end += len(tile.pictures)
    across, down = max(1, min(COLUMNS, end)), max(1, -(-end // COLUMNS))
    lines = max((bool(tile.caption) + bool(tile.note) for tile in tiles), default=0)
    height = 0.5 + down * (side + LINE * lines)
    figure = Figure(figsize=(max(4.5, across * side), height))
    title = shortened(f"{title} ({DRAWN})" if drawn else title, 60)
    colour = theme.second if drawn else theme.ink
    figure.suptitle(title, x=0.01, y=1 - 0.22 / height, ha="left", va="center", color=colour)
    grid = figure.subplots(down, across, squeeze=False)
    gaps = {"wspace": 0.06, "hspace": 0.06 + LINE * lines / side}
    figure.subplots_adjust(0.01, 0.01, 0.99, 1 - (0.45 + LINE * lines) / height, **gaps)
    for axes in grid.flat:
        axes.set_axis_off()
    colours = {None: theme.muted, True: theme.first, False: theme.second}
    for start, tile in zip(starts, tiles, strict=True):
        beside = grid.flat[start : start + len(tile.pictures)]
        for axes, picture in zip(beside, tile.pictures, strict=True):
            axes.imshow(picture, interpolation="antialiased")
        texts = (tile.caption, colours[tile.right]), (tile.note, theme.muted)
        for line, (text, colour) in enumerate(texts):
            text = shortened(text, int(len(tile.pictures) * side * LETTERS_PER_INCH))
            at = {"xy": (0, 1), "xytext": (0, 72 * LINE * (lines - line) - 11)}
            where = {"xycoords": "axes fraction", "textcoords": "offset points"}
            beside[0].annotate(text, fontsize=7, color=colour, **at, **where)
    return figure
