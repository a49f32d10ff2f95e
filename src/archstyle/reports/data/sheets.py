"""Pictures side by side as figures, for those who look at the run rather than the page."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure
from PIL import Image

from archstyle.reports.data.figures import shortened
from archstyle.reports.theme import DRAWN, Theme, plain

COLUMNS = 8
TILE = 1.35  # inches a side
GAP = 0.08
LINE = 0.2  # inches of text


@dataclass(frozen=True)
class Strip:
    """A row of pictures, or gaps, with a line of text below each."""

    pictures: Sequence[Image.Image | None]
    captions: Sequence[str]

    @property
    def height(self) -> float:
        """Inches from top to bottom."""
        return TILE + LINE * any(self.captions)


def wrapped(items: Sequence[tuple[str, Sequence[Image.Image]]]) -> list[Strip]:
    """Return rows of pictures, breaking no item; its caption is below an item's first picture."""
    apart = max([len(pictures) for _, pictures in items], default=1) > 1
    rows: list[list[tuple[str, Image.Image | None]]] = [[]]
    for caption, pictures in items:
        gap = apart and bool(rows[-1])
        if len(rows[-1]) + gap + len(pictures) > COLUMNS:
            rows.append([])
            gap = False
        rows[-1] += [("", None)] * gap
        rows[-1] += zip((caption, *[""] * (len(pictures) - 1)), pictures, strict=True)
    return [Strip([p for _, p in row], [caption for caption, _ in row]) for row in rows if row]


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
        for column, picture in enumerate(strip.pictures):
            if picture is None:
                continue
            left, side = column * TILE + GAP / 2, TILE - GAP
            scale = side / max(picture.size)
            wide, high = picture.width * scale, picture.height * scale
            x, y = left + (side - wide) / 2, top + (side - high) / 2
            axes.imshow(picture, extent=(x, x + wide, y + high, y), interpolation="antialiased")
        for column, caption in enumerate(strip.captions):
            axes.text(
                column * TILE + GAP / 2, top + TILE + LINE / 3, shortened(caption, 24),
                fontsize=7, va="center", color=theme.muted,
            )  # fmt: skip
        top += strip.height
    # imshow sets them to its own picture each time.
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    axes.set_aspect("auto")
    return figure
