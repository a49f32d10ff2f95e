"""Small networks that are trained from scratch: the reference project's, and a better one."""

import keras
from keras import layers

from archstyle.config import Model
from archstyle.models.networks import Network, architecture


@architecture
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


@architecture
def cnn_gap(model: Model) -> Network:
    """Return ten convolutions with batch-norm and residuals; 1.2 million weights; takes any size.

    Global average pooling takes the place of the dense layer (Lin et al. 2014, arXiv:1312.4400).
    """
    photo = keras.Input((None, None, 3), dtype="uint8", name="photo")
    x = layers.Rescaling(1 / 127.5, -1.0, name="scaling")(photo)
    x = _convolution(x, "stem", 32, 2)
    cuts = [x._keras_history.operation.name]
    for block, filters in enumerate((32, 64, 128, 256), start=1):
        start = x
        x = _convolution(x, f"block{block}a", filters, 1 if block == 1 else 2)
        x = _convolution(x, f"block{block}b", filters, 1)
        if block > 1:
            start = layers.AveragePooling2D(2, padding="same", name=f"block{block}_half")(start)
            start = layers.Conv2D(filters, 1, name=f"block{block}_widen")(start)
        x = layers.Add(name=f"block{block}")([start, x])
        cuts.append(f"block{block}")
    x = _convolution(x, "last", 256, 1)
    return Network(keras.Model(photo, x, name="features"), tuple(cuts), True, False)


def _convolution(x: keras.KerasTensor, name: str, filters: int, stride: int) -> keras.KerasTensor:
    convolution = layers.Conv2D(
        filters, 3, stride, padding="same", use_bias=False, name=f"{name}_convolution"
    )
    x = layers.BatchNormalization(momentum=0.9, name=f"{name}_norm")(convolution(x))
    return layers.ReLU(name=f"{name}_relu")(x)
