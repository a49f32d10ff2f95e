"""Contact sheets: photos side by side in one figure, for the run in MLflow."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure
from PIL import Image

from archstyle.reports.theme import DRAWN, Theme, plain, shortened

COLUMNS = 8.8  # pictures side by side: eight, or four tiles of two
APART = 0.25  # of a column, between tiles of several pictures
GAP = 0.08  # inches between pictures
LINE = 0.2  # inches of a line of text
LETTERS_PER_INCH = 17


@dataclass(frozen=True)
class Tile:
    """Pictures that stay side by side, with up to two lines of text below the first."""

    pictures: Sequence[Image.Image]
    caption: str = ""
    note: str = ""
    right: bool | None = None  # whether the answer in the caption is right, where it is one

    @property
    def lines(self) -> int:
        """The lines of text."""
        return 2 if self.note else 1 if self.caption else 0


def rows_of(tiles: Sequence[Tile]) -> list[list[tuple[float, Tile]]]:
    """Return rows of (column, tile) in which no tile is broken."""
    apart = APART if any(len(tile.pictures) > 1 for tile in tiles) else 0.0
    rows: list[list[tuple[float, Tile]]] = []
    column = COLUMNS
    for tile in tiles:
        if column + len(tile.pictures) > COLUMNS:
            rows.append([])
            column = 0.0
        rows[-1].append((column, tile))
        column += len(tile.pictures) + apart
    return rows


def contact_sheet(
    title: str, tiles: Sequence[Tile], drawn: bool, theme: Theme, side: float = 1.35
) -> Figure:
    """Draw rows of tiles below one another, each picture in a square of `side` inches."""
    rows = rows_of(tiles)
    columns = max([column + len(t.pictures) for row in rows for column, t in row], default=1)
    heights = [side + LINE * max(tile.lines for _, tile in row) for row in rows]
    width, height = max(4.5, columns * side), sum(heights) + 0.5
    figure = Figure(figsize=(width, height))
    axes = figure.add_axes((0, 0, 1, 1))
    plain(axes)
    colours = {None: theme.muted, True: theme.first, False: theme.second}
    title = shortened(f"{title} ({DRAWN})" if drawn else title, 60)
    colour = theme.second if drawn else theme.ink
    axes.text(GAP, 0.22, title, fontsize=12, va="center", color=colour)
    top = 0.45
    for row, tall in zip(rows, heights, strict=True):
        for column, tile in row:
            for number, picture in enumerate(tile.pictures):
                scale = (side - GAP) / max(picture.size)
                wide, high = picture.width * scale, picture.height * scale
                x, y = (column + number) * side + (side - wide) / 2, top + (side - GAP - high) / 2
                axes.imshow(picture, extent=(x, x + wide, y + high, y), interpolation="antialiased")
            letters = int(max(1, len(tile.pictures)) * side * LETTERS_PER_INCH)
            lines = ((tile.caption, colours[tile.right]), (tile.note, theme.muted))
            for line, (text, colour) in enumerate(lines):
                y = top + side + LINE * (line + 1 / 3)
                text = shortened(text, letters)
                axes.text(column * side + GAP / 2, y, text, fontsize=7, va="center", color=colour)
        top += tall
    # imshow sets them to its own picture each time.
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    axes.set_aspect("auto")
    return figure
