"""The training story: head, network, validation, checkpoint.

Why the loop is our own is in docs/decisions/0037-training-loop.md.
"""

import gc
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from scipy.special import log_softmax
from tqdm import tqdm

from archstyle.common.console import progress, say
from archstyle.common.files import write_csv
from archstyle.config import Model, Train
from archstyle.data.arrays import Arrays, read_arrays
from archstyle.errors import ArchstyleError
from archstyle.metrics.classification import Floats, Ints, f1, fit_temperature, softmax
from archstyle.models.acceleration import Predictor, accelerated, computed_in
from archstyle.models.checkpoint import Checkpoint, EpochRow, State
from archstyle.models.export import classifier
from archstyle.models.learner import Batches, Learner, blend, cut, training_inputs
from archstyle.models.networks import Network, build_network

OnEpoch = Callable[[Mapping[str, float | str]], None]
HEAD_BATCH = 256
# The whole photos and one crop of each: enough for a head to start from.
HEAD_PICTURES = 2
MEASURED = ("loss", "accuracy", "validation_loss", "validation_accuracy", "validation_macro_f1")


@dataclass(frozen=True)
class Fitted:
    """A trained classifier, what it says of the validation photos, and its curves."""

    network: Network
    model: keras.Model
    validation_logits: NDArray[np.float32]  # [m, k]
    history: list[EpochRow]
    seconds: Mapping[str, float]  # by stage


