"""The training story: the head on cached features first, then the whole network."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tqdm import tqdm

from archstyle.config import Model, Train
from archstyle.errors import ArchstyleError
from archstyle.training.arrays import Arrays, Batches, one_hot, release
from archstyle.training.export import classifier
from archstyle.training.networks import Network, build_network

EpochRow = dict[str, float | str]
OnEpoch = Callable[[Mapping[str, float | str]], None]


@dataclass(frozen=True)
class Fitted:
    """A trained classifier, what it says of the validation photos, and its curves."""

    network: Network
    model: keras.Model
    validation_logits: NDArray[np.float32]  # [m, k]
    history: list[EpochRow]


def fit(arrays: Arrays, model: Model, train: Train, seed: int, on_epoch: OnEpoch) -> Fitted:
    """Train the network `model.name` by the recipe `train`; the same from the same seed."""
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()
    network = build_network(model.name, model.image_size, model.read_size)
    whole = classifier(network, len(arrays.styles), model.dropout)
    upper, embedding, inputs, validation = _freeze(network, whole, arrays, train)
    targets = one_hot(arrays.train_labels, len(arrays.styles))
    validation_targets = one_hot(arrays.validation_labels, len(arrays.styles))
    history = _History(on_epoch)

    if network.pretrained and train.head_epochs:
        head = _head(whole, embedding)
        # The originals and one copy: enough to start from, as the rest of training moves it anyway.
        few = inputs[:2]
        features = predict(embedding, few.reshape(-1, *few.shape[2:]), "features")
        _compile(head, train, train.head_learning_rate, train.head_epochs * len(features) // 256)
        head.fit(
            features,
            np.tile(targets, (len(few), 1)),
            batch_size=256,
            epochs=train.head_epochs,
            validation_data=(predict(embedding, validation, "features"), validation_targets),
            callbacks=[history.phase("head", train.head_epochs)],
            verbose=0,
        )

    if train.epochs:
        batches = Batches(inputs, targets, train.batch_size, seed, train.mixup)
        _compile(upper, train, train.learning_rate, train.epochs * len(batches), train.average)
        upper.fit(
            batches,
            epochs=train.epochs,
            validation_data=(validation, validation_targets),
            validation_batch_size=train.batch_size,
            callbacks=[
                *([keras.callbacks.SwapEMAWeights()] if train.average else []),
                history.phase("network", train.epochs),
            ],
            verbose=0,
        )
    return Fitted(network, whole, predict(upper, validation, "validation"), history.rows)


def predict(
    model: keras.Model, inputs: NDArray[Any], description: str, dtype: type = np.float32
) -> NDArray[Any]:
    """Run a model over `inputs` [n, ...] with a progress bar; gives [n, ...] of `dtype`."""
    # Traced once, by its shape: TensorFlow warns of a function that is made anew for every model.
    given_as = np.float32 if inputs.dtype == np.float16 else inputs.dtype
    shape = tf.TensorSpec((32, *inputs.shape[1:]), given_as)
    function = tf.function(lambda batch: model(batch, training=False), autograph=False)
    run = function.get_concrete_function(shape)
    outputs: NDArray[np.float32] | None = None
    for start in tqdm(range(0, len(inputs), 32), desc=description, disable=None):
        batch = inputs[start : start + 32]
        # No partial last batch: another shape would be another trace of the whole network.
        padding = np.repeat(batch[-1:], 32 - len(batch), axis=0)
        # Half precision is for keeping only: the processor computes in float32.
        whole = np.concatenate([batch, padding]).astype(given_as, copy=False)
        given = run(tf.constant(whole)).numpy()[: len(batch)]
        if outputs is None:
            outputs = np.empty((len(inputs), *given.shape[1:]), dtype)
        outputs[start : start + len(batch)] = given
        release(inputs)
    assert outputs is not None
    return outputs


def _freeze(
    network: Network, whole: keras.Model, arrays: Arrays, train: Train
) -> tuple[keras.Model, keras.Model, NDArray[Any], NDArray[Any]]:
    """Return what is trained, its part below the head, and the inputs of training and validation.

    What the frozen blocks make of a photo never changes, so it is computed once and kept, in
    float16, which is exact enough for values between 0 and 6 and their sums.
    """
    features = whole.get_layer("dropout").input
    if not train.frozen_blocks:
        below = keras.Model(whole.input, features)
        return whole, below, arrays.train_images, arrays.validation_images
    if train.frozen_blocks > len(network.cuts):
        raise ArchstyleError(
            f"`train.frozen_blocks` is {train.frozen_blocks}, but the network has "
            f"{len(network.cuts)} blocks that can be frozen."
        )
    cut = whole.get_layer(network.cuts[train.frozen_blocks - 1]).output
    upper, below = keras.Model(cut, whole.output), keras.Model(cut, features)
    lower = keras.Model(whole.input, cut)
    copies, photos = arrays.train_images.shape[:2]
    flat = arrays.train_images.reshape(copies * photos, *arrays.train_images.shape[2:])
    kept = predict(lower, flat, "frozen blocks", np.float16)
    validation = predict(lower, arrays.validation_images, "frozen blocks")
    return upper, below, kept.reshape(copies, photos, *kept.shape[1:]), validation


def _head(whole: keras.Model, below: keras.Model) -> keras.Model:
    inputs = keras.Input(below.output.shape[1:])
    return keras.Model(inputs, whole.get_layer("head")(whole.get_layer("dropout")(inputs)))


def _compile(
    model: keras.Model, train: Train, learning_rate: float, steps: int, average: float = 0.0
) -> None:
    """Adam with decoupled weight decay, at a constant rate or a cosine after a warm-up.

    Sources: arXiv:1711.05101, arXiv:1608.03983. `average` is the momentum of an exponential moving
    average that takes the place of the weights (Polyak and Juditsky 1992).
    """
    warm_up = max(1, steps // 10)
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, max(1, steps - warm_up), warmup_target=learning_rate, warmup_steps=warm_up
    )
    model.compile(
        keras.optimizers.AdamW(
            learning_rate if train.schedule == "constant" else schedule,
            train.weight_decay,
            use_ema=average > 0,
            ema_momentum=average,
        ),
        keras.losses.CategoricalCrossentropy(True, train.label_smoothing),
        metrics=["accuracy"],
        jit_compile=False,
    )


class _History:
    """Collects a row an epoch over all phases."""

    def __init__(self, on_epoch: OnEpoch):
        self.rows: list[EpochRow] = []
        self._on_epoch = on_epoch

    def phase(self, name: str, epochs: int) -> keras.callbacks.Callback:
        bar = tqdm(total=epochs, desc=f"training the {name}", disable=None, unit="epoch")

        def end(epoch: int, logs: dict[str, float]) -> None:
            row: EpochRow = {"epoch": len(self.rows) + 1, "phase": name}
            row |= {key.replace("val_", "validation_"): float(v) for key, v in logs.items()}
            self.rows.append(row)
            bar.set_postfix(validation=f"{row['validation_accuracy']:.3f}", refresh=False)
            bar.update()
            if epoch + 1 == epochs:
                bar.close()
            self._on_epoch(row)

        return keras.callbacks.LambdaCallback(on_epoch_end=end)
