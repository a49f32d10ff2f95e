"""Draws what mattered in a sweep."""

from pathlib import Path

import numpy as np
import optuna
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator
from optuna.distributions import CategoricalDistribution
from optuna.importance import MeanDecreaseImpurityImportanceEvaluator, get_param_importances
from optuna.trial import FrozenTrial, TrialState

from archstyle.reports.theme import LIGHT, Theme, applied, note_drawn, save

COLUMNS = 3
ENOUGH = 4  # trials that ran to their end, below which nothing can be said


def importances(study: optuna.Study) -> dict[str, float]:
    """Return each value's share in what made the trials differ; nothing of too few trials.

    From the impurity that a random forest of the trials loses at it (Optuna's mean decrease
    impurity; its fANOVA does not run with the scikit-learn of today).
    """
    ended = [trial for trial in study.trials if trial.state == TrialState.COMPLETE]
    if len(ended) < ENOUGH or len({trial.value for trial in ended}) < 2:
        return {}
    evaluator = MeanDecreaseImpurityImportanceEvaluator(seed=0)
    return dict(get_param_importances(study, evaluator=evaluator))


def draw(study: optuna.Study, path: Path, drawn: bool, theme: Theme = LIGHT) -> None:
    """Write a PNG: the importances, and below them each value against what it gave."""
    found = importances(study)
    names = list(found) or sorted({name for trial in study.trials for name in trial.params})
    with applied(theme):
        rows = -(-len(names) // COLUMNS)
        height = 0.8 + 0.32 * len(names)
        figure = Figure(figsize=(9.0, height + 2.5 * rows + 0.4), layout="constrained")
        parts = figure.subfigures(2, 1, squeeze=False, height_ratios=[height, 2.5 * rows])
        upper, lower = parts[:, 0]
        _bars(upper.subplots(), found, names, theme)
        grid = lower.subplots(rows, COLUMNS, squeeze=False, sharey=True)
        trials = [trial for trial in study.trials if trial.state == TrialState.COMPLETE]
        for axes, name in zip(grid.flat, names, strict=False):
            _slice(axes, [trial for trial in trials if name in trial.params], name, theme)
        for axes in grid.flat[len(names) :]:
            axes.set_visible(False)
        for axes in grid[:, 0]:
            axes.set_ylabel("negative log-likelihood")
        note_drawn(figure, drawn, theme)
        path.parent.mkdir(parents=True, exist_ok=True)
        save(figure, path)


def _bars(axes: Axes, found: dict[str, float], names: list[str], theme: Theme) -> None:
    axes.set_title("What mattered: share of the differences between trials")
    axes.barh(range(len(names)), [found.get(name, 0.0) for name in names], color=theme.first)
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlim(0, 1)
    axes.grid(False, axis="y")
    if not found:
        text = "too few trials ran to their end to tell"
        axes.text(0.5, (len(names) - 1) / 2, text, ha="center", va="center", color=theme.muted)


def _slice(axes: Axes, trials: list[FrozenTrial], name: str, theme: Theme) -> None:
    """Draw a point a trial; the best one in the second colour."""
    axes.set_title(name)
    if not trials:
        return
    best = min(trials, key=lambda trial: (trial.value, trial.number))
    distribution = trials[0].distributions[name]
    if isinstance(distribution, CategoricalDistribution):
        choices = list(distribution.choices)
        axes.set_xticks(range(len(choices)), [str(choice) for choice in choices])
        axes.set_xlim(-0.5, len(choices) - 0.5)
        x = np.array([choices.index(trial.params[name]) for trial in trials], float)
    else:
        low, high = distribution.low, distribution.high  # type: ignore[attr-defined]
        if "Log" in type(distribution).__name__:
            axes.set_xscale("log")
            axes.set_xlim(low / 1.2, high * 1.2)
            axes.xaxis.set_major_locator(LogLocator(subs=(1, 3), numticks=6))
            axes.xaxis.set_minor_locator(NullLocator())
            axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        else:
            margin = (high - low) / 12 or 0.5
            axes.set_xlim(low - margin, high + margin)
            axes.xaxis.set_major_locator(MaxNLocator(5))
        x = np.array([trial.params[name] for trial in trials], float)
    colours = [theme.second if trial.number == best.number else theme.first for trial in trials]
    axes.scatter(x, [trial.value or 0.0 for trial in trials], 36, color=colours, alpha=0.85)
