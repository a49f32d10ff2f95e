"""What an evaluation is told by: charts in the theme that is applied, and CSVs.

The CSVs are those of `dvc plots` and the answer to every photo.
"""

from collections.abc import Mapping, Sequence
from dataclasses import astuple
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import rcParams
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from archstyle.errors import ArchstyleError
from archstyle.metrics.classification import Floats, Ints, Reliability, StyleScore
from archstyle.metrics.evaluation import Evaluation, Outside
from archstyle.metrics.predictions import Labels, Predictions
from archstyle.reports.theme import DASHED, FIRST, PERCENT, SECOND, legend, named_rows, shades

NUMBERS = ["loss", "validation_loss", "accuracy", "validation_accuracy"]


def read_history(path: Path) -> pd.DataFrame:
    """Read models/history.csv: epoch, phase and NUMBERS, NaN where not measured.

    Raises ArchstyleError, which says what to run, where it is damaged.
    """
    try:
        history = pd.read_csv(path)[["epoch", "phase", *NUMBERS]]
        if history.empty:
            raise ValueError("it is empty")
        return history.astype(dict.fromkeys(NUMBERS, float))
    except (OSError, KeyError, ValueError) as error:
        raise ArchstyleError(
            f"{path} cannot be read ({error}): run `dvc repro --force train`."
        ) from error


def write_predictions(path: Path, predictions: Predictions, labels: Labels) -> None:
    """Write one row a photo: both labels, answer, and the probability of every style.

    `style` is the folder's, empty where that contradicts itself; `corrected` is empty where a
    correction drops the photo; `distance` is that from the training photos.
    """
    files, styles = predictions.files, predictions.styles
    columns = {
        "file": files,
        "style": [labels.labelled.get(file) for file in files],
        "corrected": [labels.corrected.get(file) for file in files],
        "predicted": [styles[i] for i in predictions.predicted],
        "probability": predictions.probability,
        "distance": predictions.distances,
        "answered": [str(bool(answered)).lower() for answered in predictions.answered],
    }
    columns |= {f"probability_{s}": predictions.probabilities[:, i] for i, s in enumerate(styles)}
    _write(path, columns)


def write_plots(
    directory: Path, found: Evaluation, history: pd.DataFrame, outside: Outside | None = None
) -> None:
    """Write what `dvc plots` draws."""
    predictions, bins = found.predictions, found.reliability
    styles = np.array(predictions.styles, object)
    actual = styles[predictions.labels]
    every: dict[str, Any] = {
        "confusion": {"actual": actual, "predicted": styles[predictions.predicted]},
        # Phases count their epochs from one; a line over all of them needs a running number.
        "training": history.assign(epoch=range(1, len(history) + 1)),
        "styles": pd.DataFrame(found.styles).assign(
            precision=[score.precision.value for score in found.styles],
            recall=[score.recall.value for score in found.styles],
        ),
        "reliability": {
            name: getattr(bins, name)[bins.photos > 0]
            for name in ("probability", "accuracy", "photos")
        },
        "risk_coverage": dict(zip(("coverage", "risk"), found.risk_coverage, strict=True)),
    }
    if outside is not None and outside.curve is not None:
        curve = vars(outside.curve)
        every["outside"] = {name: curve[name] for name in ("refused_buildings", "refused_outside")}
    for name, columns in every.items():
        _write(directory / f"{name}.csv", columns)


def _write(path: Path, columns: Mapping[str, Any] | pd.DataFrame) -> None:
    """Write a CSV; numbers to six digits, NaN and None as nothing."""
    pd.DataFrame(columns).to_csv(path, index=False, float_format="%.6f", lineterminator="\n")


