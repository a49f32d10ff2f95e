"""Compares recipes: trains and measures each by the pipeline's stages.

`python -m benchmarks.results` writes docs/results.md with its figures, and the README's table.

A recipe that was measured is kept under a digest of its configuration, photos and code; one that
was interrupted goes on with the stage that it was in.
"""

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from archstyle.bundle import Bundle
from archstyle.common.console import run, say
from archstyle.common.files import code_digest, read_json, whole_directory, write_json
from archstyle.config import Config, Split, compose
from archstyle.data.arrays import write_arrays
from archstyle.data.manifest import Row, read_manifest, used
from archstyle.errors import ArchstyleError
from archstyle.metrics.classification import score
from archstyle.metrics.predictions import label_test_photos
from archstyle.photos.store import PhotoStore
from archstyle.tracking.facts import git_tags
from archstyle.tracking.runs import resume_run
from archstyle.tracking.store import prepare_store
from benchmarks.results.page import write_results
from benchmarks.results.recipes import Recipe, recipes
from benchmarks.results.robustness import kept, robustness

ROOT = Path(__file__).parents[2]
LINKS = ("conf", "src", "pipeline", "dvc.yaml", "dvc.lock", "data/raw", "data/prepared")
DONE = {  # what a stage leaves when it is done
    "augment": "data/augmented/index.json",
    "train": "models/run.json",
    "evaluate": "reports/metrics.json",
}
SECONDS = "seconds.json"
SPLIT_OF = {"train": "train", "val": "validation"}  # by the reference's folders
Found = dict[str, Any]  # metrics, and of a recipe's bundle train_seconds and bytes


def results(root: Path, seeds: int = 1) -> None:
    """Measure what was not measured before and write docs/results.md and the README's table.

    On drawn facades, or with data.limit, the page goes to reports/results/ instead. With `seeds`
    the default recipe is trained with as many seeds, and the spread told.
    """
    config, work = compose(root), root / ".archstyle/results"
    summary = read_json(root / "data/prepared/summary.json", "run `dvc repro prepare`")
    rows = read_manifest(root / "data/prepared/manifest.csv")
    prepare_store()
    digest, every = str(summary["digest"]), recipes(root)
    default = next(recipe for recipe in every if recipe.is_default)
    lines: list[tuple[Recipe, Found]] = []
    if reference_rows(rows):
        say("The reference's own protocol:")
        title = "the reference's network on its own folders, as published"
        recipe = replace(every[0], title=title, short="reference's protocol", leaks=True)
        lines.append((recipe, measure_reference(root, work, recipe, rows, digest)))
    else:
        say("The photos lie in no folders `train` and `val`: the reference's protocol is left out.")
    others = [default.with_seed(config.seed + more) for more in range(1, seeds)]
    measured = {}
    for number, recipe in enumerate([*every, *others], start=1):
        say(f"{number} of {len(every) + len(others)}: {recipe.name}")
        measured[recipe.name] = measure_recipe(root, work, recipe, digest)
    bundle = Bundle.load(work / default.name / "models/bundle")
    store = PhotoStore(root / "data/raw")
    write_results(
        root,
        lines=[*lines, *((recipe, measured[recipe.name]) for recipe in every)],
        seeds={r.params["seed"]: measured[r.name]["metrics"] for r in (default, *others)},
        robust={
            split: robustness(bundle, store, used(rows, split), work, split)
            for split in ("validation", "test")
        },
        labels=label_test_photos(rows, Split(**summary["shares"]), bundle.styles),
        summary=summary,
        limit=config.data.limit,
        git=git_tags(root),
    )


def measure_recipe(root: Path, work: Path, recipe: Recipe, digest: str) -> Found:
    """Return what evaluate measured of a recipe, its time and its sizes; `work` keeps the bundle.

    `digest` is that of the prepared photos. Raises ArchstyleError naming the stage that failed.
    """
    folder = work / recipe.name
    key = key_of(root, lay_out(root, folder, recipe), digest)
    begun = folder / "key"
    if begun.is_file() and begun.read_text("utf-8") != key:
        shutil.rmtree(folder)
        lay_out(root, folder, recipe)
    begun.write_text(key, "utf-8")
    stages = [stage for stage, path in DONE.items() if not (folder / path).is_file()]
    if "train" not in stages:
        stages = [stage for stage in stages if stage == "evaluate"]
    for stage in stages:
        _run(root, folder, recipe.name, stage)
        if stage == "train":
            shutil.rmtree(folder / "data/augmented")
    metrics = read_json(folder / DONE["evaluate"])
    if stages:
        finish_run(folder, f"results: {recipe.name}, {metrics['accuracy']:.1%}")
    sizes = {
        card.parent.name: sum(f.stat().st_size for f in card.parent.rglob("*") if f.is_file())
        for card in sorted((folder / "models").rglob("card.json"))
    }
    seconds = read_json(folder / SECONDS)["train"]
    return {"metrics": metrics, "train_seconds": seconds, "bytes": sizes}


