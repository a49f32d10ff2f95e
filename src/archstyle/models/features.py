"""Exports a network with its ImageNet weights, untrained, as a LiteRT graph.

Run as `python -m archstyle.models.features NETWORK SIZE PATH`: the label audit starts it as a
process of its own, so that nothing else imports TensorFlow.
"""

from collections.abc import Sequence
from pathlib import Path

import keras
from keras import layers

from archstyle.common.console import run
from archstyle.common.files import whole_file
from archstyle.models.export import to_litert
from archstyle.models.networks import build_network


def main(arguments: Sequence[str]) -> None:
    """Write a graph that takes one uint8 photo [1, size, size, 3] and gives `features` [1, d]."""
    name, size, path = arguments[0], int(arguments[1]), Path(arguments[2])
    photo = keras.Input(batch_shape=(1, size, size, 3), dtype="uint8", name="photo")
    features = build_network(name, size, size).base(photo)
    features = layers.GlobalAveragePooling2D(name="mean")(features)
    with whole_file(path) as partial:
        partial.write_bytes(to_litert(keras.Model(photo, {"features": features}, name="features")))


if __name__ == "__main__":
    run(main)
