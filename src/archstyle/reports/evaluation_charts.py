"""The charts of an evaluation; each function returns a figure drawn in the theme."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from archstyle.metrics.calibration import Reliability, RiskCoverage
from archstyle.metrics.classification import Ints, StyleScore
from archstyle.metrics.evaluation import Outside
from archstyle.reports.evaluation_tables import Curves
from archstyle.reports.theme import DASHED, PERCENT, Theme

PHASES = {"head": "head only", "network": "whole network"}
DISTANCE_BINS = 40


def confusion(matrix: Ints, names: Sequence[str], theme: Theme) -> Figure:
    """Draw counts and the percentages of each row in one grid, sized by the number of styles."""
    k, longest = len(names), max(len(name) for name in names)
    shares = matrix / np.maximum(1, matrix.sum(1, keepdims=True))
    cell, size = (0.75, 10) if k <= 8 else (0.56, 7.5)
    margin = 0.5 + 0.085 * longest
    figsize = (k * cell + margin + 0.5, k * cell + margin + 0.7)
    figure = Figure(figsize=figsize, layout="constrained")
    axes = figure.subplots()
    axes.imshow(shares, cmap=theme.shades, vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(matrix):
        if not count and k > 8:
            continue
        colour = theme.surface if shares[row, column] > 0.55 else theme.ink
        text = f"{count}\n{shares[row, column]:.0%}" if count else "0"
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
    crowded = k > 6 or longest > 10
    rotation, side = (45, "right") if crowded else (0, "center")
    axes.set_xticks(range(k), names, rotation=rotation, ha=side)
    axes.set_xlabel("predicted style")
    axes.set_ylabel("labelled style")
    return figure


def curves(history: Sequence[Curves], theme: Theme) -> Figure:
    """Draw loss and accuracy by epoch, one column for each phase of training."""
    figure = Figure(figsize=(5.2, 4.4), layout="constrained")
    grid = figure.subplots(2, len(history), squeeze=False, sharey="row")
    for phase, (loss, accuracy) in zip(history, grid.T, strict=True):
        marker = "o" if len(phase.epoch) < 12 else None
        for axes, values, name, colour in (
            (loss, phase.loss, "training", theme.first),
            (loss, phase.validation_loss, "validation", theme.second),
            (accuracy, phase.accuracy, "training", theme.first),
            (accuracy, phase.validation_accuracy, "validation", theme.second),
        ):
            axes.plot(phase.epoch, values, color=colour, label=name, lw=1.8, marker=marker, ms=4)
            axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        loss.set_title(PHASES.get(phase.name, phase.name))
        loss.tick_params(labelbottom=False)
        accuracy.yaxis.set_major_formatter(PERCENT)
        accuracy.set_xlabel("epoch")
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
    upper.plot([0, 1], [0, 1], color=theme.muted, linewidth=1, linestyle=DASHED)
    # How big a point is says how many photos stand behind it.
    size = 20 + 180 * found.photos / max(1, found.photos.max())
    ends = (found.probability, found.accuracy)
    upper.vlines(found.probability, *ends, color=theme.second, linewidth=2)
    upper.scatter(*ends, size, color=theme.first, zorder=3)
    upper.set_xlim(0, 1.03)
    upper.set_ylim(0, 1.05)
    upper.set_ylabel("accuracy")
    upper.yaxis.set_major_formatter(PERCENT)
    upper.set_title(f"expected calibration error {found.expected_calibration_error:.3f}")
    width = np.diff(found.edges) * 0.94
    lower.bar(found.edges[:-1], found.photos, width, align="edge", color=theme.muted)
    lower.set_ylabel("photos")
    lower.set_xlabel("probability of the answer")
    lower.xaxis.set_major_formatter(PERCENT)
    lower.yaxis.set_major_locator(MaxNLocator(3, integer=True, prune="lower"))
    return figure


def risk_coverage(
    found: RiskCoverage, coverage: float, selective_accuracy: float | None, theme: Theme
) -> Figure:
    """Draw the share of wrong answers against coverage, and where the threshold stands."""
    figure = Figure(figsize=(4.6, 3.4), layout="constrained")
    axes = figure.subplots()
    axes.plot(found.coverage, found.risk, color=theme.first, linewidth=2)
    axes.fill_between(found.coverage, found.risk, color=theme.first, alpha=0.12, linewidth=0)
    if selective_accuracy is not None:
        risk = 1 - selective_accuracy
        axes.axvline(coverage, color=theme.second, linewidth=1, linestyle=DASHED)
        axes.scatter([coverage], [risk], 60, color=theme.second, zorder=3)
        title = f"threshold: {coverage:.0%} answered, {risk:.1%} of it wrong"
        axes.set_title(title, color=theme.second)
    axes.set_xlim(0, 1.01)
    axes.set_ylim(0, max(0.05, float(found.risk.max()) * 1.35))
    axes.set_xlabel("coverage: share of photos answered, most confident first")
    axes.set_ylabel("risk: share of answers that is wrong")
    axes.xaxis.set_major_formatter(PERCENT)
    axes.yaxis.set_major_formatter(PERCENT if found.risk.max() > 0.05 else PercentFormatter(1.0))
    return figure


def outside_distances(found: Outside, theme: Theme) -> Figure:
    """Draw both kinds' distances with the threshold, and the ROC with where the model stands."""
    figure = Figure(figsize=(9.4, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    test, outside, curve = found.test.distances, found.answers.distances, found.curve
    assert test is not None and outside is not None and curve is not None
    edges = np.linspace(0, float(max(test.max(), outside.max())) * 1.02, DISTANCE_BINS + 1)
    kinds = ((test, "test photos", theme.first), (outside, "out of distribution", theme.second))
    for values, name, colour in kinds:
        weights = np.full(len(values), 1 / len(values))
        left.hist(values, edges, weights=weights, color=colour, alpha=0.65, label=name)
    threshold = found.answers.card.distance_threshold
    if threshold is not None:
        left.axvline(threshold, color=theme.ink, linewidth=1, linestyle=DASHED)
        left.set_title(f"threshold: {threshold:.1f}")
    left.set_xlabel("distance from the training photos")
    left.set_ylabel("share of photos")
    left.legend()
    right.plot(curve.refused_buildings, curve.refused_outside, color=theme.first, linewidth=2)
    refused = found.test.out_of_distribution, found.answers.out_of_distribution
    right.scatter(*refused, 60, color=theme.second, zorder=3)
    right.set_title(f"area under the ROC curve {curve.area:.4f}")
    right.set_xlim(-0.01, 1.01)
    right.set_ylim(0, 1.02)
    right.set_xlabel("share of test photos refused")
    right.set_ylabel("share of the others refused")
    for axis in (left.yaxis, right.xaxis, right.yaxis):
        axis.set_major_formatter(PERCENT)
    return figure
