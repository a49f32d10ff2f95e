"""Turns a trained classifier into the graph of a bundle."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers

from archstyle.models.gradient_maps import gradient_maps
from archstyle.models.networks import Network


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
