"""How far a training is, how long it will take yet, and how much arithmetic that is."""

import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from tqdm import tqdm

from archstyle.common.console import say
from archstyle.config import Train
from archstyle.data.arrays import Arrays
from archstyle.models.inputs import Batch, Parts

EpochRow = dict[str, float | str]
RECENT = 40  # batches
# Forward, and backward once for the inputs and once for the weights of each layer.
TRAINED = 3
DRAWN = 3000  # multiplications a pixel, about, in the time that it takes to draw a crop


@dataclass
class Spent:
    """Seconds, and multiplications with their additions."""

    seconds: float = 0.0
    work: float = 0.0


class Progress:
    """One bar over the whole training on a terminal; elsewhere a line an epoch.

    Work is counted in multiplications, so that the time left covers all that is still to come.
    `spent` is what each stage has taken.
    """

    def __init__(self, total: float):
        self.spent: dict[str, Spent] = {}
        self._total = total
        self._done = 0.0
        self._terminal = sys.stderr.isatty()
        self._bar = tqdm(
            total=total,
            disable=not self._terminal,
            dynamic_ncols=True,
            bar_format="{desc} {percentage:3.0f}%|{bar}| {elapsed} gone, {remaining} left{postfix}",
        )
        # When how much was done; what is being done now sets the pace of what is left.
        self._recent: deque[tuple[float, float]] = deque(maxlen=RECENT)
        self._stage = Spent()
        self._since = time.monotonic()

    def stage(self, name: str) -> None:
        """Say what is being done."""
        self._account()
        self._stage = self.spent.setdefault(name, Spent())
        self._bar.set_description_str(name, refresh=False)

    def advance(self, work: float) -> None:
        """Count work that is done."""
        self._done += work
        self._stage.work += work
        self._recent.append((time.monotonic(), self._done))
        self._bar.update(work)

    def watch(self, batches: Iterable[Batch], work: float) -> Iterator[Batch]:
        """Yield the batches and count `work` for each once the next one is asked for."""
        for batch in batches:
            yield batch
            self.advance(work)

    def epoch(self, number: int, epochs: int, row: EpochRow) -> None:
        """Tell how an epoch of the network ended."""
        accuracy, macro_f1 = row["validation_accuracy"], row["validation_macro_f1"]
        self._bar.set_postfix_str(f"epoch {number} of {epochs}, validation {accuracy:.3f}")
        if not self._terminal:
            say(
                f"Epoch {number} of {epochs}: validation accuracy {accuracy:.3f}, "
                f"macro F1 {macro_f1:.3f}; {self.left()} left"
            )

    def left(self) -> str:
        """Return the time left, as in 01:30, at the present pace."""
        (start, before), (now, done) = self._recent[0], self._recent[-1]
        seconds = (self._total - self._done) * (now - start) / max(done - before, 1.0)
        return str(tqdm.format_interval(max(0.0, seconds)))

    def close(self) -> None:
        """Leave the bar as it is."""
        self._account()
        self._bar.close()

    def _account(self) -> None:
        now = time.monotonic()
        self._stage.seconds += now - self._since
        self._since = now


@dataclass(frozen=True)
class Work:
    """Multiplications, each with its addition, of the parts of a training."""

    crop: float  # to draw a crop and put it through the frozen layers
    whole: float  # a validation photo through the frozen layers
    upper: float  # a crop through the trained layers, forward
    validated: float  # a validation photo through the trained layers
    step: float  # a batch, forward and backward
    inputs: float  # all crops, and validation through the frozen layers
    features: float  # `head_pictures` of each photo, and validation, through the trained layers
    epoch: float  # the steps of an epoch, and validation


def work_of(parts: Parts, arrays: Arrays, train: Train, head_pictures: int) -> Work:
    """Count the work."""
    photos, validation = len(arrays.train_labels), len(arrays.validation_labels)
    pictures = 1 + arrays.copies
    photo = arrays.train_images.shape[1:]
    # A network does as much more on a photo as it is larger.
    area = (arrays.read_size / arrays.image_size) ** 2
    lower = 0
    if parts.lower is None:
        upper = multiply_adds(parts.upper, photo, np.uint8)
    else:
        lower = multiply_adds(parts.lower, photo, np.uint8)
        upper = multiply_adds(parts.upper, parts.lower.compute_output_shape((1, *photo))[1:])
    batch = min(train.batch_size, photos)
    crop, whole, validated = lower + DRAWN * photo[0] * photo[1], lower * area, upper * area
    step = TRAINED * upper * batch
    return Work(
        crop=crop,
        whole=whole,
        upper=upper,
        validated=validated,
        step=step,
        inputs=crop * pictures * photos + whole * validation,
        features=upper * min(pictures, head_pictures) * photos + validated * validation,
        epoch=step * (photos // batch) + validated * validation,
    )


def multiply_adds(model: keras.Model, shape: tuple[int, ...], dtype: Any = np.float32) -> int:
    """Return the multiplications, each with its addition, of one input of `shape`, forward.

    Those of convolutions and dense layers, which is where a network's arithmetic is.
    """
    function = tf.function(lambda batch: model(batch, training=False), autograph=False)
    graph = function.get_concrete_function(tf.TensorSpec((1, *shape), dtype)).graph
    total = 0
    for operation in graph.get_operations():
        if operation.type in ("Conv2D", "DepthwiseConv2dNative", "MatMul"):
            kernel = operation.inputs[1].shape
            each = kernel[:2] if operation.type == "DepthwiseConv2dNative" else kernel[:-1]
            total += int(np.prod(operation.outputs[0].shape) * np.prod(each))
    return total