def finish_run(folder: Path, name: str) -> None:
    """Name the recipe's run and finish it, as no register follows.

    Without the tracking server the measurements stay in the files, and people are told so.
    """
    try:
        with resume_run(folder, "evaluate") as log:
            log.rename_to(name)
            log.finish()
    except ArchstyleError as error:
        say(f"warning: MLflow was not told how {name} ended: {error}")


def measure_reference(
    root: Path, work: Path, recipe: Recipe, rows: Sequence[Row], digest: str
) -> Found:
    """Train by the reference's protocol and measure on `val`, as labelled and as corrected.

    `leaked` is how many photos of `val` lie in `train` too, byte for byte, and how many there are.
    """
    folder, raw = work / "reference", root / "data/raw"
    config = lay_out(root, folder, recipe)
    key = key_of(root, config, digest, "reference")

    def measure() -> Found:
        # TensorFlow takes ten seconds to import.
        from archstyle.models import validate

        folders, both, seed = reference_rows(rows), (config.model, config.augment), config.seed
        arrays = folder / "data/augmented"
        with whole_directory(arrays) as partial:
            write_arrays(partial, PhotoStore(raw), folders, *both, seed)
        recipe = config.model, config.train, seed
        known_styles, _, given = validate(arrays, raw, folder / key, *recipe, lambda _: None)
        shutil.rmtree(folder)
        validation, right = used(folders, "validation"), corrected_styles(rows)
        predicted = given.argmax(axis=1)
        metrics: dict[str, float] = {}
        for prefix, styles in (
            ("", [row.style for row in validation]),
            ("corrected_", [right.get(row.group) for row in validation]),
        ):
            known = [i for i, style in enumerate(styles) if style is not None]
            labels = np.array([known_styles.index(styles[i]) for i in known])
            draws = config.evaluate.bootstrap_samples
            scores = score(labels, predicted[known], known_styles, draws, seed)
            metrics |= {
                f"{prefix}accuracy": scores.accuracy.value,
                f"{prefix}accuracy_low": scores.accuracy.low,
                f"{prefix}accuracy_high": scores.accuracy.high,
                f"{prefix}macro_f1": scores.macro_f1,
            }
        train = {row.sha256 for row in used(folders, "train")}
        leaked = sum(row.sha256 in train for row in validation)
        return {"metrics": metrics, "leaked": [leaked, len(validation)]}

    return kept(work / "reference.json", key, measure)


def reference_rows(rows: Sequence[Row]) -> list[Row]:
    """Return every readable photo in the split whose folder it lies in, duplicates and all.

    Nothing where the photos do not lie in such folders.
    """
    found = [
        replace(row, style=style, split=split, status="used")
        for row in rows
        if (split := SPLIT_OF.get(row.file.split("/")[0]))
        and (style := row.folder)
        and row.phash
        and row.status != "broken"
    ]
    return found if {row.split for row in found} == set(SPLIT_OF.values()) else []


def corrected_styles(rows: Sequence[Row]) -> dict[str, str]:
    """Return the corrected style of each photograph that has one, by its group."""
    return {row.group: row.style for row in rows if row.status in ("used", "corrected")}


def key_of(root: Path, config: Config, digest: str, *more: str) -> str:
    """Return a digest of all that a result hangs on."""
    sections = ("seed", "augment", "model", "train", "thresholds", "evaluate")
    values = {name: value for name, value in asdict(config).items() if name in sections}
    code = code_digest(root, list(DONE))
    text = json.dumps([values, digest, code, *more], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def lay_out(root: Path, folder: Path, recipe: Recipe) -> Config:
    """Make a folder in which the stages find the project's code and photos, and these params."""
    for name in LINKS:
        link = folder / name
        link.parent.mkdir(parents=True, exist_ok=True)
        if (root / name).exists() and not link.exists():
            link.symlink_to(root / name)
    (folder / "params.yaml").write_text(yaml.safe_dump(recipe.params, sort_keys=False), "utf-8")
    return compose(folder)


def _run(root: Path, folder: Path, name: str, stage: str) -> None:
    """Run a stage in the foreground; its time is kept as it passes, for one that is interrupted."""
    say(f"{name}: {stage}")
    # DVC_ROOT is by what the run finds the project's MLflow database.
    environment = {**os.environ, "DVC_ROOT": str(root)}
    command = [sys.executable, "-m", f"pipeline.{stage}"]
    before = read_json(folder / SECONDS) if (folder / SECONDS).is_file() else {}
    start = time.monotonic() - before.get(stage, 0)
    with subprocess.Popen(command, cwd=folder, env=environment) as process:
        while process.returncode is None:
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=5)
            seconds = round(time.monotonic() - start, 1)
            write_json(folder / SECONDS, {**before, stage: seconds})
    if process.returncode:
        raise ArchstyleError(
            f"The stage {stage} of {name} failed: what it said is above. Mend that, then the same "
            "command goes on there."
        )


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description="Train and measure every recipe.")
    parser.add_argument("--seeds", type=int, default=1, help="of the default recipe")
    results(ROOT, parser.parse_args(arguments).seeds)


if __name__ == "__main__":
    run(main)
