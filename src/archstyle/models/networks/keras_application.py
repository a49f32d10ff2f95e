"""Any network of keras.applications, with its ImageNet weights and its own scaling of photos."""

import re
import socket
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import keras
from keras import layers, tree

from archstyle.config import Model
from archstyle.errors import ArchstyleError
from archstyle.models.networks import Network, architecture

SECONDS = 15.0  # that the server of the weights may be silent


@architecture
def keras_application(model: Model) -> Network:
    """Return the network `model.application`; Keras downloads its weights when first used."""
    build = _named(model.application)
    # NASNet has to know the size to build itself.
    side = model.image_size if model.image_size == model.read_size else None
    photo = keras.Input((side, side, 3), dtype="uint8", name="photo")
    values = layers.Rescaling(1.0, name="values")(photo)
    # Some scale inside, and their preprocess_input does nothing; the others are scaled by it.
    scaled = sys.modules[build.__module__].preprocess_input(values)
    with _downloads(model.application):
        built = build(include_top=False, weights="imagenet", input_tensor=scaled)
    base = keras.Model(photo, built.output, name="features")
    for layer in base.layers:
        # Batch statistics of small batches would undo what the network knows.
        layer.trainable = not isinstance(layer, layers.BatchNormalization)
    return Network(base, tuple(_cuts(base)), pooled=True, pretrained=True)


def _named(name: str) -> Callable[..., keras.Model]:
    known = [each for each in sorted(dir(keras.applications)) if each[0].isupper()]
    if name not in known:
        raise ArchstyleError(
            f"`model.application` is {name!r}; keras.applications has {', '.join(known)}."
        )
    build: Callable[..., keras.Model] = getattr(keras.applications, name)
    return build


@contextmanager
def _downloads(name: str) -> Iterator[None]:
    """Bound the waiting, and make one sentence of what goes wrong."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(SECONDS)
    try:
        with warnings.catch_warnings():
            # That no weights were made for photos of any size; a network of convolutions takes it.
            warnings.filterwarnings("ignore", "`input_shape` is undefined or non-square")
            yield
    except Exception as error:  # Keras raises no narrower one
        reason = str(error).strip().splitlines()[0]
        address = re.search(r"://\S+/([\w.-]+\w)", reason)
        file = f"the file {address[1]}" if address else "its file"
        raise ArchstyleError(
            f"The ImageNet weights of {name} cannot be had ({reason}): connect to the network, or "
            f"put {file} into ~/.keras/models."
        ) from error
    finally:
        socket.setdefaulttimeout(before)


def _cuts(base: keras.Model) -> Iterator[str]:
    """Yield the layers at which a network can be cut in two, and above which weights follow."""
    operations = [each for each in base.operations if not isinstance(each, layers.InputLayer)]
    last_use: dict[int, int] = {}
    for position, operation in enumerate(operations):
        for tensor in tree.flatten(operation.input):
            last_use[id(tensor)] = position
    reach = 0  # the last place at which anything below is used
    for position, (operation, after) in enumerate(pairwise(operations)):
        if reach <= position and _begins_a_block(operation, after):
            yield operation.name
        for tensor in tree.flatten(operation.output):
            reach = max(reach, last_use.get(id(tensor), 0))


def _begins_a_block(operation: Any, after: Any) -> bool:
    if not isinstance(operation, layers.Layer) or not getattr(after, "weights", ()):
        return False
    normalizes = isinstance(after, layers.BatchNormalization)
    return not (normalizes and isinstance(operation, layers.Conv2D | layers.DepthwiseConv2D))
