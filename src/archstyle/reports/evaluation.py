"""The report on an evaluation: numbers as files, charts, contact sheets, a page, a model card."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from archstyle.bundle import Card
from archstyle.common.files import whole_directory, whole_file, write_json
from archstyle.metrics.evaluation import Evaluation, Outside, Variant, flat_metrics
from archstyle.metrics.predictions import Labels, Predictions
from archstyle.reports import evaluation_charts as charts
from archstyle.reports.contact_sheet import contact_sheet
from archstyle.reports.gallery import Shown
from archstyle.reports.page import Chart, between, draw_charts, percent, render, where_from, write
from archstyle.reports.theme import LIGHT, applied, save

SPLITS = ("train", "validation", "test")
SHEET_SIDE, SHEET_DOTS_PER_INCH = 1.85, 100  # photos take room


@dataclass(frozen=True)
class Report:
    """What the page shows."""

    labelled: Evaluation  # by the folders' styles: the headline
    corrected: Evaluation  # by the corrected styles: all else
    labels: Labels
    answers: Predictions  # to every photo that has a label of either kind
    names: Sequence[str]  # of the styles, as people read them
    card: Card
    bundle_digest: str
    summary: Mapping[str, Any]  # data/prepared/summary.json
    run: Mapping[str, str]  # models/run.json
    history: pd.DataFrame  # of read_history
    mistakes: Sequence[Shown]
    sure: Mapping[str, Sequence[Shown]]  # style's name -> photos
    outside: Outside | None = None  # None: there was no out-of-distribution photo
    answered_outside: Sequence[Shown] = ()
    variants: Sequence[Variant] = ()

    @property
    def drawn(self) -> bool:
        """Whether drawn facades, not photos, were trained on or measured."""
        return bool(self.card.drawn or self.summary["source"]["drawn"])

    @property
    def thing(self) -> str:
        """What was measured, in the plural."""
        return "drawings" if self.drawn else "photos"

    @property
    def metrics(self) -> dict[str, float]:
        """What metrics.json says."""
        found = flat_metrics(self.labelled, self.corrected, self.labels.touched)
        for more in (self.outside, *self.variants):
            found |= more.as_metrics() if more is not None else {}
        return found

    @property
    def lineage(self) -> dict[str, str]:
        """What led to this report, by name."""
        found = {
            "run in MLflow": self.run.get("run_id", ""),
            "bundle": self.bundle_digest,
            "data": self.summary["digest"],
            "files of the source": self.summary["source"].get("digest", ""),
            **{name.replace("_", " "): value for name, value in self.card.lineage.items()},
        }
        return {name: str(value) for name, value in found.items() if str(value)}


def write_reports(directory: Path, report: Report) -> None:
    """Write numbers, pictures, page and model card; metrics.json when all else is there."""
    with whole_file(directory / "predictions.csv") as path:
        charts.write_predictions(path, report.answers, report.labels)
    with whole_directory(directory / "plots") as path:
        charts.write_plots(path, report.corrected, report.history, report.outside)
    drawn = charts_of(report)
    with whole_directory(directory / "figures") as path:
        for name, chart in drawn.items():
            (path / f"{name}.png").write_bytes(chart.light)
        right = [shown for photos in report.sure.values() for shown in photos]
        with applied(LIGHT):
            for name, title, shown in (
                ("mistakes", "Mistakes, the most confident first", report.mistakes),
                ("sure_and_right", "Right and confident", right),
            ):
                tiles = [one.tile for one in shown]
                figure = contact_sheet(title, tiles, report.drawn, LIGHT, SHEET_SIDE)
                save(figure, path / f"{name}.png", SHEET_DOTS_PER_INCH)
    write(directory / "index.html", page(report, drawn))
    write(directory / "model-card.md", model_card(report))
    write_json(directory / "metrics.json", report.metrics)


def charts_of(report: Report) -> dict[str, Chart]:
    """Draw confusion, curves, per_style, reliability, risk_coverage and, if measured, outside."""
    found, outside = report.corrected, report.outside
    right = found.selective_accuracy.value if found.selective_accuracy else None
    every = {
        "confusion": lambda theme: charts.confusion(found.confusion, report.names, theme),
        "curves": lambda theme: charts.curves(report.history, theme),
        "per_style": lambda theme: charts.per_style(found.styles, report.names, theme),
        "reliability": lambda theme: charts.reliability_diagram(found.reliability, theme),
        "risk_coverage": lambda theme: charts.risk_coverage(
            found.risk_coverage, found.predictions.coverage, right, theme
        ),
    }
    if outside is not None and outside.curve is not None:
        every["outside"] = lambda theme: charts.outside_distances(outside, theme)
    return draw_charts(every, report.drawn)


def page(report: Report, drawn_charts: Mapping[str, Chart]) -> str:
    """Return the page as HTML."""
    card = {key: value for key, value in report.card.as_dict().items() if key != "config"}
    return render(
        "evaluation.html",
        **_told(report),
        charts=drawn_charts,
        config=yaml.safe_dump(dict(report.card.config), sort_keys=False, allow_unicode=True),
        whole_card=json.dumps(card, indent=1, default=str),
    )


def model_card(report: Report) -> str:
    """Return the model card as Markdown.

    Its sections are those of Mitchell et al.: Model Cards for Model Reporting, 2019,
    arXiv:1810.03993.
    """
    return render("model-card.md", **_told(report))


def in_words(report: Report) -> str:
    """Say in one line what was measured."""
    found, corrected, touched = report.labelled, report.corrected, report.labels.touched
    said = (
        f"{percent(found.accuracy.value)} of {len(found.predictions.files)} test {report.thing} "
        f"right (95% interval {between(found.accuracy)}), macro F1 {found.macro_f1:.3f}. "
    )
    if touched:
        said += (
            f"With corrected labels, which touch {touched} of them: "
            f"{percent(corrected.accuracy.value)} ({between(corrected.accuracy)}). "
        )
    return said + "Look at reports/index.html."


def most_confused(
    found: Evaluation, names: Sequence[str], at_most: int = 5
) -> list[tuple[str, str, int]]:
    """Return (label, answer, photos) of the commonest mistakes."""
    wrong = found.confusion - np.diag(np.diag(found.confusion))
    cells = np.argsort(-wrong, axis=None, kind="stable")[:at_most]
    pairs = zip(*np.unravel_index(cells, wrong.shape), strict=True)
    return [(names[i], names[j], int(wrong[i, j])) for i, j in pairs if wrong[i, j]]


def _told(report: Report) -> dict[str, Any]:
    """Return what page and card both tell."""
    counts, labels = report.summary["counts"], report.labels
    return {
        "report": report,
        "card": report.card,
        "drawn": report.drawn,
        "thing": report.thing,
        "headline": report.labelled,
        "found": report.corrected,
        "touched": labels.touched,
        "changes": [f"{number} {what}" for what, number in labels.changes.items() if number],
        # Always saying the style with most training photos; of equals the first by name.
        "guess": max(sorted(counts), key=lambda style: counts[style].get("train", 0)),
        "confused": most_confused(report.corrected, report.names),
        "scores": list(zip(report.names, report.corrected.styles, strict=True)),
        "table": {s: [row.get(split, 0) for split in SPLITS] for s, row in counts.items()},
        "splits": SPLITS,
        "source": where_from(report.summary["source"]),
    }
