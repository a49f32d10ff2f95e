"""The training story: the head on cached features first, then the whole network."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tqdm import tqdm

from archstyle.config import Model, Train
from archstyle.training.arrays import Arrays, Batches, one_hot
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
    network = build_network(model.name, model.image_size)
    whole = classifier(network, len(arrays.styles), model.dropout)
    history = _History(on_epoch)
    if network.pretrained and train.head_epochs:
        _fit_head(whole, arrays, train, seed, history)
    if train.epochs:
        _fit_network(network, whole, arrays, train, seed, history)
    logits = predict(whole, arrays.validation_images, train.batch_size, "validation")
    return Fitted(network, whole, logits, history.rows)


def predict(
    model: keras.Model, images: NDArray[np.uint8], batch_size: int, description: str
) -> NDArray[np.float32]:
    """Run a model over photos [n, size, size, 3] with a progress bar."""
    run = tf.function(lambda batch: model(batch, training=False))
    starts = tqdm(range(0, len(images), batch_size), desc=description, disable=None)
    # No partial last batch: another shape would be another trace of the whole network.
    outputs = [run(_padded(images[start : start + batch_size], batch_size)) for start in starts]
    return np.concatenate([output.numpy() for output in outputs])[: len(images)]


def _fit_head(
    whole: keras.Model, arrays: Arrays, train: Train, seed: int, history: "_History"
) -> None:
    embed = keras.Model(whole.input, whole.get_layer("embedding").output)
    copies = range(len(arrays.train_images))
    features = np.concatenate(
        [predict(embed, arrays.train_images[copy], 32, f"features {copy}") for copy in copies]
    )
    validation = predict(embed, arrays.validation_images, 32, "features of validation")
    targets = one_hot(np.tile(arrays.train_labels, len(copies)), len(arrays.styles))
    inputs = keras.Input(features.shape[1:])
    head = keras.Model(inputs, whole.get_layer("head")(whole.get_layer("dropout")(inputs)))
    steps = -(-len(features) // 256) * train.head_epochs
    _compile(head, train, train.head_learning_rate, steps)
    head.fit(
        features,
        targets,
        batch_size=256,
        epochs=train.head_epochs,
        validation_data=(validation, one_hot(arrays.validation_labels, len(arrays.styles))),
        callbacks=[history.phase("head", train.head_epochs)],
        verbose=0,
    )


def _fit_network(
    network: Network,
    whole: keras.Model,
    arrays: Arrays,
    train: Train,
    seed: int,
    history: "_History",
) -> None:
    frozen = set(network.cuts[: train.frozen_blocks])
    if frozen:
        names = [layer.name for layer in whole.layers]
        last = max(names.index(name) for name in frozen)
        for layer in whole.layers[: last + 1]:
            layer.trainable = False
    batches = Batches(arrays, train.batch_size, seed)
    _compile(whole, train, train.learning_rate, len(batches) * train.epochs, train.average)
    callbacks = [history.phase("network", train.epochs)]
    if train.average:
        callbacks.insert(0, keras.callbacks.SwapEMAWeights())
    whole.fit(
        batches,
        epochs=train.epochs,
        validation_data=(
            arrays.validation_images,
            one_hot(arrays.validation_labels, len(arrays.styles)),
        ),
        validation_batch_size=train.batch_size,
        callbacks=callbacks,
        verbose=0,
    )


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


def _padded(images: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    missing = size - len(images)
    return np.concatenate([images, np.repeat(images[-1:], missing, axis=0)]) if missing else images
