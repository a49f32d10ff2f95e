"""The figures of docs/results.md."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from archstyle.bundle.bundle import GOLDEN_PHOTOS
from archstyle.reports.results.robustness import PERTURBATIONS, Points, sized
from archstyle.reports.theme import LIGHT, PERCENT, applied, note_drawn, plain, save

COLUMNS = 4
EXAMPLES_DOTS_PER_INCH = 72  # noise takes room


@dataclass(frozen=True)
class Line:
    """A row of the table."""

    title: str
    short: str  # for a figure
    metrics: Mapping[str, float]
    train_seconds: float | None = None
    bytes: Mapping[str, int] | None = None
    is_default: bool = False
    leaks: bool = False


def write_figures(folder: Path, lines: Sequence[Line], points: Points, drawn: bool) -> None:
    """Write results.png, robustness.png and perturbations.png."""
    with applied(LIGHT):
        figures = {"results": draw_accuracies(lines), "robustness": draw_robustness(points)}
        for name, figure in figures.items():
            note_drawn(figure, drawn, LIGHT)
            save(figure, folder / f"{name}.png")
        save(draw_examples(), folder / "perturbations.png", EXAMPLES_DOTS_PER_INCH)


def draw_accuracies(lines: Sequence[Line]) -> Figure:
    """Draw each recipe's accuracy with its 95 % interval, as labelled and as corrected."""
    figure = Figure(figsize=(8.2, 1.3 + 0.5 * len(lines)), layout="constrained")
    axes = figure.subplots()
    for offset, prefix, name, colour in (
        (-0.13, "", "as labelled", LIGHT.first),
        (0.13, "corrected_", "as corrected", LIGHT.second),
    ):
        value, low, high = (
            np.array([line.metrics[f"{prefix}accuracy{end}"] for line in lines])
            for end in ("", "_low", "_high")
        )
        ends = np.clip([value - low, high - value], 0, None)
        y = np.arange(len(lines)) + offset
        axes.errorbar(value, y, xerr=ends, fmt="o", color=colour, ms=6, capsize=3, label=name)
    axes.set_yticks(range(len(lines)), [line.short for line in lines])
    axes.tick_params(axis="y", labelcolor=LIGHT.ink)
    axes.set_ylim(len(lines) - 0.5, -0.5)
    axes.xaxis.set_major_formatter(PERCENT)
    axes.set_xlabel("right, with the 95 % interval")
    axes.grid(False, axis="y")
    for index, line in enumerate(lines):
        if line.leaks:
            axes.axhspan(index - 0.5, index + 0.5, color=LIGHT.grid, alpha=0.6, zorder=0)
    figure.legend(loc="outside upper left", ncols=2)
    return figure


def draw_robustness(points: Points) -> Figure:
    """Draw accuracy and the share that is answered against the strength of each perturbation."""
    rows = -(-len(PERTURBATIONS) // COLUMNS)
    figure = Figure(figsize=(9.6, 2.5 * rows + 0.5), layout="constrained")
    grid = figure.subplots(rows, COLUMNS, squeeze=False, sharey=True)
    for axes, one in zip(grid.flat, PERTURBATIONS, strict=False):
        strengths = [*points["unchanged"], *points[one.name]]
        for name, key, colour, line in (
            ("right", "corrected_accuracy", LIGHT.first, "-"),
            ("answered", "answered_share", LIGHT.muted, ":"),
            ("of these right", "answered_accuracy", LIGHT.second, "--"),
        ):
            values = [point[key] for point in strengths]
            axes.plot(values, line, color=colour, label=name, marker="o", ms=4, linewidth=1.8)
        axes.set_title(f"{one.name}: {one.unit}", fontsize=9)
        axes.set_xticks(range(len(strengths)), ["none", *(f"{at:g}" for at in one.strengths)])
        axes.set_ylim(0, 1.03)
        axes.yaxis.set_major_formatter(PERCENT)
    for axes in grid.flat[len(PERTURBATIONS) :]:
        axes.set_visible(False)
    figure.legend(*grid[0, 0].get_legend_handles_labels(), loc="outside upper left", ncols=3)
    return figure


def draw_examples() -> Figure:
    """Show what the strengths look like, on a golden photo."""
    with Image.open(GOLDEN_PHOTOS / "gothic-101.png") as golden:
        photo = sized(golden)
    width = len(PERTURBATIONS[0].strengths) + 1
    figure = Figure(figsize=(1.35 * width, 1.5 * len(PERTURBATIONS)), layout="constrained")
    grid = figure.subplots(len(PERTURBATIONS), width)
    for row, one in zip(grid, PERTURBATIONS, strict=True):
        for axes, strength in zip(row, (None, *one.strengths), strict=True):
            changed = photo
            if strength is not None:
                changed = one.change(photo, strength, np.random.default_rng(0))
                axes.set_title(f"{strength:g}", fontsize=8, pad=3, color=LIGHT.muted)
            axes.imshow(np.asarray(changed.resize((120, 120))))
            plain(axes)
        row[0].set_ylabel(one.name)
    return figure
