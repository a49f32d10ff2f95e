"""The epochs of models/history.csv as metrics of a run."""

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any


def history_rows(path: Path) -> list[dict[str, str]]:
    """Read models/history.csv; no rows where there is none."""
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def epoch_metrics(row: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """Yield (metric, value) of a row of models/history.csv: train/loss, validation/loss, ..."""
    for column, text in row.items():
        try:
            value = float(text)
        except (TypeError, ValueError):
            continue
        if column != "epoch" and value == value:  # not NaN: a phase without validation
            split, _, name = column.partition("_")
            yield (f"validation/{name}" if split == "validation" else f"train/{column}"), value
