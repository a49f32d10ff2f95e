"""Turns a trained classifier into the graph of a bundle."""

import tempfile
from pathlib import Path

import keras
import numpy as np
from keras import layers

from archstyle.training.networks import Network


def classifier(network: Network, styles: int, dropout: float) -> keras.Model:
    """Put a head on the network: uint8 photos [n, size, size, 3] to logits [n, styles]."""
    x = network.base.output
    if network.pooled:
        x = layers.GlobalAveragePooling2D(name="embedding")(x)
    x = layers.Dropout(dropout, name="dropout")(x)
    return keras.Model(network.base.input, layers.Dense(styles, name="head")(x), name="classifier")


def export_graph(network: Network, model: keras.Model, size: int, temperature: float) -> bytes:
    """Return the LiteRT graph of a classifier that `classifier` made.

    It takes one uint8 photo [1, size, size, 3] and gives calibrated `probabilities` [1, k],
    `embeddings` [1, d] and, for a pooled head, `maps` [1, h, w, k]: the evidence for each style.
    Source: class-activation maps, Zhou et al. 2016, arXiv:1512.04150; LiteRT export,
    keras.io/guides/litert_export.
    """
    photo = keras.Input(batch_shape=(1, size, size, 3), dtype="uint8", name="photo")
    features = network.base(photo)
    head = model.get_layer("head")
    outputs = {}
    embedding = features
    if network.pooled:
        kernel, bias = head.get_weights()
        evidence = layers.Conv2D(len(bias), 1, use_bias=False, name="maps")
        outputs["maps"] = evidence(features)
        evidence.set_weights([kernel[np.newaxis, np.newaxis]])
        embedding = layers.GlobalAveragePooling2D(name="mean")(features)
    scaled = layers.Rescaling(1 / temperature, name="temperature")(head(embedding))
    outputs["embeddings"] = embedding
    outputs["probabilities"] = layers.Softmax(name="probabilities")(scaled)
    exported = keras.Model(photo, outputs, name="archstyle")
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "model.tflite"
        exported.export(str(path), format="litert", verbose=False)
        return path.read_bytes()
