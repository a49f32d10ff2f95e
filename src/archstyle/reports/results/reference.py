"""The reference project's own protocol: its folders `train` and `val`, just as they are."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from archstyle.common.files import whole_directory
from archstyle.config import Config
from archstyle.data.arrays import write_arrays
from archstyle.data.manifest import Row, used
from archstyle.metrics.classification import score
from archstyle.photos.names import style_of
from archstyle.photos.store import PhotoStore
from archstyle.reports.results.measure import keep, kept, remove
from archstyle.reports.results.rows import REFERENCE

SPLIT_OF = {"train": "train", "val": "validation"}


def reference_rows(rows: Sequence[Row]) -> list[Row]:
    """Return every readable photo in the split whose folder it lies in, duplicates and all.

    Nothing where the photos do not lie in such folders.
    """
    found = []
    for row in rows:
        split = SPLIT_OF.get(row.file.split("/")[0])
        if split and row.status != "broken" and row.phash:
            style = style_of(row.file) or ""
            found.append(replace(row, style=style, split=split, status="used"))
    splits = {row.split for row in found if row.style}
    return [row for row in found if row.style] if splits == set(SPLIT_OF.values()) else []


def corrected_styles(rows: Sequence[Row]) -> dict[str, str]:
    """Return the corrected style of each photograph that has one, by its group."""
    return {row.group: row.style for row in rows if row.status in ("used", "corrected")}


def leaked(rows: Sequence[Row]) -> tuple[int, int]:
    """Return how many photos of `val` lie in `train` too, byte for byte, and how many there are."""
    train = {row.sha256 for row in used(rows, "train")}
    validation = used(rows, "validation")
    return sum(row.sha256 in train for row in validation), len(validation)


def measure_reference(
    root: Path, work: Path, rows: Sequence[Row], config: Config, key: str
) -> dict[str, Any]:
    """Train as published and measure on `val`, as labelled and as corrected."""
    if found := kept(work / f"{REFERENCE}.json", key):
        return found
    folders = reference_rows(rows)
    arrays, raw = work / REFERENCE / "data/augmented", root / "data/raw"
    with whole_directory(arrays) as directory:
        store = PhotoStore(raw)
        write_arrays(directory, store, folders, config.model, config.augment, config.seed)
    # TensorFlow takes ten seconds to import.
    from archstyle.models import validate

    told = validate(
        arrays,
        raw,
        work / REFERENCE / key,
        config.model,
        config.train,
        config.seed,
        lambda _: None,
    )
    remove(work / REFERENCE)
    right_styles = corrected_styles(rows)
    validation = used(folders, "validation")
    new = np.array(
        [
            told.styles.index(right_styles[row.group]) if row.group in right_styles else -1
            for row in validation
        ]
    )
    samples, seed = config.evaluate.bootstrap_samples, config.seed
    predicted = told.probabilities.argmax(axis=1)
    found = {}
    for prefix, labels in (("", told.labels), ("corrected_", new)):
        known = labels >= 0
        scores = score(labels[known], predicted[known], told.styles, samples, seed)
        found |= {
            f"{prefix}accuracy": scores.accuracy.value,
            f"{prefix}accuracy_low": scores.accuracy.low,
            f"{prefix}accuracy_high": scores.accuracy.high,
            f"{prefix}macro_f1": scores.macro_f1,
            f"{prefix}photos": int(known.sum()),
        }
    return keep(work / f"{REFERENCE}.json", key, {"metrics": found, "leaked": leaked(folders)})