def fit(
    arrays: Arrays, model: Model, train: Train, seed: int, on_epoch: OnEpoch, checkpoint: Checkpoint
) -> Fitted:
    """Train the network `model.name` by the recipe `train`; the same from the same seed.

    `on_epoch` is called with a row of numbers after each epoch. A training that was interrupted
    goes on where its `checkpoint` stands, after `on_epoch` for what had been done before.
    """
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()
    network = build_network(model.name, model.image_size, model.read_size, model.application)
    if train.pretrained_share and not network.pretrained:
        raise ArchstyleError(
            f"`train.pretrained_share` is {train.pretrained_share:g}, but it is a share of weights "
            "that were trained before: 0 for a network from scratch."
        )
    whole = classifier(network, len(arrays.styles), model.dropout)
    parts = cut(network, whole, train.frozen_blocks)
    state = checkpoint.load() or State()
    head_first = network.pretrained and train.head_epochs > 0 and not state.rows
    if state.rows:
        after = f"after epoch {state.epoch} of {train.epochs}"
        say(f"Going on where an interrupted training stood, {after}.")
    for row in state.rows:
        on_epoch(row)
    upper, precision = parts.upper, computed_in(train.precision)
    pretrained, answer = upper.get_weights(), Predictor(upper)
    targets = np.eye(len(arrays.styles), dtype=np.float32)[arrays.train_labels]
    seconds: defaultdict[str, float] = defaultdict(float)

    def note(phase: str, learned: tuple[float, float], logits: NDArray[np.float32]) -> EpochRow:
        values = *learned, *_measure(logits, arrays.validation_labels, train.label_smoothing)
        row: EpochRow = {"epoch": len(state.rows) + 1, "phase": phase}
        state.rows.append(row | dict(zip(MEASURED, values, strict=True)))
        return state.rows[-1]

    with _timed(seconds, "frozen layers" if parts.lower else "crops"):
        inputs = training_inputs(parts, arrays, precision, checkpoint.directory / "inputs.npy")
        # What is trained on may be computed in bfloat16, what is validated on never is.
        lower = Predictor(parts.lower) if parts.lower else np.asarray
        validation = lower(arrays.validation_images)

    if head_first:  # alone, on what the untrained network makes of the photos
        few = inputs[:HEAD_PICTURES]
        few = few.reshape(-1, *few.shape[2:])
        embed = Predictor(accelerated(parts.embedding, precision))
        with _timed(seconds, "features"):
            features, held_out = embed(few), embed(validation)
        given = keras.Input(features.shape[1:])
        head = keras.Model(given, whole.get_layer("head")(whole.get_layer("dropout")(given)))
        repeated = np.tile(targets, (len(few) // len(targets), 1))
        batches = Batches(features[np.newaxis], repeated, HEAD_BATCH, seed)
        steps = train.head_epochs * len(batches)
        learner = Learner(head, train, train.head_learning_rate, steps, 0.0)
        predict = Predictor(head)
        with _timed(seconds, "head"):
            for epoch in range(train.head_epochs):
                learned = learner.epoch(batches.epoch(epoch))
                on_epoch(note("head", learned, predict(held_out)))

    if train.epochs:  # of what is not frozen; its averaged weights are kept
        batches = Batches(inputs, targets, train.batch_size, seed, train.mixup)
        fast, steps = accelerated(upper, precision), train.epochs * len(batches)
        learner = Learner(fast, train, train.learning_rate, steps, train.average)
        if state.learner:
            learner.restore(state.learner)
        start, before = time.monotonic(), state.epoch
        with _timed(seconds, "network"):
            while state.epoch < train.epochs:
                photos = progress(batches.epoch(state.epoch), "epoch", len(batches))
                learned = learner.epoch(photos)
                learner.show(upper)
                state.epoch += 1
                row = note("network", learned, answer(validation))
                each = (time.monotonic() - start) / (state.epoch - before)
                left = tqdm.format_interval(each * (train.epochs - state.epoch))
                say(
                    f"Epoch {state.epoch} of {train.epochs}: validation accuracy "
                    f"{row['validation_accuracy']:.3f}, macro F1 {row['validation_macro_f1']:.3f}; "
                    f"{left} left"
                )
                state.learner = [np.asarray(variable) for variable in learner.state]
                checkpoint.save(state)
                on_epoch(row)
        learner.show(upper)
        blend(upper, pretrained, train.pretrained_share)
    return Fitted(network, whole, answer(validation), state.rows, seconds)


def validate(
    directory: Path, raw: Path, work: Path, model: Model, train: Train, seed: int, on_epoch: OnEpoch
) -> tuple[tuple[str, ...], Ints, Floats]:
    """Train on what augment wrote into `directory`, of photos in `raw`; gives back all memory.

    Returns the styles, the labels of the validation photos [m] and their calibrated probabilities
    [m, k]. An interrupted training goes on from what it left in `work`.
    """
    work.mkdir(parents=True, exist_ok=True)
    arrays = read_arrays(directory, raw)
    labels = np.array(arrays.validation_labels)
    try:
        logits = fit(arrays, model, train, seed, on_epoch, Checkpoint(work)).validation_logits
    finally:
        keras.backend.clear_session()
        gc.collect()
    return arrays.styles, labels, softmax(logits, fit_temperature(logits, labels))


def _measure(
    logits: NDArray[np.float32], labels: NDArray[np.int64], smoothing: float
) -> tuple[float, float, float]:
    """Return loss, which is smoothed as training's, accuracy and macro F1."""
    styles, predicted = logits.shape[1], logits.argmax(axis=1)
    targets = np.eye(styles, dtype=np.float32)[labels] * (1 - smoothing) + smoothing / styles
    losses = -(targets * log_softmax(logits.astype(np.float64), axis=1)).sum(axis=1)
    scores = losses, predicted == labels, f1(labels, predicted, styles)
    loss, accuracy, macro_f1 = (float(values.mean()) for values in scores)
    return loss, accuracy, macro_f1


@contextmanager
def _timed(seconds: defaultdict[str, float], name: str) -> Iterator[None]:
    start = time.monotonic()
    yield
    seconds[name] += time.monotonic() - start


def write_history(path: Path, rows: Sequence[EpochRow]) -> None:
    """Write a row an epoch, numbers with six decimals."""
    lines = ([row["epoch"], row["phase"], *(f"{row[key]:.6f}" for key in MEASURED)] for row in rows)
    write_csv(path, ("epoch", "phase", *MEASURED), lines)
