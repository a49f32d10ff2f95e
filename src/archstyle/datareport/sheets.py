"""Pictures side by side as figures, for those who look at the run rather than the page."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure
from PIL import Image

from archstyle.datareport.figures import shortened
from archstyle.pages.theme import DRAWN, Theme, plain

COLUMNS = 8
TILE = 1.35  # inches a side
GAP = 0.08
LINE = 0.2  # inches of text


@dataclass(frozen=True)
class Strip:
    """Pictures in a row, with a line above them and one below each."""

    title: str
    pictures: Sequence[Image.Image]
    captions: Sequence[str] = ()

    @property
    def height(self) -> float:
        """Inches from top to bottom."""
        return TILE + LINE * (2 * bool(self.title) + bool(self.captions))


def wrapped(items: Sequence[tuple[str, Sequence[Image.Image]]]) -> list[Strip]:
    """Return rows of pictures, breaking no item; each item's caption is below its first one."""
    rows: list[list[tuple[str, Image.Image]]] = [[]]
    for caption, pictures in items:
        if len(rows[-1]) + len(pictures) > COLUMNS:
            rows.append([])
        rows[-1] += zip((caption, *[""] * (len(pictures) - 1)), pictures, strict=True)
    return [
        Strip(
            "",
            [picture for _, picture in row],
            [caption for caption, _ in row] if any(caption for caption, _ in row) else (),
        )
        for row in rows
        if row
    ]


def sheet(title: str, strips: Sequence[Strip], drawn: bool, theme: Theme) -> Figure:
    """Draw strips of pictures below one another."""
    columns = max([len(strip.pictures) for strip in strips], default=1)
    width = max(4.5, columns * TILE)
    height = sum(strip.height for strip in strips) + 0.5
    figure = Figure(figsize=(width, height))
    axes = figure.add_axes((0, 0, 1, 1))
    plain(axes)
    if drawn:
        title = f"{title} ({DRAWN})"
    colour = theme.second if drawn else theme.ink
    axes.text(GAP, 0.22, shortened(title, 60), fontsize=12, va="center", color=colour)
    top = 0.45
    for strip in strips:
        at = top
        if strip.title:
            axes.text(GAP, at + LINE, shortened(strip.title, 90), fontsize=8, va="center")
            at += 2 * LINE
        for column, picture in enumerate(strip.pictures):
            left, side = column * TILE + GAP / 2, TILE - GAP
            scale = side / max(picture.size)
            wide, high = picture.width * scale, picture.height * scale
            x, y = left + (side - wide) / 2, at + (side - high) / 2
            axes.imshow(picture, extent=(x, x + wide, y + high, y), interpolation="antialiased")
        for column, caption in enumerate(strip.captions):
            axes.text(
                column * TILE + GAP / 2, at + TILE + LINE / 3, shortened(caption, 22),
                fontsize=7, va="center", color=theme.muted,
            )  # fmt: skip
        top += strip.height
    # imshow sets them to its own picture each time.
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    axes.set_aspect("auto")
    return figure
