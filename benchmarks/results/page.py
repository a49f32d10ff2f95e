"""docs/results.md with its figures, and the table in the README."""

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup
from matplotlib import rcParams
from matplotlib.figure import Figure
from PIL import Image

from archstyle.bundle.bundle import GOLDEN_PHOTOS
from archstyle.common.console import say
from archstyle.common.parallel import cores
from archstyle.metrics.predictions import Labels
from archstyle.reports.page import render, write
from archstyle.reports.theme import (
    FIRST,
    LIGHT,
    PERCENT,
    SECOND,
    applied,
    legend,
    named_rows,
    note_drawn,
    save,
)
from benchmarks.results.recipes import Recipe
from benchmarks.results.released import BY as RELEASE
from benchmarks.results.released import between_markers
from benchmarks.results.robustness import PERTURBATIONS, Points, sized

BY = "make results"
PACKAGE = "benchmarks.results"  # of the templates
COLUMNS = 4
EXAMPLES_DOTS_PER_INCH = 72  # noise takes room
Lines = Sequence[tuple[Recipe, Mapping[str, Any]]]


def write_results(
    root: Path,
    *,
    lines: Lines,
    robust: Mapping[str, Points],  # by split
    labels: Labels,
    summary: Mapping[str, Any],
    git: Mapping[str, str],
    limit: int | None = None,  # photos of each style, for a quick look
    seeds: Mapping[int, Mapping[str, float]] | None = None,  # metrics of the default recipe
) -> None:
    """Write docs/results.md and the README's table; of a toy's results, reports/results/ only."""
    counts, drawn = summary["counts"], bool(summary["source"]["drawn"])
    toy = "drawn facades, not photos" if drawn else ""
    toy = toy or (f"only {limit} photos of each style" if limit else "")
    folder = root / ("reports/results" if toy else "docs")
    folder.mkdir(parents=True, exist_ok=True)
    with applied(LIGHT):
        for name, figure in (
            ("results", draw_accuracies(lines)),
            ("robustness", draw_robustness(robust["test"])),
        ):
            note_drawn(figure, drawn)
            save(figure, folder / f"{name}.png")
        save(draw_examples(), folder / "perturbations.png", EXAMPLES_DOTS_PER_INCH)
    told = {
        "lines": lines,
        "default": next(found["metrics"] for recipe, found in lines if recipe.is_default),
        "reference": next((found for recipe, found in lines if recipe.leaks), None),
        "guess": max(sorted(counts), key=lambda style: counts[style]["train"]),
        "photographs": sum(sum(splits.values()) for splits in counts.values()),
        "validation_photos": sum(n.get("validation", 0) for n in counts.values()),
        "labels": labels,
        "source": summary["source"],
        "git": git,
        "toy": toy,
        "seeds": seeds or {},
        "deviation": statistics.stdev,
        "cores": cores(),
        "robust": robust,
        "perturbations": PERTURBATIONS,
    }
    old = (folder / "results.md").read_text("utf-8") if (folder / "results.md").is_file() else ""
    told["released"] = Markup(between_markers(old, RELEASE))  # which only a release changes
    pages = {folder / "results.md": render("results.md", PACKAGE, **told) + "\n"}
    if not toy:
        readme = (root / "README.md").read_text("utf-8")
        if filled := between_markers(readme, BY, render("results-readme.md", PACKAGE, **told)):
            pages[root / "README.md"] = filled
        else:
            say("README.md has no markers for the table, so it stays as it is.")
    for path, text in pages.items():
        write(path, text)
        say(f"Wrote {path.relative_to(root)}.")
    if toy:
        say(f"These are results on {toy}: docs/results.md and the README stay as they are.")


def draw_accuracies(lines: Lines) -> Figure:
    """Draw each recipe's accuracy with its 95 % interval, as labelled and as corrected."""
    figure = Figure(figsize=(8.2, 1.3 + 0.5 * len(lines)), layout="constrained")
    axes = figure.subplots()
    for offset, prefix, name, colour in (
        (-0.13, "", "as labelled", FIRST),
        (0.13, "corrected_", "as corrected", SECOND),
    ):
        value, low, high = (
            np.array([found["metrics"][f"{prefix}accuracy{end}"] for _, found in lines])
            for end in ("", "_low", "_high")
        )
        ends = np.clip([value - low, high - value], 0, None)
        y = np.arange(len(lines)) + offset
        axes.errorbar(value, y, xerr=ends, fmt="o", color=colour, ms=6, capsize=3, label=name)
    named_rows(axes, [recipe.short for recipe, _ in lines])
    axes.xaxis.set_major_formatter(PERCENT)
    axes.set_xlabel("right, with the 95 % interval")
    for index, (recipe, _) in enumerate(lines):
        if recipe.leaks:
            colour = rcParams["grid.color"]
            axes.axhspan(index - 0.5, index + 0.5, color=colour, alpha=0.6, zorder=0)
    legend(figure)
    return figure


def draw_robustness(points: Points) -> Figure:
    """Draw accuracy and the share that is answered against the strength of each perturbation."""
    rows = -(-len(PERTURBATIONS) // COLUMNS)
    figure = Figure(figsize=(9.6, 2.5 * rows + 0.5), layout="constrained")
    grid = figure.subplots(rows, COLUMNS, squeeze=False, sharey=True)
    for axes, one in zip(grid.flat, PERTURBATIONS, strict=False):
        strengths = [*points["unchanged"], *points[one.name]]
        for name, key, colour, line in (
            ("right", "accuracy", FIRST, "-"),
            ("answered", "answered_share", rcParams["axes.labelcolor"], ":"),
            ("of these right", "answered_accuracy", SECOND, "--"),
        ):
            values = [point[key] for point in strengths]
            axes.plot(values, line, color=colour, label=name, marker="o", ms=4, linewidth=1.8)
        axes.set_title(f"{one.name}: {one.unit}", fontsize=9)
        axes.set_xticks(range(len(strengths)), ["none", *(f"{at:g}" for at in one.strengths)])
        axes.set_ylim(0, 1.03)
        axes.yaxis.set_major_formatter(PERCENT)
    for axes in grid.flat[len(PERTURBATIONS) :]:
        axes.set_visible(False)
    legend(figure, grid[0, 0], columns=3)
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
                colour = rcParams["axes.labelcolor"]
                axes.set_title(f"{strength:g}", fontsize=8, pad=3, color=colour)
            axes.imshow(np.asarray(changed.resize((120, 120))))
            axes.grid(False)
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set_visible(False)
        row[0].set_ylabel(one.name)
    return figure
