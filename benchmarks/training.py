"""Where a training's time goes: `python -m benchmarks.training [use.model=... train.epochs=...]`.

Trains on data/augmented, which `dvc repro augment` makes, into a folder that is thrown away, and
holds each stage against the arithmetic that it needs: a crop once forward through the frozen
layers, and in every epoch once forward and twice backward through the trained ones, at the speed
of this machine's largest float32 matrix product. The aim is a ratio of at most 1.5.
"""

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from archstyle.common.console import say
from archstyle.config import compose
from archstyle.data.arrays import read_arrays
from archstyle.errors import ArchstyleError

SIDE = 2048  # of the matrices: 16 MB each
TRIES = 8
AIM = 1.5


def main(overrides: list[str]) -> None:
    start = time.perf_counter()
    from archstyle.models import train_bundle

    root = Path.cwd()
    config = compose(root, overrides)
    times = {"importing TensorFlow": time.perf_counter() - start}
    arrays = read_arrays(root / "data/augmented", root / "data/raw")
    speed = multiply_adds_a_second()
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        directories = [Path(folder) / name for name in ("bundle", "variants")]
        for directory in directories:
            directory.mkdir()
        fitted, bundle = train_bundle(
            directories[0],
            arrays,
            config.model,
            config.train,
            variants=directories[1],
            seed=config.seed,
            thresholds=config.thresholds,
            summary=json.loads((root / "data/prepared/summary.json").read_text()),
            config={},
            on_epoch=lambda row: None,
        )
    seconds = time.perf_counter() - start
    # Others may have used the machine meanwhile: the better one is nearer to what it can.
    speed = max(speed, multiply_adds_a_second())
    trained = sum(spent.seconds for spent in fitted.spent.values())
    times["building, calibrating, exporting"] = seconds - trained
    say(f"\n{config.model.name}, validation {bundle.card.metrics['validation']['accuracy']:.3f}")
    say(f"a float32 matrix product of {SIDE} does {2 * speed / 1e9:.0f} GFLOP/s here\n")
    say(f"{'':34}{'seconds':>9}{'GFLOP':>9}{'needed':>9}{'ratio':>7}")
    for name, spent in fitted.spent.items():
        row(name, spent.seconds, spent.work, speed)
    for name, taken in times.items():
        row(name, taken, 0.0, speed)
    work = sum(spent.work for spent in fitted.spent.values())
    row("the layers' arithmetic, all stages", trained, work, speed)
    row("all", seconds + times["importing TensorFlow"], work, speed)
    say(f"aim: a ratio of at most {AIM}")


def row(name: str, seconds: float, work: float, speed: float) -> None:
    """Print what was taken beside what the arithmetic needs."""
    needed = work / speed
    ratio = f"{seconds / needed:7.2f}" if needed else ""
    say(f"{name:34}{seconds:9.1f}{2 * work / 1e9:9.0f}{needed:9.1f}{ratio}")


def multiply_adds_a_second() -> float:
    """Return what this machine's cores reach together in their best of a few products."""
    import tensorflow as tf

    matrices: Any = tf.random.normal((2, SIDE, SIDE))
    best = float("inf")
    for _ in range(TRIES):
        start = time.perf_counter()
        tf.linalg.matmul(matrices[0], matrices[1])[0, 0].numpy()
        best = min(best, time.perf_counter() - start)
    return SIDE**3 / best


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except ArchstyleError as error:
        sys.exit(f"error: {error}")
