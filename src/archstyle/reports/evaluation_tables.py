"""The numbers as files: training curves in; `dvc plots` and the answer to every photo out."""

import csv
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from archstyle.common.files import write_csv
from archstyle.errors import ArchstyleError
from archstyle.metrics.classification import Floats
from archstyle.metrics.evaluation import Evaluation, Outside
from archstyle.metrics.predictions import Labels, Predictions

CURVES = ("loss", "validation_loss", "accuracy", "validation_accuracy")


@dataclass(frozen=True)
class Curves:
    """One phase of training (head or network); arrays [epochs], NaN where not measured."""

    name: str
    epoch: Floats
    loss: Floats
    validation_loss: Floats
    accuracy: Floats
    validation_accuracy: Floats


def read_history(path: Path) -> list[Curves]:
    """Read models/history.csv; phases in the order in which they were trained."""
    phases: dict[str, list[list[float]]] = {}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                values = [float(row[column] or "nan") for column in ("epoch", *CURVES)]
                phases.setdefault(row["phase"], []).append(values)
        if not phases:
            raise ValueError("it is empty")
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise ArchstyleError(
            f"{path} cannot be read ({error}): run `dvc repro --force train`."
        ) from error
    return [Curves(name, *np.array(rows).T) for name, rows in phases.items()]


def write_predictions(path: Path, predictions: Predictions, labels: Labels) -> None:
    """Write one row a photo: both labels, answer, and the probability of every style.

    `style` is the folder's, empty where that contradicts itself; `corrected` is empty where a
    correction drops the photo; `distance` is that from the training photos.
    """
    files, styles, distances = predictions.files, predictions.styles, predictions.distances
    columns: dict[str, Iterable[object]] = {
        "file": files,
        "style": [labels.labelled.get(file, "") for file in files],
        "corrected": [labels.corrected.get(file, "") for file in files],
        "predicted": [styles[i] for i in predictions.predicted],
        "probability": predictions.probability,
        "distance": [""] * len(files) if distances is None else distances,
        "answered": [str(bool(answered)).lower() for answered in predictions.answered],
    }
    columns |= {f"probability_{s}": predictions.probabilities[:, i] for i, s in enumerate(styles)}
    _write(path, columns)


def write_plots(
    directory: Path, found: Evaluation, history: Sequence[Curves], outside: Outside | None = None
) -> None:
    """Write what `dvc plots` draws."""
    predictions, scores, reliable = found.predictions, found.styles, found.reliability.photos > 0
    styles = np.array(predictions.styles, object)
    # Phases count their epochs from one; a line over all of them needs a running number.
    phases = [phase.name for phase in history for _ in phase.epoch]
    training = {name: [v for phase in history for v in getattr(phase, name)] for name in CURVES}
    every: dict[str, dict[str, Iterable[object]]] = {
        "confusion": {
            "actual": styles[predictions.labels],
            "predicted": styles[predictions.predicted],
        },
        "training": {"epoch": range(1, len(phases) + 1), "phase": phases, **training},
        "styles": {
            "style": [score.style for score in scores],
            "precision": [score.precision.value for score in scores],
            "recall": [score.recall.value for score in scores],
            "f1": [score.f1 for score in scores],
            "support": [score.support for score in scores],
        },
        "reliability": {
            name: getattr(found.reliability, name)[reliable]
            for name in ("probability", "accuracy", "photos")
        },
        "risk_coverage": vars(found.risk_coverage),
    }
    if outside is not None and outside.curve is not None:
        curve = vars(outside.curve)
        every["outside"] = {name: curve[name] for name in ("refused_buildings", "refused_outside")}
    for name, columns in every.items():
        _write(directory / f"{name}.csv", columns)


def _write(path: Path, columns: Mapping[str, Iterable[object]]) -> None:
    """Write a CSV; numbers to six digits, NaN as nothing."""
    rows = zip(*columns.values(), strict=True)
    write_csv(path, list(columns), ([_cell(value) for value in row] for row in rows))


def _cell(value: object) -> object:
    if not isinstance(value, float | np.floating):
        return value
    return "" if math.isnan(value) else f"{value:.6f}"
