"""Where a training's time goes: `python -m benchmarks.training [use.model=... train.epochs=...]`.

Trains on data/augmented, which `dvc repro augment` makes, into a folder that is thrown away, and
holds each stage against the arithmetic that it needs: a crop, which is drawn in the same stage,
once forward through the frozen layers, and in every epoch once forward and twice backward through
the trained ones, at the speed of this machine's largest float32 matrix product. The aim is a ratio
of at most 1.5.
"""

import json
import math
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from archstyle.common.console import say
from archstyle.config import Config, compose
from archstyle.data.arrays import Arrays, read_arrays
from archstyle.errors import ArchstyleError

SIDE = 2048  # of the matrices: 16 MB each
TRIES = 8
AIM = 1.5
TRAINED = 3  # forward, and backward once for the inputs and once for the weights


def main(overrides: list[str]) -> None:
    start = time.perf_counter()
    from archstyle.models import train_bundle
    from archstyle.models.checkpoint import Checkpoint

    root = Path.cwd()
    config = compose(root, overrides)
    times = {"importing TensorFlow": time.perf_counter() - start}
    arrays = read_arrays(root / "data/augmented", root / "data/raw")
    speed = multiply_adds_a_second()
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        directories = [Path(folder) / name for name in ("bundle", "variants", "work")]
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
            checkpoint=Checkpoint(directories[2]),
        )
    seconds = time.perf_counter() - start
    # Others may have used the machine meanwhile: the better one is nearer to what it can.
    speed = max(speed, multiply_adds_a_second())
    trained = sum(fitted.seconds.values())
    times["building, calibrating, exporting"] = seconds - trained
    say(f"\n{config.model.name}, validation {bundle.card.metrics['validation']['accuracy']:.3f}")
    say(f"a float32 matrix product of {SIDE} does {2 * speed / 1e9:.0f} GFLOP/s here\n")
    say(f"{'':34}{'seconds':>9}{'GFLOP':>9}{'needed':>9}{'ratio':>7}")
    works = work_of(fitted, config, arrays)
    for name, taken in fitted.seconds.items():
        row(name, taken, works[name], speed)
    for name, taken in times.items():
        row(name, taken, 0.0, speed)
    work = sum(works[name] for name in fitted.seconds)
    row("the layers' arithmetic, all stages", trained, work, speed)
    row("all", seconds + times["importing TensorFlow"], work, speed)
    say(f"aim: a ratio of at most {AIM}")


def work_of(fitted: Any, config: Config, arrays: Arrays) -> dict[str, float]:
    """Return the multiplications, each with its addition, of each stage of a training."""
    from archstyle.models.learner import cut

    train, size = config.train, arrays.train_images.shape[1]
    parts = cut(fitted.network, fitted.model, train.frozen_blocks)
    shape, lower = (size, size, 3), 0
    if parts.lower is not None:
        lower = multiply_adds(parts.lower, shape)
        shape = parts.lower.compute_output_shape((1, *shape))[1:]
    upper = multiply_adds(parts.upper, shape)
    photos, pictures = len(arrays.train_labels), 1 + arrays.copies
    # A network does as much more on a photo as it is larger.
    validation = len(arrays.validation_labels) * (arrays.validation_images.shape[1] / size) ** 2
    batch = min(train.batch_size, photos)
    epochs = sum(row["phase"] == "network" for row in fitted.history)
    return {
        "crops": 0.0,
        "frozen layers": lower * (pictures * photos + validation),
        "features": upper * (min(pictures, 2) * photos + validation),
        "head": 0.0,
        "network": epochs * upper * (TRAINED * batch * (photos // batch) + validation),
    }


def multiply_adds(model: Any, shape: tuple[int, ...]) -> int:
    """Return the multiplications of convolutions and dense layers, for one input, forward."""
    import tensorflow as tf

    spec = tf.TensorSpec((1, *shape), model.input.dtype)
    graph = tf.function(lambda x: model(x, training=False)).get_concrete_function(spec).graph
    total = 0
    for operation in graph.get_operations():
        if operation.type in ("Conv2D", "DepthwiseConv2dNative", "MatMul"):
            kernel = operation.inputs[1].shape
            each = kernel[:2] if operation.type == "DepthwiseConv2dNative" else kernel[:-1]
            total += math.prod(operation.outputs[0].shape) * math.prod(each)
    return total


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
