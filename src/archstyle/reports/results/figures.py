"""The figures of docs/results.md."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from PIL import Image

from archstyle.bundle.golden import GOLDEN_PHOTOS
from archstyle.reports.results.perturbations import PERTURBATIONS, Perturbation, sized
from archstyle.reports.results.table import Line
from archstyle.reports.theme import LIGHT, Theme, applied, note_drawn, plain, save

PERCENT = PercentFormatter(1.0, decimals=0)
COLUMNS = 4
EXAMPLES_DOTS_PER_INCH = 72  # noise takes room
Points = Mapping[str, Sequence[Mapping[str, float]]]


def draw_all(folder: Path, lines: Sequence[Line], points: Points, drawn: bool) -> None:
    """Write results.png, robustness.png and perturbations.png."""
    with applied(LIGHT):
        for name, figure in (
            ("results", accuracies(lines, LIGHT)),
            ("robustness", robustness(points, LIGHT)),
        ):
            note_drawn(figure, drawn, LIGHT)
            save(figure, folder / f"{name}.png")
        save(examples(LIGHT), folder / "perturbations.png", EXAMPLES_DOTS_PER_INCH)


def accuracies(lines: Sequence[Line], theme: Theme) -> Figure:
    """Draw each recipe's accuracy with its 95 % interval, as labelled and as corrected."""
    figure = Figure(figsize=(8.2, 1.3 + 0.5 * len(lines)), layout="constrained")
    axes = figure.subplots()
    for offset, prefix, name, colour in (
        (-0.13, "", "as labelled", theme.first),
        (0.13, "corrected_", "as corrected", theme.second),
    ):
        value, low, high = (
            np.array([line.metrics[f"{prefix}accuracy{end}"] for line in lines])
            for end in ("", "_low", "_high")
        )
        ends = np.clip([value - low, high - value], 0, None)
        y = np.arange(len(lines)) + offset
        axes.errorbar(value, y, xerr=ends, fmt="o", color=colour, ms=6, capsize=3, label=name)
    axes.set_yticks(range(len(lines)), [line.short for line in lines])
    axes.tick_params(axis="y", labelcolor=theme.ink)
    axes.set_ylim(len(lines) - 0.5, -0.5)
    axes.xaxis.set_major_formatter(PERCENT)
    axes.set_xlabel("right, with the 95 % interval")
    axes.grid(False, axis="y")
    if any(line.leaks for line in lines):
        leaking = next(index for index, line in enumerate(lines) if line.leaks)
        axes.axhspan(leaking - 0.5, leaking + 0.5, color=theme.grid, alpha=0.6, zorder=0)
    figure.legend(loc="outside upper left", ncols=2)
    return figure


def robustness(points: Points, theme: Theme) -> Figure:
    """Draw accuracy and the share that is answered against the strength of each perturbation."""
    rows = -(-len(PERTURBATIONS) // COLUMNS)
    figure = Figure(figsize=(9.6, 2.5 * rows + 0.5), layout="constrained")
    grid = figure.subplots(rows, COLUMNS, squeeze=False, sharey=True)
    [start] = points["unchanged"]
    for axes, perturbation in zip(grid.flat, PERTURBATIONS, strict=False):
        _panel(axes, perturbation, [start, *points[perturbation.name]], theme)
    for axes in grid.flat[len(PERTURBATIONS) :]:
        axes.set_visible(False)
    figure.legend(*grid[0, 0].get_legend_handles_labels(), loc="outside upper left", ncols=3)
    return figure


def examples(theme: Theme) -> Figure:
    """Show what the strengths look like, on a golden photo."""
    with Image.open(GOLDEN_PHOTOS / "gothic-101.png") as golden:
        photo = sized(golden)
    width = len(PERTURBATIONS[0].strengths) + 1
    figure = Figure(figsize=(1.35 * width, 1.5 * len(PERTURBATIONS)), layout="constrained")
    grid = figure.subplots(len(PERTURBATIONS), width)
    for row, perturbation in zip(grid, PERTURBATIONS, strict=True):
        for axes, strength in zip(row, (None, *perturbation.strengths), strict=True):
            changed = photo
            if strength is not None:
                changed = perturbation.change(photo, strength, np.random.default_rng(0))
                axes.set_title(f"{strength:g}", fontsize=8, pad=3, color=theme.muted)
            axes.imshow(np.asarray(changed.resize((120, 120))))
            plain(axes)
        row[0].set_ylabel(perturbation.name)
    return figure


def _panel(
    axes: Axes, perturbation: Perturbation, points: Sequence[Mapping[str, float]], theme: Theme
) -> None:
    x = range(len(points))
    for name, key, colour, line in (
        ("right", "corrected_accuracy", theme.first, "-"),
        ("answered", "answered_share", theme.muted, ":"),
        ("of these right", "answered_accuracy", theme.second, "--"),
    ):
        values = [point[key] for point in points]
        axes.plot(x, values, line, color=colour, label=name, marker="o", ms=4, linewidth=1.8)
    axes.set_title(f"{perturbation.name}: {perturbation.unit}", fontsize=9)
    axes.set_xticks(x, ["none", *(f"{strength:g}" for strength in perturbation.strengths)])
    axes.set_ylim(0, 1.03)
    axes.yaxis.set_major_formatter(PERCENT)
