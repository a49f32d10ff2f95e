"""The numbers as files: for `dvc metrics`, for `dvc plots` and for whoever asks about one photo."""

import csv
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from archstyle.metrics.evaluation import Curve, Evaluation
from archstyle.metrics.predictions import Labels, Predictions
from archstyle.reports.evaluation.inputs import Curves


def write_metrics(path: Path, metrics: Mapping[str, float]) -> None:
    """Write flat numbers as JSON."""
    path.write_text(json.dumps(metrics, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def write_predictions(path: Path, predictions: Predictions, labels: Labels) -> None:
    """Write one row a photo: both labels, answer, and the probability of every style.

    `style` is the folder's, empty where that contradicts itself; `corrected` is empty where a
    correction drops the photo; `distance` is that from what was trained on.
    """
    styles = predictions.styles
    header = ["file", "style", "corrected", "predicted", "probability", "distance", "answered"]
    distances = predictions.distances
    rows = (
        [
            file,
            labels.labelled.get(file, ""),
            labels.corrected.get(file, ""),
            styles[predictions.predicted[i]],
            _number(predictions.probability[i]),
            "" if distances is None else _number(distances[i]),
            str(bool(predictions.answered[i])).lower(),
            *(_number(value) for value in predictions.probabilities[i]),
        ]
        for i, file in enumerate(predictions.files)
    )
    _write(path, [*header, *(f"probability_{style}" for style in styles)], rows)


def write_plots(directory: Path, found: Evaluation, history: Sequence[Curves]) -> None:
    """Write what `dvc plots` draws."""
    predictions, styles = found.predictions, found.predictions.styles
    _write(
        directory / "confusion.csv",
        ["actual", "predicted"],
        (
            [styles[label], styles[answer]]
            for label, answer in zip(predictions.labels, predictions.predicted, strict=True)
        ),
    )
    # Phases count their epochs from one; a line over all of them needs a running number.
    epochs = [(phase, i) for phase in history for i in range(len(phase.epoch))]
    curves = ("loss", "validation_loss", "accuracy", "validation_accuracy")
    _write(
        directory / "training.csv",
        ["epoch", "phase", *curves],
        (
            [number, phase.name, *(_number(getattr(phase, curve)[i]) for curve in curves)]
            for number, (phase, i) in enumerate(epochs, 1)
        ),
    )
    _write(
        directory / "styles.csv",
        ["style", "precision", "recall", "f1", "support"],
        (
            [s.style, _number(s.precision.value), _number(s.recall.value), _number(s.f1), s.support]
            for s in found.styles
        ),
    )
    reliable = found.reliability
    _write(
        directory / "reliability.csv",
        ["probability", "accuracy", "photos"],
        (
            [_number(probability), _number(accuracy), int(photos)]
            for probability, accuracy, photos in zip(
                reliable.probability, reliable.accuracy, reliable.photos, strict=True
            )
            if photos
        ),
    )
    _write(
        directory / "risk_coverage.csv",
        ["coverage", "risk"],
        (
            [_number(coverage), _number(risk)]
            for coverage, risk in zip(
                found.risk_coverage.coverage, found.risk_coverage.risk, strict=True
            )
        ),
    )


def write_roc(directory: Path, curve: Curve) -> None:
    """Write what refusing photos of no such building costs, from refusing nothing to all."""
    _write(
        directory / "outside.csv",
        ["refused_buildings", "refused_outside"],
        (
            [_number(building), _number(outside)]
            for building, outside in zip(
                curve.refused_buildings, curve.refused_outside, strict=True
            )
        ),
    )


def _number(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.6f}"


def _write(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
