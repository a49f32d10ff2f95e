"""The curves of training, as train writes them."""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from archstyle.errors import ArchstyleError
from archstyle.evaluation.metrics import Floats

COLUMNS = ("epoch", "loss", "accuracy", "validation_loss", "validation_accuracy")


@dataclass(frozen=True)
class Curves:
    """One phase of training (head or network); arrays [epochs], NaN where not measured."""

    name: str
    epoch: Floats
    loss: Floats
    accuracy: Floats
    validation_loss: Floats
    validation_accuracy: Floats


def read_history(path: Path) -> list[Curves]:
    """Read models/history.csv; phases in the order in which they were trained."""
    phases: dict[str, list[list[float]]] = {}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                values = [float(row[column] or "nan") for column in COLUMNS]
                phases.setdefault(row["phase"], []).append(values)
        if not phases:
            raise ValueError("it is empty")
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise ArchstyleError(
            f"{path} cannot be read ({error}): run `dvc repro --force train`."
        ) from error
    return [Curves(name, *np.array(rows).T) for name, rows in phases.items()]
