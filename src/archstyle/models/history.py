"""The curves of training: a row of numbers an epoch."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from archstyle.metrics.calibration import softmax
from archstyle.metrics.classification import f1
from archstyle.models.arrays import one_hot

EpochRow = dict[str, float | str]

COLUMNS = (
    "epoch",
    "phase",
    "loss",
    "accuracy",
    "validation_loss",
    "validation_accuracy",
    "validation_macro_f1",
)


def write_history(path: Path, rows: Sequence[Mapping[str, float | str]]) -> None:
    """Write a row an epoch, numbers with six decimals."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow(
                {
                    key: f"{row[key]:.6f}" if isinstance(row[key], float) else row[key]
                    for key in COLUMNS
                }
            )


def measured(
    logits: NDArray[np.float32], labels: NDArray[np.int64], smoothing: float
) -> dict[str, float]:
    """Return loss, accuracy and macro F1 of logits [m, k]; the loss is smoothed as training's."""
    styles = logits.shape[1]
    targets = one_hot(labels, styles) * (1 - smoothing) + smoothing / styles
    predicted = logits.argmax(axis=1)
    probabilities = np.maximum(softmax(logits), 1e-30)
    return {
        "validation_loss": float(-(targets * np.log(probabilities)).sum(axis=1).mean()),
        "validation_accuracy": float((predicted == labels).mean()),
        "validation_macro_f1": float(f1(labels, predicted, styles).mean()),
    }


def rank(row: EpochRow) -> tuple[float, float]:
    """Return what the best epoch has the most of; of the same macro F1, the smaller loss wins."""
    if not row:
        return (-1.0, 0.0)
    return float(row["validation_macro_f1"]), -float(row["validation_loss"])
