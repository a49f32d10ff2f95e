"""Writes everything that an evaluation leaves in reports/."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from archstyle.common.files import whole_directory, whole_file
from archstyle.reports.evaluation import draw, tables
from archstyle.reports.evaluation.inputs import Curves
from archstyle.reports.evaluation.report import Report, render
from archstyle.reports.theme import DARK, LIGHT


def write_reports(directory: Path, report: Report, history: Sequence[Curves]) -> None:
    """Write predictions.csv, plots/, figures/, index.html and, when all is there, metrics.json."""
    found, names, drawn = report.corrected, report.names, report.drawn
    with whole_file(directory / "predictions.csv") as path:
        tables.write_predictions(path, report.answers, report.labels)
    with whole_directory(directory / "plots") as path:
        tables.write_plots(path, found, history)
        if report.outside is not None and report.outside.curve is not None:
            tables.write_roc(path, report.outside.curve)
    with whole_directory(directory / "figures") as path:
        draw.draw_charts(path, found, history, names, drawn, LIGHT, report.outside)
        draw.draw_sheets(path, report.mistakes, report.sure, drawn, LIGHT)
    with tempfile.TemporaryDirectory() as dark, whole_file(directory / "index.html") as path:
        draw.draw_charts(Path(dark), found, history, names, drawn, DARK, report.outside)
        path.write_text(render(report, directory / "figures", Path(dark)), encoding="utf-8")
    with whole_file(directory / "metrics.json") as path:
        tables.write_metrics(path, report.metrics)
