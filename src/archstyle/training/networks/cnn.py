"""The reference project's network, as published."""

import keras
from keras import layers

from archstyle.config import Model
from archstyle.training.networks.network import Network, network


@network
def cnn(model: Model) -> Network:
    """Return three convolution blocks and a dense layer, from scratch; made for 64 pixels.

    Source: CNN.ipynb of github.com/Albertojd/architectural-style.
    """
    photo = keras.Input((model.image_size, model.image_size, 3), dtype="uint8", name="photo")
    x = layers.Rescaling(1 / 255, name="scaling")(photo)
    for block, filters in enumerate((32, 64, 128), start=1):
        x = layers.Conv2D(filters, 3, activation="relu", name=f"block{block}_convolution")(x)
        x = layers.MaxPooling2D(2, name=f"block{block}_pooling")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(128, activation="relu", name="dense")(x)
    return Network(keras.Model(photo, x, name="features"), cuts=(), pooled=False, pretrained=False)