def confusion(matrix: Ints, names: Sequence[str]) -> Figure:
    """Draw counts and the percentages of each row in one grid, sized by the number of styles."""
    k, longest = len(names), max(len(name) for name in names)
    shares = matrix / np.maximum(1, matrix.sum(1, keepdims=True))
    cell, size = (0.75, 10) if k <= 8 else (0.56, 7.5)
    margin = 0.5 + 0.085 * longest
    figsize = (k * cell + margin + 0.5, k * cell + margin + 0.7)
    figure = Figure(figsize=figsize, layout="constrained")
    axes = figure.subplots()
    axes.imshow(shares, cmap=shades(), vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(matrix):
        if not count and k > 8:
            continue
        colour = rcParams["axes.facecolor" if shares[row, column] > 0.55 else "text.color"]
        text = f"{count}\n{shares[row, column]:.0%}" if count else "0"
        axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=size)
    axes.grid(False)
    axes.spines[:].set_visible(False)
    # Gaps between the cells read better than lines around them.
    for edge in np.arange(-0.5, k + 0.5):
        for line in (axes.axhline, axes.axvline):
            line(edge, color=rcParams["axes.facecolor"], linewidth=2)
    axes.set_yticks(range(k), names)
    rotation, side = (45, "right") if k > 6 or longest > 10 else (0, "center")
    axes.set_xticks(range(k), names, rotation=rotation, ha=side)
    axes.set(xlabel="predicted style", ylabel="labelled style")
    return figure


def curves(history: pd.DataFrame) -> Figure:
    """Draw loss and accuracy by epoch, one column for each phase of training."""
    phases = history.groupby("phase", sort=False)
    figure = Figure(figsize=(5.2, 4.4), layout="constrained")
    grid = figure.subplots(2, len(phases), squeeze=False, sharey="row")
    for (name, phase), (loss, accuracy) in zip(phases, grid.T, strict=True):
        marker = "o" if len(phase) < 12 else None
        kinds = ("", "training", FIRST), ("validation_", "validation", SECOND)
        for column, label, colour in kinds:
            style = {"color": colour, "label": label, "lw": 1.8, "marker": marker, "ms": 4}
            loss.plot(phase.epoch, phase[f"{column}loss"], **style)
            accuracy.plot(phase.epoch, phase[f"{column}accuracy"], **style)
        for axes in (loss, accuracy):
            axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        loss.set_title({"head": "head only", "network": "whole network"}.get(name, name))
        loss.tick_params(labelbottom=False)
        accuracy.yaxis.set_major_formatter(PERCENT)
        accuracy.set_xlabel("epoch")
    grid[0, 0].set_ylabel("loss")
    grid[1, 0].set_ylabel("accuracy")
    legend(figure, grid[0, 0])
    return figure


def per_style(scores: Sequence[StyleScore], names: Sequence[str]) -> Figure:
    """Draw precision and recall of every style as bars with their 95 % intervals."""
    k = len(scores)
    figure = Figure(figsize=(4.8, 1.1 + 0.6 * k), layout="constrained")
    axes = figure.subplots()
    rows = np.arange(k)
    for offset, name, colour in ((-0.19, "precision", FIRST), (0.19, "recall", SECOND)):
        value, low, high = np.array([astuple(getattr(score, name)) for score in scores]).T
        ends = np.clip([value - low, high - value], 0, None)
        axes.barh(rows + offset, value, 0.34, color=colour, label=name, alpha=0.85)
        axes.errorbar(
            value, rows + offset, xerr=ends, fmt="none", ecolor=rcParams["text.color"],
            elinewidth=1.1, capsize=2.5, alpha=0.75,
        )  # fmt: skip
    named_rows(axes, [f"{n} ({s.support})" for n, s in zip(names, scores, strict=True)])
    axes.set_xlim(0, 1.005)
    axes.xaxis.set_major_formatter(PERCENT)
    legend(figure)
    return figure


