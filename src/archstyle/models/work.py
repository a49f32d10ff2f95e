"""How much arithmetic a training is."""

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from archstyle.config import Train
from archstyle.models.arrays import Arrays
from archstyle.models.freezing import Parts

# Forward, and backward once for the inputs and once for the weights of each layer.
TRAINED = 3


@dataclass(frozen=True)
class Work:
    """Multiplications, each with its addition, of the parts of a training."""

    lower: float  # a crop through the frozen layers
    upper: float  # a crop through the trained ones, forward
    area: float  # how much larger a validation photo is; a network does as much more on it
    step: float  # a batch, forward and backward
    frozen: float  # all crops and validation photos through the frozen layers
    features: float  # what the head is trained on, and validation, through the trained layers
    epoch: float  # the steps of an epoch, and validation


def work_of(parts: Parts, arrays: Arrays, train: Train, head_copies: int) -> Work:
    """Count the work; `head_copies` of each photo are what the head is trained on."""
    copies, photos, size = arrays.train_images.shape[:3]
    area = (arrays.validation_images.shape[1] / size) ** 2
    validation = len(arrays.validation_labels) * area
    photo = (size, size, 3)
    lower = 0
    if parts.lower is None:
        upper = multiply_adds(parts.upper, photo, np.uint8)
    else:
        lower = multiply_adds(parts.lower, photo, np.uint8)
        upper = multiply_adds(parts.upper, parts.lower.compute_output_shape((1, *photo))[1:])
    batch = min(train.batch_size, photos)
    step = TRAINED * upper * batch
    return Work(
        lower=lower,
        upper=upper,
        area=area,
        step=step,
        frozen=lower * (copies * photos + validation),
        features=upper * (min(copies, head_copies) * photos + validation),
        epoch=step * (photos // batch) + upper * validation,
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
