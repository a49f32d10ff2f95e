"""The charts of an evaluation; each function returns a figure drawn in the theme."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from archstyle.metrics.calibration import Reliability, RiskCoverage
from archstyle.metrics.classification import Floats, Ints, StyleScore
from archstyle.reports.evaluation.inputs import Curves
from archstyle.reports.theme import Theme

PHASES = {"head": "head only", "network": "whole network"}
PERCENT = PercentFormatter(1.0, decimals=0)


def confusion(matrix: Ints, names: Sequence[str], theme: Theme) -> Figure:
    """Draw counts and the percentages of each row in one grid, sized by the number of styles."""
    k = len(names)
    shares = matrix / np.maximum(1, matrix.sum(1, keepdims=True))
    cell = 0.75 if k <= 8 else 0.56
    margin = 0.5 + 0.085 * max(len(name) for name in names)
    figure = Figure(
        figsize=(k * cell + margin + 0.5, k * cell + margin + 0.7), layout="constrained"
    )
    axes = figure.subplots()
    axes.imshow(shares, cmap=theme.shades, vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(matrix):
        if not count and k > 8:
            continue
        colour = theme.surface if shares[row, column] > 0.55 else theme.ink
        text = f"{count}\n{shares[row, column]:.0%}" if count else "0"
        size = 10 if k <= 8 else 7.5
        axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=size)
    axes.grid(False)
    axes.spines[:].set_visible(False)
    # Gaps between the cells read better than lines around them.
    for edge in np.arange(-0.5, k + 0.5):
        axes.axhline(edge, color=theme.surface, linewidth=2)
        axes.axvline(edge, color=theme.surface, linewidth=2)
    axes.set_xlim(-0.5, k - 0.5)
    axes.set_ylim(k - 0.5, -0.5)
    axes.set_yticks(range(k), names)
    _name_columns(axes, names)
    axes.set_xlabel("what the model says")
    axes.set_ylabel("what the photo shows")
    return figure


def curves(history: Sequence[Curves], theme: Theme) -> Figure:
    """Draw loss and accuracy by epoch, one column for each phase of training."""
    figure = Figure(figsize=(5.2, 4.4), layout="constrained")
    grid = figure.subplots(2, len(history), squeeze=False, sharey="row")
    for column, phase in enumerate(history):
        loss, accuracy = grid[0, column], grid[1, column]
        loss.set_title(
            {"head": "head only", "network": "whole network"}.get(phase.name, phase.name)
        )
        _pair(loss, phase.epoch, phase.loss, phase.validation_loss, theme)
        _pair(accuracy, phase.epoch, phase.accuracy, phase.validation_accuracy, theme)
        accuracy.yaxis.set_major_formatter(PERCENT)
        accuracy.set_xlabel("epoch")
        for axes in (loss, accuracy):
            axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        loss.tick_params(labelbottom=False)
    grid[0, 0].set_ylabel("loss")
    grid[1, 0].set_ylabel("accuracy")
    figure.legend(*grid[0, 0].get_legend_handles_labels(), loc="outside upper left", ncols=2)
    return figure


def per_style(scores: Sequence[StyleScore], names: Sequence[str], theme: Theme) -> Figure:
    """Draw precision and recall of every style as bars with their 95 % intervals."""
    k = len(scores)
    figure = Figure(figsize=(4.8, 1.1 + 0.6 * k), layout="constrained")
    axes = figure.subplots()
    rows = np.arange(k)
    for offset, name, colour in ((-0.19, "precision", theme.first), (0.19, "recall", theme.second)):
        found = [getattr(score, name) for score in scores]
        value = np.array([interval.value for interval in found])
        ends = np.array([[i.value - i.low for i in found], [i.high - i.value for i in found]])
        axes.barh(rows + offset, value, 0.34, color=colour, label=name, alpha=0.85)
        axes.errorbar(
            value, rows + offset, xerr=np.clip(ends, 0, None), fmt="none", ecolor=theme.ink,
            elinewidth=1.1, capsize=2.5, alpha=0.75,
        )  # fmt: skip
    axes.set_yticks(rows, [f"{n} ({s.support})" for n, s in zip(names, scores, strict=True)])
    axes.tick_params(axis="y", labelcolor=theme.ink)
    axes.set_ylim(k - 0.5, -0.5)
    axes.set_xlim(0, 1.005)
    axes.xaxis.set_major_formatter(PERCENT)
    axes.grid(False, axis="y")
    figure.legend(loc="outside upper left", ncols=2)
    return figure


def reliability_diagram(found: Reliability, theme: Theme) -> Figure:
    """Draw how often answers of a probability are right, over how many photos get it."""
    figure = Figure(figsize=(4.6, 4.7), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[4, 1])
    width = np.diff(found.edges)
    upper.plot([0, 1], [0, 1], color=theme.muted, linewidth=1, linestyle=(0, (4, 3)))
    # How big a point is says how many photos stand behind it.
    size = 20 + 180 * found.photos / max(1, found.photos.max())
    upper.vlines(
        found.probability, found.probability, found.accuracy, color=theme.second, linewidth=2
    )
    upper.scatter(found.probability, found.accuracy, size, color=theme.first, zorder=3)
    upper.set_xlim(0, 1.03)
    upper.set_ylim(0, 1.05)
    upper.set_ylabel("share that is right")
    upper.yaxis.set_major_formatter(PERCENT)
    upper.set_title(f"expected calibration error {found.expected_calibration_error:.3f}")
    lower.bar(found.edges[:-1], found.photos, width * 0.94, align="edge", color=theme.muted)
    lower.set_ylabel("photos")
    lower.set_xlabel("probability of the answer")
    lower.xaxis.set_major_formatter(PERCENT)
    lower.yaxis.set_major_locator(MaxNLocator(3, integer=True, prune="lower"))
    return figure


def risk_coverage(
    found: RiskCoverage, coverage: float, selective_accuracy: float | None, theme: Theme
) -> Figure:
    """Draw the share of wrong answers against the share answered, and where the model stands."""
    figure = Figure(figsize=(4.6, 3.4), layout="constrained")
    axes = figure.subplots()
    axes.plot(found.coverage, found.risk, color=theme.first, linewidth=2)
    axes.fill_between(found.coverage, found.risk, color=theme.first, alpha=0.12, linewidth=0)
    if selective_accuracy is not None:
        risk = 1 - selective_accuracy
        axes.axvline(coverage, color=theme.second, linewidth=1, linestyle=(0, (4, 3)))
        axes.scatter([coverage], [risk], 60, color=theme.second, zorder=3)
        axes.set_title(
            f"threshold: {coverage:.0%} answered, {risk:.1%} of it wrong", color=theme.second
        )
    axes.set_xlim(0, 1.01)
    axes.set_ylim(0, max(0.05, float(found.risk.max()) * 1.35))
    axes.set_xlabel("share of photos answered, the surest first")
    axes.set_ylabel("share of answers that is wrong")
    axes.xaxis.set_major_formatter(PERCENT)
    axes.yaxis.set_major_formatter(PERCENT if found.risk.max() > 0.05 else PercentFormatter(1.0))
    return figure


def _pair(axes: Axes, epoch: Floats, training: Floats, validation: Floats, theme: Theme) -> None:
    marker = "o" if len(epoch) < 12 else None
    for values, name, colour in (
        (training, "training", theme.first),
        (validation, "validation", theme.second),
    ):
        axes.plot(epoch, values, label=name, color=colour, linewidth=1.8, marker=marker, ms=4)


def _name_columns(axes: Axes, names: Sequence[str]) -> None:
    crowded = _crowded(names)
    axes.set_xticks(
        range(len(names)), names, rotation=45 if crowded else 0, ha="right" if crowded else "center"
    )


def _crowded(names: Sequence[str]) -> bool:
    return len(names) > 6 or max(len(name) for name in names) > 10