def reliability_diagram(found: Reliability) -> Figure:
    """Draw how often answers of a probability are right, over how many photos get it."""
    figure = Figure(figsize=(4.6, 4.7), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[4, 1])
    muted = rcParams["axes.labelcolor"]
    upper.plot([0, 1], [0, 1], color=muted, linewidth=1, linestyle=DASHED)
    # How big a point is says how many photos stand behind it.
    size = 20 + 180 * found.photos / max(1, found.photos.max())
    ends = (found.probability, found.accuracy)
    upper.vlines(found.probability, *ends, color=SECOND, linewidth=2)
    upper.scatter(*ends, size, color=FIRST, zorder=3)
    title = f"expected calibration error {found.expected_calibration_error:.3f}"
    upper.set(xlim=(0, 1.03), ylim=(0, 1.05), ylabel="accuracy", title=title)
    upper.yaxis.set_major_formatter(PERCENT)
    width = np.diff(found.edges) * 0.94
    lower.bar(found.edges[:-1], found.photos, width, align="edge", color=muted)
    lower.set(xlabel="probability of the answer", ylabel="photos")
    lower.xaxis.set_major_formatter(PERCENT)
    lower.yaxis.set_major_locator(MaxNLocator(3, integer=True, prune="lower"))
    return figure


def risk_coverage(found: tuple[Floats, Floats], coverage: float, right: float | None) -> Figure:
    """Draw the share of wrong answers against coverage, and where the threshold stands."""
    figure = Figure(figsize=(4.6, 3.4), layout="constrained")
    axes = figure.subplots()
    axes.plot(*found, color=FIRST, linewidth=2)
    axes.fill_between(*found, color=FIRST, alpha=0.12, linewidth=0)
    if right is not None:
        wrong = 1 - right
        axes.axvline(coverage, color=SECOND, linewidth=1, linestyle=DASHED)
        axes.scatter([coverage], [wrong], 60, color=SECOND, zorder=3)
        title = f"threshold: {coverage:.0%} answered, {wrong:.1%} of it wrong"
        axes.set_title(title, color=SECOND)
    most = float(found[1].max())
    axes.set(xlim=(0, 1.01), ylim=(0, max(0.05, most * 1.35)))
    axes.set_xlabel("coverage: share of photos answered, most confident first")
    axes.set_ylabel("risk: share of answers that is wrong")
    axes.xaxis.set_major_formatter(PERCENT)
    axes.yaxis.set_major_formatter(PERCENT if most > 0.05 else PercentFormatter(1.0))
    return figure


def outside_distances(found: Outside) -> Figure:
    """Draw both kinds' distances with the threshold, and the ROC with where the model stands."""
    figure = Figure(figsize=(9.4, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    test, outside, curve = found.test.distances, found.answers.distances, found.curve
    assert test is not None and outside is not None and curve is not None
    edges = np.linspace(0, float(max(test.max(), outside.max())) * 1.02, 41)
    kinds = ((test, "test photos", FIRST), (outside, "out of distribution", SECOND))
    for values, name, colour in kinds:
        weights = np.full(len(values), 1 / len(values))
        left.hist(values, edges, weights=weights, color=colour, alpha=0.65, label=name)
    threshold = found.answers.card.distance_threshold
    if threshold is not None:
        left.axvline(threshold, color=rcParams["text.color"], linewidth=1, linestyle=DASHED)
        left.set_title(f"threshold: {threshold:.1f}")
    left.set(xlabel="distance from the training photos", ylabel="share of photos")
    left.legend()
    right.plot(curve.refused_buildings, curve.refused_outside, color=FIRST, linewidth=2)
    refused = found.test.out_of_distribution, found.answers.out_of_distribution
    right.scatter(*refused, 60, color=SECOND, zorder=3)
    title = f"area under the ROC curve {curve.area:.4f}"
    right.set(title=title, xlim=(-0.01, 1.01), ylim=(0, 1.02))
    right.set(xlabel="share of test photos refused", ylabel="share of the others refused")
    for axis in (left.yaxis, right.xaxis, right.yaxis):
        axis.set_major_formatter(PERCENT)
    return figure
