"""What an interrupted training needs to go on as if nothing had happened."""

import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from archstyle.common.files import code_digest, locked, whole_file
from archstyle.config import Model, Train
from archstyle.models.acceleration import computed_in

EpochRow = dict[str, float | str]
STATE, RUN, LOCK = "state.npz", "run", "lock"
DAYS_KEPT = 7


@dataclass
class State:
    """Where a training stands after an epoch."""

    rows: list[EpochRow] = field(default_factory=list)  # of all epochs, the head's too
    epoch: int = 0  # epochs of the network that are done
    learner: list[NDArray[Any]] = field(default_factory=list)


class Checkpoint:
    """A folder that outlives an interrupted training; DVC's outs would be deleted before a run."""

    def __init__(self, directory: Path):
        self.directory = directory

    def load(self) -> State | None:
        """Return the last state; None where there is none, or none that can be read."""
        try:
            with (self.directory / STATE).open("rb") as raw, np.load(raw) as file:
                rows, epoch = json.loads(str(file["notes"]))
                learner = [file[f"arr_{number}"] for number in range(len(file.files) - 1)]
            return State(rows, epoch, learner)
        except (OSError, ValueError, KeyError, TypeError, EOFError, BadZipFile):
            return None

    def save(self, state: State) -> None:
        """Put a state in the place of the last one."""
        notes = np.array(json.dumps([state.rows, state.epoch]))
        with whole_file(self.directory / STATE) as path, path.open("wb") as file:
            np.savez(file, *state.learner, allow_pickle=False, notes=notes)

    @property
    def run_id(self) -> str | None:
        """The run that the training was recorded in."""
        path = self.directory / RUN
        return path.read_text(encoding="utf-8") if path.is_file() else None

    @run_id.setter
    def run_id(self, run_id: str) -> None:
        with whole_file(self.directory / RUN) as path:
            path.write_text(run_id, encoding="utf-8")


@contextmanager
def open_checkpoint(root: Path, **what: Any) -> Iterator[Checkpoint]:
    """Yield the checkpoint of the training that `what` describes; it is removed on success.

    A second process with the same training at the same time gets a folder of its own. What nobody
    has come back to for a week is removed.
    """
    text = json.dumps(what, sort_keys=True, default=str)
    name = hashlib.sha256(text.encode()).hexdigest()[:16]
    root.mkdir(parents=True, exist_ok=True)
    for old in root.iterdir():
        if old.is_dir() and time.time() - old.stat().st_mtime > DAYS_KEPT * 86400:
            shutil.rmtree(old, ignore_errors=True)
    directory = root / name
    directory.mkdir(exist_ok=True)
    with ExitStack() as stack:
        try:
            stack.enter_context(locked(directory / LOCK, wait=False))
        except BlockingIOError:
            directory = root / f"{name}-{os.getpid()}"
            directory.mkdir(exist_ok=True)
        yield Checkpoint(directory)
        shutil.rmtree(directory, ignore_errors=True)


def identity(root: Path, model: Model, train: Train, seed: int) -> dict[str, Any]:
    """Return all that the course of a training depends on in the project at `root`."""
    files = sorted((root / "data/augmented").iterdir())
    return {
        # What changes with a file's content, without reading all of it.
        "arrays": {file.name: (file.stat().st_size, file.stat().st_mtime_ns) for file in files},
        "model": asdict(model),
        "train": {**asdict(train), "precision": computed_in(train.precision)},
        "seed": seed,
        "code": code_digest(root, ["train"]),
        "libraries": [version(name) for name in ("tensorflow", "keras", "numpy")],
    }
