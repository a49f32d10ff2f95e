"""Writes the curves of training."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

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
