"""Trains and measures every recipe with the pipeline's own stages, in a folder of its own.

A recipe that was measured is kept under a digest of its configuration, photos and code; one that
was interrupted goes on with the stage that it was in.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from archstyle.common.console import say
from archstyle.common.files import code_digest, read_json, whole_directory, write_json
from archstyle.config import Config, compose
from archstyle.data.arrays import write_arrays
from archstyle.data.manifest import Row, used
from archstyle.errors import ArchstyleError
from archstyle.metrics.classification import score
from archstyle.photos.names import style_of
from archstyle.photos.store import PhotoStore
from archstyle.reports.results.recipes import Params, Recipe, published, read_params
from archstyle.tracking.runs import finish_run

LINKS = ("conf", "src", "pipeline", "dvc.yaml", "dvc.lock", "data/raw", "data/prepared")
# A stage, what it leaves when it is done, and what it needs no longer then.
STAGES = (
    ("augment", "data/augmented/index.json", ""),
    ("train", "models/run.json", "data/augmented"),
    ("evaluate", "reports/metrics.json", ""),
)
SECONDS = "seconds.json"
SPLIT_OF = {"train": "train", "val": "validation"}  # by the reference's folders


def measure_recipe(root: Path, work: Path, recipe: Recipe, digest: str) -> dict[str, Any]:
    """Return what evaluate measured of a recipe, its time and its sizes; `work` keeps the bundle.

    `digest` is that of the prepared photos. Raises ArchstyleError naming the stage that failed.
    """
    folder = work / recipe.name
    key = key_of(root, prepare_folder(root, folder, recipe.params), digest)

    def measure() -> dict[str, Any]:
        begun = folder / "key"
        if begun.is_file() and begun.read_text("utf-8") != key:
            for name in ("data/augmented", "models", "reports", SECONDS):
                _remove(folder / name)
        begun.write_text(key, "utf-8")
        for stage, done, needless in STAGES:
            if not (folder / done).is_file():
                _run(root, folder, recipe.name, stage)
            if needless:
                _remove(folder / needless)
        metrics = read_json(folder / "reports/metrics.json")
        finish_run(folder, f"results: {recipe.name}, {metrics['accuracy']:.1%}")
        seconds = read_json(folder / SECONDS)["train"]
        cards = sorted((folder / "models").rglob("card.json"))
        sizes = {card.parent.name: _size(card.parent) for card in cards}
        return {"metrics": metrics, "train_seconds": seconds, "bytes": sizes}

    if not (folder / "models/bundle").is_dir():
        _remove(work / f"{recipe.name}.json")
    return kept(work / f"{recipe.name}.json", key, measure)


def key_of(root: Path, config: Config, digest: str, *more: str) -> str:
    """Return a digest of all that a result hangs on."""
    sections = ("seed", "augment", "model", "train", "thresholds", "evaluate")
    values = {name: value for name, value in asdict(config).items() if name in sections}
    code = code_digest(root, ["augment", "train", "evaluate"])
    text = json.dumps([values, digest, code, *more], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def kept(path: Path, key: str, measure: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return a result that was measured before under `key`, or measure and keep it."""
    with suppress(OSError, ValueError, KeyError):
        found: dict[str, Any] = json.loads(path.read_text("utf-8"))
        if found["key"] == key:
            return found
    found = {"key": key, **measure()}
    write_json(path, found)
    return found


def prepare_folder(root: Path, folder: Path, params: Params) -> Config:
    """Make a folder in which the stages find the project's code and photos, and these params."""
    for name in LINKS:
        link = folder / name
        link.parent.mkdir(parents=True, exist_ok=True)
        if (root / name).exists() and not link.exists():
            link.symlink_to(root / name)
    (folder / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False), "utf-8")
    return compose(folder)


def reference_rows(rows: Sequence[Row]) -> list[Row]:
    """Return every readable photo in the split whose folder it lies in, duplicates and all.

    Nothing where the photos do not lie in such folders.
    """
    found = [
        replace(row, style=style_of(row.file) or "", split=split, status="used")
        for row in rows
        if (split := SPLIT_OF.get(row.file.split("/")[0])) and row.status != "broken" and row.phash
    ]
    found = [row for row in found if row.style]
    return found if {row.split for row in found} == set(SPLIT_OF.values()) else []


def corrected_styles(rows: Sequence[Row]) -> dict[str, str]:
    """Return the corrected style of each photograph that has one, by its group."""
    return {row.group: row.style for row in rows if row.status in ("used", "corrected")}


def leaked(rows: Sequence[Row]) -> tuple[int, int]:
    """Return how many photos of `val` lie in `train` too, byte for byte, and how many there are."""
    train = {row.sha256 for row in used(rows, "train")}
    validation = used(rows, "validation")
    return sum(row.sha256 in train for row in validation), len(validation)


def measure_reference(root: Path, work: Path, rows: Sequence[Row], digest: str) -> dict[str, Any]:
    """Train by the reference's protocol and measure on `val`, as labelled and as corrected."""
    folder, raw = work / "reference", root / "data/raw"
    config = prepare_folder(root, folder, published(read_params(root)).params)
    key = key_of(root, config, digest, "reference")

    def measure() -> dict[str, Any]:
        # TensorFlow takes ten seconds to import.
        from archstyle.models import validate

        folders, recipe, seed = reference_rows(rows), (config.model, config.augment), config.seed
        with whole_directory(folder / "data/augmented") as arrays:
            write_arrays(arrays, PhotoStore(raw), folders, *recipe, seed)
        arrays = folder / "data/augmented"
        told = validate(arrays, raw, folder / key, config.model, config.train, seed, lambda _: None)
        _remove(folder)
        right = corrected_styles(rows)
        groups = [row.group for row in used(folders, "validation")]
        new = [told.styles.index(right[group]) if group in right else -1 for group in groups]
        predicted = told.probabilities.argmax(axis=1)
        metrics: dict[str, float] = {}
        for prefix, labels in (("", told.labels), ("corrected_", np.array(new))):
            known = labels >= 0
            draws = config.evaluate.bootstrap_samples
            scores = score(labels[known], predicted[known], told.styles, draws, seed)
            metrics |= {
                f"{prefix}accuracy": scores.accuracy.value,
                f"{prefix}accuracy_low": scores.accuracy.low,
                f"{prefix}accuracy_high": scores.accuracy.high,
                f"{prefix}macro_f1": scores.macro_f1,
                f"{prefix}photos": int(known.sum()),
            }
        return {"metrics": metrics, "leaked": list(leaked(folders))}

    return kept(work / "reference.json", key, measure)


def _run(root: Path, folder: Path, name: str, stage: str) -> None:
    """Run a stage in the foreground; its time is kept as it passes, for one that is interrupted."""
    say(f"{name}: {stage}")
    # DVC_ROOT is by what the run finds the project's MLflow database.
    environment = {**os.environ, "DVC_ROOT": str(root)}
    command = [sys.executable, "-m", f"pipeline.{stage}"]
    before = read_json(folder / SECONDS) if (folder / SECONDS).is_file() else {}
    start = time.monotonic()
    with subprocess.Popen(command, cwd=folder, env=environment) as process:
        while process.returncode is None:
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=5)
            seconds = before.get(stage, 0) + time.monotonic() - start
            write_json(folder / SECONDS, {**before, stage: round(seconds, 1)})
    if process.returncode:
        raise ArchstyleError(
            f"The stage {stage} of {name} failed: what it said is above. Mend that, then the same "
            "command goes on there."
        )


def _remove(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def _size(path: Path) -> int:
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
