"""Where a network looked that flattens its last features instead of pooling them."""

from typing import Any

import keras
import numpy as np
from keras import layers, ops


def gradient_maps(base: keras.Model, head: layers.Dense) -> "GradientMaps | None":
    """Return the layer for a base that ends in Flatten and one dense layer with ReLU, else None."""
    flatten, dense = base.layers[-2:]
    fits = isinstance(flatten, layers.Flatten) and isinstance(dense, layers.Dense)
    if not fits or dense.activation is not keras.activations.relu:
        return None
    return GradientMaps(flatten.input.shape[1:], dense.get_weights()[0], head.get_weights()[0])


class GradientMaps(layers.Layer):  # type: ignore[misc]
    """Grad-CAM by ordinary operations: features [1, h, w, c], hidden [1, u] to maps [1, h, w, k].

    The gradient of logit j by the flattened features is dense @ (open * head[:, j]), where `open`
    says which hidden units are above 0; its mean over h and w weighs the channels.
    Source: Selvaraju et al. 2017, arXiv:1610.02391.
    """

    def __init__(self, shape: tuple[int, int, int], dense: Any, head: Any):
        super().__init__(name="maps")
        self._height, self._width, self._channels = height, width, channels = shape
        self._mean = np.asarray(dense).reshape(height * width, channels, -1).mean(axis=0)  # [c, u]
        self._head = np.asarray(head)  # [u, k]

    def call(self, inputs: list[Any]) -> Any:
        """Return the maps before their ReLU: what is above 0 counts."""
        features, hidden = inputs
        opened = ops.cast(hidden > 0, "float32")  # [1, u]
        weights = ops.matmul(self._mean * opened, self._head)  # [c, k]
        evidence = ops.matmul(ops.reshape(features, (-1, self._channels)), weights)
        return ops.reshape(evidence, (1, self._height, self._width, -1))
