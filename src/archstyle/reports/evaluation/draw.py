"""Draws every figure of an evaluation into a folder."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from matplotlib.figure import Figure

from archstyle.metrics.evaluation import Evaluation, Outside
from archstyle.reports.evaluation import figures
from archstyle.reports.evaluation.gallery import Shown
from archstyle.reports.evaluation.inputs import Curves
from archstyle.reports.evaluation.outside_figure import outside_figure
from archstyle.reports.evaluation.sheets import sheet
from archstyle.reports.theme import Theme, applied, note_drawn, save

SHEET_DOTS_PER_INCH = 100  # photos take room


def draw_charts(
    directory: Path,
    found: Evaluation,
    history: Sequence[Curves],
    names: Sequence[str],
    drawn: bool,
    theme: Theme,
    outside: Outside | None = None,
) -> None:
    """Write confusion, curves, outside, per_style, reliability and risk_coverage as PNG.

    There is no outside where no photo of no such building was given.
    """
    with applied(theme):
        for name, figure in _charts(found, history, names, outside, theme):
            note_drawn(figure, drawn, theme)
            save(figure, directory / f"{name}.png")


def draw_sheets(
    directory: Path,
    mistakes: Sequence[Shown],
    sure: Mapping[str, Sequence[Shown]],
    drawn: bool,
    theme: Theme,
) -> None:
    """Write mistakes.png and sure_and_right.png."""
    with applied(theme):
        right = [shown for photos in sure.values() for shown in photos]
        for name, title, photos in (
            ("mistakes", "The worst mistakes, the surest first", mistakes),
            ("sure_and_right", "Sure and right", right),
        ):
            save(sheet(title, photos, drawn, theme), directory / f"{name}.png", SHEET_DOTS_PER_INCH)


def _charts(
    found: Evaluation,
    history: Sequence[Curves],
    names: Sequence[str],
    outside: Outside | None,
    theme: Theme,
) -> Iterator[tuple[str, Figure]]:
    answered = found.selective_accuracy
    yield "confusion", figures.confusion(found.confusion, names, theme)
    yield "curves", figures.curves(history, theme)
    if outside is not None and outside.curve is not None:
        yield "outside", outside_figure(outside, outside.curve, theme)
    yield "per_style", figures.per_style(found.styles, names, theme)
    yield "reliability", figures.reliability_diagram(found.reliability, theme)
    yield (
        "risk_coverage",
        figures.risk_coverage(
            found.risk_coverage,
            found.predictions.coverage,
            answered.value if answered else None,
            theme,
        ),
    )
