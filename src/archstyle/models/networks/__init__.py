"""The networks by the names that conf/model/ uses.

A new one is a function with `@architecture` in any file of this folder, and a file in conf/model/.
"""

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass

import keras

from archstyle.config import Model
from archstyle.errors import ArchstyleError


@dataclass(frozen=True)
class Network:
    """A network without its head.

    `base` takes uint8 photos [n, size, size, 3]; scaling is inside it. It gives features
    [n, h, w, d], on whose mean a `pooled` head works (which makes class-activation maps free), or
    [n, d]. `cuts` names the outputs of the blocks, in order, up to which layers can be frozen.
    """

    base: keras.Model
    cuts: tuple[str, ...]
    pooled: bool
    pretrained: bool


_known: dict[str, Callable[[Model], Network]] = {}


def architecture(function: Callable[[Model], Network]) -> Callable[[Model], Network]:
    """Let `model.name` in conf/model/ name the function."""
    _known[function.__name__] = function
    return function


def networks() -> dict[str, Callable[[Model], Network]]:
    """Return every network by its name, once all files of this folder are imported."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    return _known


def build_network(name: str, image_size: int, read_size: int, application: str = "") -> Network:
    """Return the network `name`, trained at image_size and run at read_size pixels a side."""
    if name not in networks():
        raise ArchstyleError(
            f"`model.name` is {name!r}; the networks are {', '.join(sorted(_known))}."
        )
    made = _known[name](Model(name, image_size, read_size, application=application))
    if made.base.input_shape[1] not in (None, read_size):
        raise ArchstyleError(
            f"`{name}` takes photos of one size only: set `model.read_size` to {image_size}, which "
            "is `model.image_size`."
        )
    return made
