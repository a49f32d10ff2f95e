"""A model that learns: steps, the average of its weights, and all that a checkpoint must hold."""

from collections.abc import Iterable
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from archstyle.config import Train
from archstyle.models.acceleration import Seen
from archstyle.models.inputs import Batch


class Learner:
    """AdamW at a constant rate or a cosine after a warm-up, and a moving average of the weights.

    Sources: arXiv:1711.05101, arXiv:1608.03983. `average` is the momentum of an exponential moving
    average (Polyak and Juditsky 1992); with 0 the average is the weights.
    """

    def __init__(
        self, model: keras.Model, train: Train, learning_rate: float, steps: int, average: float
    ):
        warm_up = max(1, steps // 10)
        schedule = keras.optimizers.schedules.CosineDecay(
            0.0, max(1, steps - warm_up), warmup_target=learning_rate, warmup_steps=warm_up
        )
        self._model = model
        self._variables = model.trainable_variables
        self._optimizer = keras.optimizers.AdamW(
            learning_rate if train.schedule == "constant" else schedule, train.weight_decay
        )
        self._optimizer.build(self._variables)
        self._momentum = average
        self._averages = [tf.Variable(v.value) for v in self._variables] if average else []
        self._loss = keras.losses.CategoricalCrossentropy(
            True, train.label_smoothing, reduction=None
        )
        self._step = tf.function(self._learn, autograph=False)

    def epoch(self, batches: Iterable[Batch], seen: Seen) -> tuple[float, float]:
        """Learn from the batches, tell `seen` of each; return their mean loss and accuracy."""
        measured = []
        for batch in batches:
            measured.append(self._step(*map(tf.constant, batch)))
            seen(1)
        loss, accuracy = np.mean([[float(value) for value in pair] for pair in measured], axis=0)
        return float(loss), float(accuracy)

    def show(self, model: keras.Model) -> None:
        """Give the averaged weights to `model`, which has the same layers."""
        for target, source in zip(model.weights, self._model.weights, strict=True):
            target.assign(source.value)
        for target, average in zip(model.trainable_variables, self._averages, strict=False):
            target.assign(average)

    def state(self) -> list[NDArray[Any]]:
        """Return all that the next step depends on: weights, optimizer, average, random state."""
        return [np.asarray(variable) for variable in self._everything()]

    def restore(self, state: list[NDArray[Any]]) -> None:
        """Go on from what `state` returned."""
        for variable, value in zip(self._everything(), state, strict=True):
            variable.assign(value)

    def _everything(self) -> list[Any]:
        return [*self._model.variables, *self._optimizer.variables, *self._averages]

    def _learn(self, inputs: tf.Tensor, targets: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        with tf.GradientTape() as tape:
            logits = self._model(inputs, training=True)
            loss = tf.reduce_mean(self._loss(targets, logits))
        gradients = tape.gradient(loss, [variable.value for variable in self._variables])
        self._optimizer.apply(gradients, self._variables)
        for average, variable in zip(self._averages, self._variables, strict=False):
            average.assign(self._momentum * average + (1 - self._momentum) * variable.value)
        right = tf.equal(tf.argmax(logits, 1), tf.argmax(targets, 1))
        return loss, tf.reduce_mean(tf.cast(right, tf.float32))


def blend(model: keras.Model, before: list[NDArray[Any]], share: float) -> None:
    """Give what was trained, but the head, its `share` of what it was before.

    Source: Wortsman et al. 2022, Robust fine-tuning of zero-shot models, arXiv:2109.01903.
    """
    head = {id(weight) for weight in model.get_layer("head").weights}
    for weight, old in zip(model.weights, before, strict=True):
        if share and weight.trainable and id(weight) not in head:
            weight.assign(share * old + (1 - share) * weight.value)
