"""How figures look by day and by night, how they are saved, and photos side by side in one."""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import matplotlib.style
from matplotlib import rcParams
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.font_manager import get_font_names
from matplotlib.ticker import PercentFormatter
from PIL import Image

DOTS_PER_INCH = 160
STYLES = Path(__file__).with_name("templates")
LIGHT, DARK = "light", "dark"  # the themes
FIRST, SECOND = "C0", "C2"  # in the cycle of either; they differ to every kind of colour vision
DRAWN = "drawn facades, not photos"
PERCENT = PercentFormatter(1.0, decimals=0)
DASHED = (0, (4, 3))
COLUMNS = 8  # pictures side by side
LINE = 0.2  # inches of a line of text
LETTERS_PER_INCH = 17


@contextmanager
def applied(theme: str) -> Iterator[None]:
    """Draw inside this block in LIGHT or DARK, whatever the user's matplotlibrc says."""
    styles: list[str | Path] = ["default", STYLES / "charts.mplstyle", STYLES / f"{theme}.mplstyle"]
    with matplotlib.style.context(styles, after_reset=True):
        fonts, installed = rcParams["font.family"], get_font_names()
        rcParams["font.family"] = [font for font in fonts if font in installed]
        yield


def shades() -> LinearSegmentedColormap:
    """Return the colours from the surface to FIRST."""
    return LinearSegmentedColormap.from_list("shades", [rcParams["axes.facecolor"], FIRST])


def save(figure: Figure, path: Path | BytesIO, dots_per_inch: int = DOTS_PER_INCH) -> None:
    """Write a PNG or JPEG that is the same for the same figure, byte for byte."""
    with warnings.catch_warnings():
        # A style named in a script that the font lacks is drawn as boxes rather than refused.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        if isinstance(path, Path) and path.suffix == ".jpg":
            figure.savefig(path, dpi=dots_per_inch, pil_kwargs={"quality": 85})
        else:
            figure.savefig(path, format="png", dpi=dots_per_inch, metadata={"Software": None})


def note_drawn(figure: Figure, drawn: bool) -> None:
    """Say on the figure itself that no photo was looked at."""
    if drawn:
        # On the right, because legends are on the left.
        figure.suptitle(DRAWN, x=0.98, ha="right", color=SECOND, fontsize=9, weight="bold")


def shortened(name: str, length: int = 32) -> str:
    """Cut the middle out of a name that is too long for a figure."""
    return name if len(name) <= length else f"{name[: length - 9]}…{name[-8:]}"


def named_rows(axes: Axes, names: Sequence[str]) -> None:
    """Write names beside the rows of bars or points, the first one on top."""
    axes.set_yticks(range(len(names)), names)
    axes.tick_params(axis="y", labelcolor=rcParams["text.color"])
    axes.set_ylim(max(1, len(names)) - 0.5, -0.5)
    axes.grid(False, axis="y")


def legend(figure: Figure, of: Axes | None = None, columns: int = 2) -> None:
    """Put a legend above the figure, of all axes or of the one that speaks for all."""
    handles = of.get_legend_handles_labels() if of else ()
    figure.legend(*handles, loc="outside upper left", ncols=columns)


@dataclass(frozen=True)
class Tile:
    """Pictures that stay side by side, with up to two lines of text above the first."""

    pictures: Sequence[Image.Image]
    caption: str = ""
    note: str = ""
    right: bool | None = None  # whether the answer in the caption is right, where it is one


def contact_sheet(title: str, tiles: Sequence[Tile], drawn: bool, side: float = 1.35) -> Figure:
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
    told = SECOND if drawn else rcParams["text.color"]
    figure.suptitle(title, x=0.01, y=1 - 0.22 / height, ha="left", va="center", color=told)
    grid = figure.subplots(down, across, squeeze=False)
    gaps = {"wspace": 0.06, "hspace": 0.06 + LINE * lines / side}
    figure.subplots_adjust(0.01, 0.01, 0.99, 1 - (0.45 + LINE * lines) / height, **gaps)
    for axes in grid.flat:
        axes.set_axis_off()
    colours = {None: rcParams["axes.labelcolor"], True: FIRST, False: SECOND}
    for start, tile in zip(starts, tiles, strict=True):
        beside = grid.flat[start : start + len(tile.pictures)]
        for axes, picture in zip(beside, tile.pictures, strict=True):
            axes.imshow(picture, interpolation="antialiased")
        texts = (tile.caption, colours[tile.right]), (tile.note, rcParams["axes.labelcolor"])
        for line, (text, colour) in enumerate(texts):
            text = shortened(text, int(len(tile.pictures) * side * LETTERS_PER_INCH))
            at = {"xy": (0, 1), "xytext": (0, 72 * LINE * (lines - line) - 11)}
            where = {"xycoords": "axes fraction", "textcoords": "offset points"}
            beside[0].annotate(text, fontsize=7, color=colour, **at, **where)
    return figure
