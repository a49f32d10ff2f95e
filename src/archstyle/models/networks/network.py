"""What a network is to the trainer."""

from collections.abc import Callable
from dataclasses import dataclass

import keras

from archstyle.config import Model


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


NETWORKS: dict[str, Callable[[Model], Network]] = {}


def architecture(function: Callable[[Model], Network]) -> Callable[[Model], Network]:
    """Let `model.name` in conf/model/ name the function."""
    NETWORKS[function.__name__] = function
    return function
