"""The charts of the report on the data; each function returns a figure drawn in the theme."""

from collections import Counter
from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from archstyle.data.duplicates.hash import BITS
from archstyle.reports.collection import FATES, Alike
from archstyle.reports.theme import DASHED, Theme, legend, named_rows, shortened

NO_STYLE = "in no style's folder"
MANY = 2000  # photos from which on points would hide one another
# As --fate-... in data.css; they differ in lightness too, for every kind of colour vision.
COLOURS = {
    "light": ("#1f6f8b", "#74b3c7", "#c4562f", "#d9d4c9", "#8c5aa0", "#68707a", "#22262b"),
    "dark": ("#5db7d3", "#2f6c80", "#f0895f", "#4a5058", "#b98bd0", "#9aa3ad", "#e8e6e1"),
}
THOUSANDS = FuncFormatter(lambda value, _: f"{value:,.0f}")


def counts(styles: Mapping[str, Counter[str]], theme: Theme) -> Figure:
    """Draw a bar for each style: its photos in each split, and what became of the others."""
    figure = Figure(figsize=(8.4, 1.2 + 0.36 * max(1, len(styles))), layout="constrained")
    axes = figure.subplots()
    rows, left = np.arange(len(styles)), np.zeros(len(styles))
    for kind, colour in zip(FATES, COLOURS[theme.name], strict=True):
        width = np.array([of_style[kind] for of_style in styles.values()], float)
        if width.any():
            axes.barh(rows, width, 0.72, left=left, color=colour, label=kind)
            left += width
    names = [f"{shortened(name) or NO_STYLE} ({sum(n.values()):,})" for name, n in styles.items()]
    named_rows(axes, names, theme)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.xaxis.set_major_formatter(THOUSANDS)
    axes.set_xlabel("files")
    if styles:
        legend(figure, columns=len(FATES))
    return figure


def distances(alike: Alike, distance: int, theme: Theme) -> Figure:
    """Draw how many pairs of photos, some at least, differ in how many bits."""
    figure = Figure(figsize=(7.2, 3.4), layout="constrained")
    axes = figure.subplots()
    for pairs, name, colour, offset in (
        (alike.same, "one photograph", theme.first, -0.22),
        (alike.apart, "two photographs", theme.second, 0.22),
    ):
        if pairs:
            at = np.array(list(pairs)) + offset
            axes.bar(at, list(pairs.values()), 0.44, color=colour, label=name)
    axes.axvline(distance + 0.5, color=theme.ink, linewidth=1, linestyle=DASHED)
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(THOUSANDS)
    axes.yaxis.set_minor_locator(NullLocator())
    axes.set_ylim(0.7, None)
    axes.set_xlim(-0.8, max([distance, *alike.same, *alike.apart]) + 1)
    axes.set_xlabel(f"bits of {BITS} in which the perceptual hashes differ")
    axes.set_ylabel("pairs of photos")
    legend(figure)
    return figure


def sizes(facts: pd.DataFrame, needed: int, theme: Theme) -> Figure:
    """Draw width against height of every photo, and the `needed` pixels that networks look at."""
    figure = Figure(figsize=(5.2, 4.4), layout="constrained")
    axes = figure.subplots()
    width, height = facts.width.to_numpy(float), facts.height.to_numpy(float)
    axes.set_xscale("log")
    axes.set_yscale("log")
    if len(width) > MANY:
        axes.hexbin(
            width, height, gridsize=60, xscale="log", yscale="log", mincnt=1,
            cmap=theme.shades, norm=LogNorm(vmin=0.1), linewidths=0,
        )  # fmt: skip
    else:
        axes.scatter(width, height, 9, color=theme.first, alpha=0.35, linewidths=0)
    low = min(width.min(initial=64), height.min(initial=64)) * 0.8
    high = max(width.max(initial=1024), height.max(initial=1024)) * 1.25
    axes.set_xlim(low, high)
    axes.set_ylim(low, high)
    for line in (axes.axhline, axes.axvline):
        line(needed, color=theme.second, linewidth=1, linestyle=DASHED)
    ticks = [2.0**power for power in range(4, 17) if low <= 2**power <= high]
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(FixedLocator(ticks[:: 1 + len(ticks) // 8]))
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(THOUSANDS)
    axes.set_xlabel("width in pixels")
    axes.set_ylabel("height in pixels")
    axes.set_aspect("equal")
    return figure
