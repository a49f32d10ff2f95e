"""A network with ImageNet weights, untrained, as a LiteRT graph: the eyes of the label audit."""

from pathlib import Path

import keras
from keras import layers

from archstyle.common.files import whole_file
from archstyle.models.export import to_litert
from archstyle.models.networks import build_network


def export_features(name: str, size: int, path: Path) -> None:
    """Write a graph that takes one uint8 photo [1, size, size, 3] and gives `features` [1, d]."""
    photo = keras.Input(batch_shape=(1, size, size, 3), dtype="uint8", name="photo")
    features = build_network(name, size, size).base(photo)
    features = layers.GlobalAveragePooling2D(name="mean")(features)
    with whole_file(path) as partial:
        partial.write_bytes(to_litert(keras.Model(photo, {"features": features}, name="features")))
