"""Turns a trained classifier into the graphs of bundles, in float32 and in int8."""

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops
from numpy.typing import NDArray
from PIL import Image
from tensorflow.lite.python.convert import mlir_quantize

from archstyle.bundle.graph import quiet
from archstyle.common.console import progress
from archstyle.models.networks import Network
from archstyle.photos.reader import to_array

CALIBRATION_PHOTOS = 64  # with 16 to 128 accuracy and log loss on validation are the same
HEAD = ("MEAN", "FULLY_CONNECTED", "BATCH_MATMUL", "SOFTMAX", "GREATER", "MUL", "RELU")


def classifier(network: Network, styles: int, dropout: float) -> keras.Model:
    """Put a head on the network: uint8 photos [n, size, size, 3] to logits [n, styles]."""
    x = network.base.output
    if network.pooled:
        x = layers.GlobalAveragePooling2D(name="embedding")(x)
    x = layers.Dropout(dropout, name="dropout")(x)
    return keras.Model(network.base.input, layers.Dense(styles, name="head")(x), name="classifier")


def export_graph(network: Network, model: keras.Model, size: int, temperature: float) -> bytes:
    """Return the LiteRT graph, in float32, of a classifier that `classifier` made.

    It takes one uint8 photo [1, size, size, 3] and gives calibrated `probabilities` [1, k],
    `embeddings` [1, d], `maps` [1, h, w, k]: the evidence for each style, and of a pooled network
    `peaks` [1, d]: the maximum where an embedding is the mean. A network that is neither pooled nor
    flattened and followed by one dense layer has no maps.
    Source: keras.io/guides/litert_export.
    """
    photo = keras.Input(batch_shape=(1, size, size, 3), dtype="uint8", name="photo")
    found = keras.Model(network.base.input, seen(network))(photo)
    return to_litert(with_head(photo, found, network, model, temperature))


def export_int8_graph(
    network: Network, model: keras.Model, size: int, temperature: float, photos: NDArray[np.uint8]
) -> bytes:
    """Return the graph that `export_graph` returns, in int8; it differs a little in its answers.

    A quarter of the size and less than half of the time. Full integer quantization after training,
    weights by channel, as EfficientNet-Lite was made for; what follows the features (mean, head,
    softmax) stays in float32, where it costs nothing and 256 steps of a probability would be too
    few. Source: Jacob et al. 2018, arXiv:1712.05877.

    The ranges of its values are those on CALIBRATION_PHOTOS of the training `photos` [n, s, s, 3].
    """
    folded = _scaled_in_first_convolution(network)
    dtype = tf.uint8 if folded is None else tf.float32
    photo = keras.Input(batch_shape=(1, size, size, 3), dtype=dtype.name, name="photo")
    found = (folded or keras.Model(network.base.input, seen(network)))(photo)
    exported = with_head(photo, found, network, model, temperature)

    def examples() -> Iterator[list[NDArray[Any]]]:
        chosen = np.linspace(0, len(photos) - 1, min(CALIBRATION_PHOTOS, len(photos)), dtype=int)
        for index in progress(chosen, "int8", len(chosen)):
            example = to_array(Image.fromarray(photos[index]), size).copy()
            # Both ends, so that the bytes of a photo are the numbers that they stand for.
            example[0, 0], example[0, 1] = 0, 255
            yield [example[np.newaxis].astype(dtype.as_numpy_dtype)]

    calibrated = to_litert(
        exported,
        optimizations=[tf.lite.Optimize.DEFAULT],
        representative_dataset=examples,
        # The converter's own last step can leave nothing in float32.
        _experimental_calibrate_only=True,
    )
    takes = tf.float32 if folded is None else tf.uint8  # a float32 input may become one of bytes
    with quiet():
        graph: bytes = mlir_quantize(calibrated, input_data_type=takes, denylisted_ops=list(HEAD))
    return graph


def seen(network: Network) -> list[keras.KerasTensor]:
    """Return what the head looks at: the network's features, and what a dense end makes of them."""
    if network.pooled:
        return [network.base.output]
    flattened = [layer for layer in network.base.layers if isinstance(layer, layers.Flatten)]
    return [*(layer.input for layer in flattened[-1:]), network.base.output]


