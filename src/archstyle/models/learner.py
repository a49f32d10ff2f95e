"""What a network is trained on, crops or what its frozen layers make of them, and its steps."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from archstyle.common.files import let_go, reserve, whole_file
from archstyle.common.parallel import parallel_map
from archstyle.config import Train
from archstyle.data.arrays import Arrays
from archstyle.errors import ArchstyleError
from archstyle.models.acceleration import BATCH, Predictor, accelerated, threads
from archstyle.models.networks import Network

Batch = tuple[NDArray[Any], NDArray[np.float32]]


@dataclass(frozen=True)
class Parts:
    """A classifier cut in two. `upper` is trained; its part below the head gives the embedding.

    `lower` is None where nothing is frozen.
    """

    lower: keras.Model | None
    upper: keras.Model
    embedding: keras.Model


def cut(network: Network, whole: keras.Model, frozen_blocks: int) -> Parts:
    """Cut a classifier above its first `frozen_blocks` blocks."""
    features = whole.get_layer("dropout").input
    if not frozen_blocks:
        return Parts(None, whole, keras.Model(whole.input, features, name="embedder"))
    if frozen_blocks > len(network.cuts):
        raise ArchstyleError(
            f"`train.frozen_blocks` is {frozen_blocks}, but the network has "
            f"{len(network.cuts)} blocks that can be frozen."
        )
    middle = whole.get_layer(network.cuts[frozen_blocks - 1]).output
    return Parts(
        keras.Model(whole.input, middle, name="lower"),
        keras.Model(middle, whole.output, name="upper"),
        keras.Model(middle, features, name="embedder"),
    )


def training_inputs(parts: Parts, arrays: Arrays, precision: str, path: Path) -> NDArray[Any]:
    """Return what the upper part is trained on, [1 + copies, n, ...], the whole photos first.

    Crops are drawn once, in the threads that put them through the frozen layers, and what these
    make of them is kept: in float16, which is exact enough for values between 0 and 6 and their
    sums. Where nothing is frozen the crops themselves are kept. All is kept in the file `path`,
    which an interrupted training may have left; memory holds a few photos at a time.
    """
    if not path.is_file():
        pictures, (photos, size) = 1 + arrays.copies, arrays.train_images.shape[:2]
        shape, through = (size, size, 3), None
        if parts.lower is not None:
            through = Predictor(accelerated(parts.lower, precision)).run
            shape = parts.lower.compute_output_shape((1, *shape))[1:]
        with whole_file(path) as partial:
            dtype: Any = np.float16 if through else np.uint8
            kept = open_memmap(partial, "w+", dtype, (pictures, photos, *shape))
            reserve(partial)

            def work(start: int) -> None:
                some = range(start, min(start + BATCH, photos))
                made = np.concatenate([_pictures(arrays, photo) for photo in some])
                made = through(made) if through else made
                kept[:, some] = made.reshape(len(some), pictures, *shape).swapaxes(0, 1)

            starts = range(0, photos, BATCH)
            for _ in parallel_map(work, starts, len(starts), "crops", threads(), chunk=1):
                let_go(kept)
                let_go(arrays.train_images)
            kept.flush()
    inputs: NDArray[Any] = np.load(path, mmap_mode="r")
    return inputs


def _pictures(arrays: Arrays, photo: int) -> NDArray[np.uint8]:
    """Return the whole photo and its crops [1 + copies, size, size, 3]."""
    whole = arrays.train_images[photo : photo + 1]
    numbers = range(1, 1 + arrays.copies)
    return np.concatenate([whole, arrays.draw(photo, numbers)]) if numbers else whole


class Batches:
    """Shuffled batches: epoch e sees one copy of every photo, another one than epoch e - 1.

    `inputs` [1 + copies, n, ...] are photos or what frozen layers made of them, `targets` [n, k].
    `mixup` is the parameter of its beta distribution; 0 mixes nothing. One NumPy gather a batch
    and no Python call a photo. What an epoch holds depends on the seed and its number alone.
    """

    def __init__(self, inputs: NDArray[Any], targets: Any, size: int, seed: int, mixup: float = 0):
        self.inputs, self._targets = inputs, targets
        # A batch is whole: another shape would be another trace of the network.
        self._size = min(size, len(targets))
        self._seed, self._mixup = seed, mixup

    def __len__(self) -> int:
        # Without the partial last batch, whose gradients would be noisier.
        return len(self._targets) // self._size

    def epoch(self, epoch: int) -> Iterator[Batch]:
        """Yield the batches of an epoch, the next of which is gathered meanwhile."""
        photos, copies = len(self._targets), len(self.inputs) - 1
        order = np.random.default_rng([self._seed, epoch]).permutation(photos)
        # Each photo starts at a copy of its own, so that every epoch mixes all of them.
        start = np.arange(photos) + epoch
        copy = 1 + start % copies if copies else np.zeros(photos, np.int64)
        chosen = order[: len(self) * self._size].reshape(len(self), self._size)
        with ThreadPoolExecutor(1) as pool:
            ahead = pool.submit(self._batch, [epoch, 0], chosen[0], copy)
            for index in range(len(self)):
                batch = ahead.result()
                if index + 1 < len(self):
                    ahead = pool.submit(self._batch, [epoch, index + 1], chosen[index + 1], copy)
                yield batch
        let_go(self.inputs)

    def _batch(
        self, number: list[int], chosen: NDArray[np.int64], copy: NDArray[np.int64]
    ) -> Batch:
        inputs, targets = self.inputs[copy[chosen], chosen], self._targets[chosen]
        if inputs.dtype == np.float16:
            inputs = inputs.astype(np.float32)
        if not self._mixup:
            return inputs, targets
        # Zhang et al. 2018, arXiv:1710.09412: blend each photo with another one of its batch.
        generator = np.random.default_rng([self._seed, *number])
        share = generator.beta(self._mixup, self._mixup, len(chosen)).astype(np.float32)
        share = np.maximum(share, 1 - share)
        other = generator.permutation(len(chosen))
        wide = share.reshape(-1, *[1] * (inputs.ndim - 1))
        blended = inputs * wide + inputs[other] * (1 - wide)
        share = share[:, np.newaxis]
        return blended.astype(inputs.dtype), targets * share + targets[other] * (1 - share)


class Learner:
    """AdamW at a constant rate or a cosine after a warm-up, and a moving average of the weights.

    Sources: arXiv:1711.05101, arXiv:1608.03983. `average` is the momentum of an exponential moving
    average (Polyak and Juditsky 1992); with 0 the average is the weights.
    """

    def __init__(self, model: keras.Model, train: Train, rate: float, steps: int, average: float):
        warm_up = max(1, steps // 10)
        schedule = keras.optimizers.schedules.CosineDecay(
            0.0, max(1, steps - warm_up), warmup_target=rate, warmup_steps=warm_up
        )
        self._model = model
        self._variables = model.trainable_variables
        self._optimizer = keras.optimizers.AdamW(
            rate if train.schedule == "constant" else schedule, train.weight_decay
        )
        self._optimizer.build(self._variables)
        self._momentum = average
        self._averages = [tf.Variable(v.value) for v in self._variables] if average else []
        self._loss = keras.losses.CategoricalCrossentropy(
            True, train.label_smoothing, reduction=None
        )
        self._step = tf.function(self._learn, autograph=False)

    def epoch(self, batches: Iterable[Batch]) -> tuple[float, float]:
        """Learn from the batches; return their mean loss and accuracy."""
        measured = [self._step(*map(tf.constant, batch)) for batch in batches]
        loss, accuracy = np.mean([[float(value) for value in pair] for pair in measured], axis=0)
        return float(loss), float(accuracy)

    def show(self, model: keras.Model) -> None:
        """Give the averaged weights to `model`, which has the same layers."""
        for target, source in zip(model.weights, self._model.weights, strict=True):
            target.assign(source.value)
        for target, average in zip(model.trainable_variables, self._averages, strict=False):
            target.assign(average)

    @property
    def state(self) -> list[Any]:
        """All that the next step depends on: weights, random state, optimizer, average."""
        return [*self._model.variables, *self._optimizer.variables, *self._averages]

    def restore(self, values: list[NDArray[Any]]) -> None:
        """Go on from the values that `state` had."""
        for variable, value in zip(self.state, values, strict=True):
            variable.assign(value)

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
