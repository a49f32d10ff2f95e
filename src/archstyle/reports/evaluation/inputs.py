"""What the stages before evaluate left: records and the curves of training."""

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from archstyle.errors import ArchstyleError
from archstyle.metrics.classification import Floats

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


def read_record(path: Path, stage: str) -> dict[str, Any]:
    """Read a JSON object that a stage wrote; raises ArchstyleError naming the stage to repeat."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        return dict(record)
    except (OSError, ValueError, TypeError) as error:
        raise ArchstyleError(
            f"{path} cannot be read ({error}): run `dvc repro --force {stage}`."
        ) from error