def with_head(
    photo: keras.KerasTensor,
    found: Sequence[keras.KerasTensor],
    network: Network,
    model: keras.Model,
    temperature: float,
) -> keras.Model:
    """Return the model from `photo` to what a bundle gives; `found` is what `seen` lists."""
    head = model.get_layer("head")
    embedding = found[-1]
    outputs: dict[str, Any] = {}
    if network.pooled:
        # Class-activation maps, Zhou et al. 2016, arXiv:1512.04150.
        kernel, bias = head.get_weights()
        evidence = layers.Conv2D(len(bias), 1, use_bias=False, name="maps")
        outputs["maps"] = evidence(embedding)
        evidence.set_weights([kernel[np.newaxis, np.newaxis]])
        outputs["peaks"] = layers.GlobalMaxPooling2D(name="peaks")(embedding)
        embedding = layers.GlobalAveragePooling2D(name="mean")(embedding)
    elif maps := gradient_maps(network.base, head):
        outputs["maps"] = maps(found)
    scaled = layers.Rescaling(1 / temperature, name="temperature")(head(embedding))
    outputs["embeddings"] = embedding
    outputs["probabilities"] = layers.Softmax(name="probabilities")(scaled)
    return keras.Model(photo, outputs, name="archstyle")


def to_litert(model: keras.Model, **settings: Any) -> bytes:
    """Convert a model; `settings` are those of TensorFlow's converter."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "model.tflite"
        model.export(str(path), format="litert", verbose=False, **settings)
        return path.read_bytes()


def _scaled_in_first_convolution(network: Network) -> keras.Model | None:
    """Return the model from photos in 0..255, as numbers, to what `seen` lists.

    Scaling 288 x 288 pixels in int8 takes a quarter of the whole network's time, so its factor goes
    into the first convolution. Where that pads, the pixels beyond the border become grey instead
    of the mean colour. None where the network does not begin with scaling and one convolution.
    """
    scaling, stem = network.base.layers[1:3]
    begins = isinstance(scaling, layers.Rescaling) and isinstance(stem, layers.Conv2D)
    if not begins or stem.input is not scaling.output:
        return None
    kernel, *biases = stem.get_weights()
    scale, offset = np.broadcast_to(scaling.scale, 3), np.broadcast_to(scaling.offset, 3)
    grey = float(np.mean(-offset / scale))
    photo = keras.Input(scaling.input.shape[1:])
    folded = layers.Conv2D.from_config({**stem.get_config(), "name": "folded", "use_bias": True})
    x = folded(layers.Rescaling(1.0, -grey)(photo) if grey else photo)
    moved = (kernel * (grey * scale + offset)[:, np.newaxis]).sum(axis=(0, 1, 2))
    folded.set_weights([kernel * scale[:, np.newaxis], sum(biases, moved)])
    return keras.Model(photo, keras.Model(stem.output, seen(network))(x))


def gradient_maps(base: keras.Model, head: layers.Dense) -> "GradientMaps | None":
    """Return the layer for a base that ends in Flatten and one dense layer with ReLU, else None."""
    flatten, dense = base.layers[-2:]
    fits = isinstance(flatten, layers.Flatten) and isinstance(dense, layers.Dense)
    if not fits or dense.activation is not keras.activations.relu:
        return None
    return GradientMaps(flatten.input.shape[1:], dense.get_weights()[0], head.get_weights()[0])


class GradientMaps(layers.Layer):  # type: ignore[misc]
    """Grad-CAM by ordinary operations: features [1, h, w, c], hidden [1, u] to maps [1, h, w, k].

    The gradient of logit j by the flattened features is dense @ (open * head[:, j]), where `open`
    says which hidden units are above 0; its mean over h and w weighs the channels.
    Source: Selvaraju et al. 2017, arXiv:1610.02391.
    """

    def __init__(self, shape: tuple[int, int, int], dense: Any, head: Any):
        super().__init__(name="maps")
        self._height, self._width, self._channels = height, width, channels = shape
        self._mean = np.asarray(dense).reshape(height * width, channels, -1).mean(axis=0)  # [c, u]
        self._head = np.asarray(head)  # [u, k]

    def call(self, inputs: list[Any]) -> Any:
        """Return the maps before their ReLU: what is above 0 counts."""
        features, hidden = inputs
        opened = ops.cast(hidden > 0, "float32")  # [1, u]
        weights = ops.matmul(self._mean * opened, self._head)  # [c, k]
        evidence = ops.matmul(ops.reshape(features, (-1, self._channels)), weights)
        return ops.reshape(evidence, (1, self._height, self._width, -1))
