"""Draws how far photos of no such building lie, and what refusing them costs."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from archstyle.metrics.evaluation import Curve, Outside
from archstyle.reports.theme import Theme

PERCENT = PercentFormatter(1.0, decimals=0)
BINS = 40


def outside_figure(found: Outside, curve: Curve, theme: Theme) -> Figure:
    """Draw both kinds' distances with the threshold, and the ROC with where the model stands."""
    figure = Figure(figsize=(9.4, 3.4), layout="constrained")
    distances, receiver = figure.subplots(1, 2)
    building, outside = found.test.distances, found.answers.distances
    assert building is not None and outside is not None
    both = np.concatenate([building, outside])
    edges = np.linspace(0, float(both.max()) * 1.02, BINS + 1)
    kinds = ((building, "test photos", theme.first), (outside, "no such building", theme.second))
    for values, name, colour in kinds:
        weights = np.full(len(values), 1 / len(values))
        distances.hist(values, edges, weights=weights, color=colour, alpha=0.65, label=name)
    threshold = found.answers.card.distance_threshold
    if threshold is not None:
        distances.axvline(threshold, color=theme.ink, linewidth=1, linestyle=(0, (4, 3)))
        distances.set_title(f"threshold: {threshold:.1f}")
    distances.set_xlabel("distance from what was trained on")
    distances.set_ylabel("share of its kind")
    distances.yaxis.set_major_formatter(PERCENT)
    distances.legend()
    receiver.plot(curve.refused_buildings, curve.refused_outside, color=theme.first, linewidth=2)
    cost, gain = (answers.out_of_distribution for answers in (found.test, found.answers))
    receiver.scatter([cost], [gain], 60, color=theme.second, zorder=3)
    receiver.set_title(f"area under the curve {curve.area:.4f}")
    receiver.set_xlim(-0.01, 1.01)
    receiver.set_ylim(0, 1.02)
    receiver.set_xlabel("share of test photos refused")
    receiver.set_ylabel("share of the others refused")
    receiver.xaxis.set_major_formatter(PERCENT)
    receiver.yaxis.set_major_formatter(PERCENT)
    return figure
