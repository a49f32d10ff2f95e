"""What a network is to the trainer."""

from dataclasses import dataclass

import keras


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
