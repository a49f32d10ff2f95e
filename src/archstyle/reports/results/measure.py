"""Runs the pipeline's own stages for one recipe, in a folder of its own, and reads the result.

A row that was measured is kept under a digest of its configuration, photos and code; one that was
interrupted goes on with the stage that it was in.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml

from archstyle.common.code import code_digest
from archstyle.common.console import say
from archstyle.common.files import whole_file, write_json
from archstyle.config import Config, compose
from archstyle.errors import ArchstyleError
from archstyle.reports.results.rows import Recipe
from archstyle.tracking.runs import finish_run

LINKS = ("conf", "src", "pipeline", "dvc.yaml", "dvc.lock", "data/raw", "data/prepared")
# A stage, what it leaves when it is done, and what it needs no longer then.
STAGES = (
    ("augment", "data/augmented/index.json", ""),
    ("train", "models/run.json", "data/augmented"),
    ("evaluate", "reports/metrics.json", ""),
)
SECONDS = "seconds.json"


def key_of(root: Path, config: Config, digest: str, *more: str) -> str:
    """Return a digest of all that a result hangs on."""
    sections = ("seed", "augment", "model", "train", "evaluate")
    values = {name: value for name, value in asdict(config).items() if name in sections}
    code = code_digest(root, ["augment", "train", "evaluate"])
    text = json.dumps([values, digest, code, *more], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def kept(path: Path, key: str) -> dict[str, Any] | None:
    """Return a result that was measured before, if nothing that it hangs on has changed."""
    try:
        found: dict[str, Any] = json.loads(path.read_text("utf-8"))
        return found if found["key"] == key else None
    except (OSError, ValueError, KeyError):
        return None


def keep(path: Path, key: str, found: dict[str, Any]) -> dict[str, Any]:
    """Keep a result for the next time."""
    with whole_file(path) as partial:
        write_json(partial, {"key": key, **found})
    return found


def measure_recipe(root: Path, work: Path, recipe: Recipe, digest: str) -> dict[str, Any]:
    """Return what evaluate measured of a recipe, its time and its sizes; `work` keeps the bundle.

    Raises ArchstyleError naming the stage that failed.
    """
    folder = work / recipe.name
    prepare_folder(root, folder, recipe.params)
    key = key_of(root, compose(folder), digest)
    if (found := kept(work / f"{recipe.name}.json", key)) and (folder / "models/bundle").is_dir():
        say(f"{recipe.name}: measured before.")
        return found
    if (begun := folder / "key").is_file() and begun.read_text("utf-8") != key:
        for name in ("data/augmented", "models", "reports", SECONDS):
            remove(folder / name)
    begun.write_text(key, "utf-8")
    for stage, done, needless in STAGES:
        if not (folder / done).is_file():
            _run(root, folder, recipe.name, stage)
        if needless:
            remove(folder / needless)
    metrics = json.loads((folder / "reports/metrics.json").read_text("utf-8"))
    finish_run(folder, f"results: {recipe.name}, {metrics['accuracy']:.1%}")
    seconds = json.loads((folder / SECONDS).read_text("utf-8"))["train"]
    bundles = {path.parent.name: path for path in sorted((folder / "models").rglob("card.json"))}
    sizes = {name: size_of(path.parent) for name, path in bundles.items()}
    found = {"metrics": metrics, "train_seconds": seconds, "bytes": sizes}
    return keep(work / f"{recipe.name}.json", key, found)


def prepare_folder(root: Path, folder: Path, params: dict[str, Any]) -> None:
    """Make a folder in which the stages find the project's code and photos, and these params."""
    for name in LINKS:
        link = folder / name
        link.parent.mkdir(parents=True, exist_ok=True)
        if (root / name).exists() and not link.exists():
            link.symlink_to(root / name)
    (folder / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False), "utf-8")


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there."""
    shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def size_of(path: Path) -> int:
    """Return the bytes of the files in a folder."""
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def _run(root: Path, folder: Path, name: str, stage: str) -> None:
    """Run a stage in the foreground; its time is kept as it passes, for one that is interrupted."""
    say(f"{name}: {stage}")
    # DVC_ROOT is by what the run finds the project's MLflow database.
    environment = {**os.environ, "DVC_ROOT": str(root)}
    command = [sys.executable, "-m", f"pipeline.{stage}"]
    note = folder / SECONDS
    before = json.loads(note.read_text("utf-8")) if note.is_file() else {}
    start = time.monotonic()
    with subprocess.Popen(command, cwd=folder, env=environment) as process:
        while process.returncode is None:
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=5)
            seconds = before.get(stage, 0) + time.monotonic() - start
            with whole_file(note) as path:
                write_json(path, {**before, stage: round(seconds, 1)})
    if process.returncode:
        raise ArchstyleError(
            f"The stage {stage} of {name} failed: what it said is above. Mend that, then the same "
            "command goes on there."
        )
