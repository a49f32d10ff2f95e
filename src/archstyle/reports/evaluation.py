"""The report on an evaluation: numbers as files, charts, contact sheets, a page, a model card.

It shows the photos worth a look: confident mistakes, and confident answers that are right.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from archstyle.bundle import Bundle, Card
from archstyle.common.files import whole_directory, whole_file, write_json
from archstyle.metrics.evaluation import Evaluation, Outside, flat_metrics, variant_metrics
from archstyle.metrics.predictions import Labels, Predictions, other_metrics
from archstyle.photos.heatmap import heat_layer
from archstyle.photos.store import OUTSIDE, PhotoStore
from archstyle.reports import evaluation_charts as charts
from archstyle.reports.page import Chart, draw_charts, render, thumbnail, where_from, write
from archstyle.reports.theme import LIGHT, Tile, applied, contact_sheet, save

SPLITS = ("train", "validation", "test")
SHEET_SIDE, SHEET_DOTS_PER_INCH = 1.85, 100  # photos take room
MISTAKES = 24
THUMBNAIL = 320  # pixels of the longer side
HEAT_SIDE = 64  # pixels; a page and a figure stretch it smoothly


@dataclass(frozen=True)
class Shown:
    """One photo with its answer; styles under the names that people read."""

    file: str
    label: str
    predicted: str
    probability: float  # of the predicted style
    of_label: float  # of the style that the photo is labelled with
    answered: bool
    photo: Image.Image  # RGB, at most THUMBNAIL pixels a side
    heat: Image.Image | None  # RGBA, to be stretched over the photo

    @property
    def tile(self) -> Tile:
        """The photo beside itself under its heat map, for a contact sheet."""
        pictures = [self.photo]
        if self.heat is not None:
            layer = self.heat.resize(self.photo.size, Image.Resampling.BICUBIC)
            over = Image.alpha_composite(self.photo.convert("RGBA"), layer)
            pictures.append(over.convert("RGB"))
        said, right = f"{self.predicted} {self.probability:.0%}", self.label == self.predicted
        caption = said if right else f"{said}, labelled {self.label}"
        return Tile(pictures, caption, self.file, right)


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
    others: Mapping[str, Any] | None = None  # of measure_others
    variants: Sequence[Mapping[str, Any]] = ()  # of measure_variants

    @property
    def drawn(self) -> bool:
        """Whether drawn facades, not photos, were trained on or measured."""
        return bool(self.card.drawn or self.summary["source"]["drawn"])


def pick(
    bundle: Bundle, store: PhotoStore, predictions: Predictions
) -> tuple[list[Shown], dict[str, list[Shown]]]:
    """Return the most confident mistakes, and {style's name: most confident right answers}."""

    def shown(chosen: NDArray[np.bool_], at_most: int) -> list[Shown]:
        labels = [predictions.styles[label] for label in predictions.labels]
        indices = predictions.surest(chosen, at_most)
        return [show(bundle, store, predictions.files[i], labels[i]) for i in indices]

    each = max(3, min(6, MISTAKES * 2 // len(predictions.styles)))
    sure = {
        bundle.label(style): shown(predictions.correct & (predictions.labels == i), each)
        for i, style in enumerate(predictions.styles)
    }
    return shown(~predictions.correct, MISTAKES), sure


def show_answered(bundle: Bundle, raw: Path, outside: Outside | None) -> list[Shown]:
    """Return the out-of-distribution photos that get an answer, the most confident first."""
    if outside is None:
        return []
    answers, store = outside.answers, PhotoStore(raw / OUTSIDE)
    shown = answers.surest(answers.answered, MISTAKES)
    return [show(bundle, store, answers.files[i], None) for i in shown]


def show(bundle: Bundle, store: PhotoStore, file: str, style: str | None) -> Shown:
    """Read a photo, smaller, and ask the bundle; `style` is its label, None for none of them."""
    content = store.read(file)
    answer = bundle.predict(content)
    return Shown(
        file=file,
        label="none of its styles" if style is None else bundle.label(style),
        predicted=bundle.label(answer.style),
        probability=answer.probability,
        of_label=0.0 if style is None else answer.probabilities[style],
        answered=answer.answered,
        photo=thumbnail(content, THUMBNAIL),
        heat=None if answer.map is None else heat_layer(answer.map, HEAT_SIDE, HEAT_SIDE),
    )


def write_reports(directory: Path, report: Report) -> str:
    """Write numbers, pictures, page and model card; metrics.json when all else is there.

    The card's sections are those of Mitchell et al.: Model Cards for Model Reporting, 2019,
    arXiv:1810.03993. Returns in one line what was measured.
    """
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
                figure = contact_sheet(title, [one.tile for one in shown], report.drawn, SHEET_SIDE)
                save(figure, path / f"{name}.png", SHEET_DOTS_PER_INCH)
    words = told(report)
    write(directory / "index.html", render("evaluation.html", **words, charts=drawn))
    write(directory / "model-card.md", render("model-card.md", **words))
    metrics = flat_metrics(report.labelled, report.corrected, report.labels.touched)
    metrics |= report.outside.as_metrics() if report.outside else {}
    metrics |= other_metrics(report.others, report.card)
    for variant in report.variants:
        metrics |= variant_metrics(variant)
    write_json(directory / "metrics.json", metrics)
    return render("evaluation.txt", **words)


def charts_of(report: Report) -> dict[str, Chart]:
    """Draw confusion, curves, per_style, reliability, risk_coverage and, if measured, outside."""
    found, outside = report.corrected, report.outside
    right = found.selective_accuracy.value if found.selective_accuracy else None
    where = found.risk_coverage, found.predictions.coverage, right
    every: dict[str, Callable[[], Figure]] = {
        "confusion": partial(charts.confusion, found.confusion, report.names),
        "curves": partial(charts.curves, report.history),
        "per_style": partial(charts.per_style, found.styles, report.names),
        "reliability": partial(charts.reliability_diagram, found.reliability),
        "risk_coverage": partial(charts.risk_coverage, *where),
    }
    if outside is not None and outside.curve is not None:
        every["outside"] = partial(charts.outside_distances, outside)
    return draw_charts(every, report.drawn)


def most_confused(found: Evaluation, names: Sequence[str]) -> list[tuple[str, str, int]]:
    """Return (label, answer, photos) of the five commonest mistakes."""
    wrong = found.confusion - np.diag(np.diag(found.confusion))
    cells = np.argsort(-wrong, axis=None, kind="stable")[:5]
    pairs = zip(*np.unravel_index(cells, wrong.shape), strict=True)
    return [(names[i], names[j], int(wrong[i, j])) for i, j in pairs if wrong[i, j]]


def told(report: Report) -> dict[str, Any]:
    """Return what the templates of page and model card are filled with, but for the charts."""
    counts, labels, source = report.summary["counts"], report.labels, report.summary["source"]
    card = report.card.as_dict()
    config = yaml.safe_dump(card.pop("config"), sort_keys=False, allow_unicode=True)
    lineage = {
        "run in MLflow": report.run.get("run_id"),
        "bundle": report.bundle_digest,
        "data": report.summary["digest"],
        "files of the source": source.get("digest"),
        **{name.replace("_", " "): value for name, value in report.card.lineage.items()},
    }
    return {
        "report": report,
        "card": report.card,
        "drawn": report.drawn,
        "thing": "drawings" if report.drawn else "photos",
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
        "lineage": {name: value for name, value in lineage.items() if str(value or "")},
        "source": where_from(source),
        "config": config,
        "whole_card": json.dumps(card, indent=1, default=str),
    }
