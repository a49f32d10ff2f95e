"""The training story: head, network, validation, checkpoint.

Why the loop is our own is in docs/decisions/0037-training-loop.md.
"""

import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from scipy.special import log_softmax
from tqdm import tqdm

from archstyle.common.console import say
from archstyle.common.files import write_csv
from archstyle.config import Model, Train
from archstyle.data.arrays import Arrays
from archstyle.errors import ArchstyleError
from archstyle.metrics.classification import f1
from archstyle.models.acceleration import Predictor, accelerated, computed_in
from archstyle.models.checkpoint import Checkpoint, EpochRow, State
from archstyle.models.export import classifier
from archstyle.models.inputs import Batches, Parts, cut, training_inputs
from archstyle.models.learner import Learner, blend
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
    training = _Training(whole, parts, arrays, train, seed, on_epoch, checkpoint)
    if network.pretrained and train.head_epochs and not training.state.rows:
        training.train_head()
    if train.epochs:
        training.train_network()
    return Fitted(network, whole, training.answer(), training.state.rows, training.seconds)


class _Training:
    """Holds what both phases need."""

    def __init__(
        self,
        whole: keras.Model,
        parts: Parts,
        arrays: Arrays,
        train: Train,
        seed: int,
        on_epoch: OnEpoch,
        checkpoint: Checkpoint,
    ):
        self._whole, self._parts, self._train, self._seed = whole, parts, train, seed
        self._on_epoch, self._checkpoint = on_epoch, checkpoint
        self._precision = computed_in(train.precision)
        self.state = checkpoint.load() or State()
        if self.state.rows:
            say(
                "Going on where an interrupted training stood, after epoch "
                f"{self.state.epoch} of {train.epochs}."
            )
        for row in self.state.rows:
            on_epoch(row)
        self._labels = arrays.validation_labels
        self._targets = np.eye(len(arrays.styles), dtype=np.float32)[arrays.train_labels]
        self._pretrained = parts.upper.get_weights()
        self._predict = Predictor(parts.upper)
        self.seconds: defaultdict[str, float] = defaultdict(float)
        pictures = len(arrays.train_labels) * (1 + arrays.copies)
        with self._stage("frozen layers" if parts.lower else "crops", pictures) as bar:
            path = checkpoint.directory / "inputs.npy"
            self._inputs = training_inputs(parts, arrays, self._precision, bar.update, path)
            # What is trained on may be computed in bfloat16, what is validated on never is.
            lower = Predictor(parts.lower) if parts.lower else np.asarray
            self._validation = lower(arrays.validation_images)

    def train_head(self) -> None:
        """Train the head alone, on what the untrained network makes of the photos."""
        train, whole = self._train, self._whole
        few = self._inputs[:HEAD_PICTURES]
        few = few.reshape(-1, *few.shape[2:])
        embed = Predictor(accelerated(self._parts.embedding, self._precision))
        with self._stage("features", len(few)) as bar:
            features, validation = embed(few, bar.update), embed(self._validation)
        given = keras.Input(features.shape[1:])
        head = keras.Model(given, whole.get_layer("head")(whole.get_layer("dropout")(given)))
        targets = np.tile(self._targets, (len(few) // len(self._targets), 1))
        batches = Batches(features[np.newaxis], targets, HEAD_BATCH, self._seed)
        steps = train.head_epochs * len(batches)
        learner = Learner(head, train, train.head_learning_rate, steps, 0.0)
        answer = Predictor(head)
        with self._stage("head", steps) as bar:
            for epoch in range(train.head_epochs):
                learned = learner.epoch(batches.epoch(epoch), bar.update)
                self._on_epoch(self._note("head", learned, answer(validation)))

    def train_network(self) -> None:
        """Train what is not frozen; keep the averaged weights."""
        train, state, upper = self._train, self.state, self._parts.upper
        batches = Batches(self._inputs, self._targets, train.batch_size, self._seed, train.mixup)
        steps = train.epochs * len(batches)
        fast = accelerated(upper, self._precision)
        learner = Learner(fast, train, train.learning_rate, steps, train.average)
        if state.learner:
            learner.restore(state.learner)
        start, before = time.monotonic(), state.epoch
        with self._stage("network", steps - state.epoch * len(batches)) as bar:
            while state.epoch < train.epochs:
                learned = learner.epoch(batches.epoch(state.epoch), bar.update)
                learner.show(upper)
                state.epoch += 1
                row = self._note("network", learned, self.answer())
                each = (time.monotonic() - start) / (state.epoch - before)
                self._tell(row, each * (train.epochs - state.epoch))
                state.learner = learner.state()
                self._checkpoint.save(state)
                self._on_epoch(row)
        learner.show(upper)
        blend(upper, self._pretrained, train.pretrained_share)

    def answer(self) -> NDArray[np.float32]:
        """Return the logits [m, k] of the validation photos."""
        return self._predict(self._validation)

    def _note(
        self, phase: str, learned: tuple[float, float], logits: NDArray[np.float32]
    ) -> EpochRow:
        """Add the row of an epoch; the validation loss is smoothed as training's."""
        styles, smoothing = logits.shape[1], self._train.label_smoothing
        targets = np.eye(styles, dtype=np.float32)[self._labels]
        targets = targets * (1 - smoothing) + smoothing / styles
        predicted = logits.argmax(axis=1)
        losses = -(targets * log_softmax(logits.astype(np.float64), axis=1)).sum(axis=1)
        row: EpochRow = {
            "epoch": len(self.state.rows) + 1,
            "phase": phase,
            "loss": learned[0],
            "accuracy": learned[1],
            "validation_loss": float(losses.mean()),
            "validation_accuracy": float((predicted == self._labels).mean()),
            "validation_macro_f1": float(f1(self._labels, predicted, styles).mean()),
        }
        self.state.rows.append(row)
        return row

    @contextmanager
    def _stage(self, name: str, total: int) -> Iterator[Any]:
        """Show a bar on a terminal, and count the time."""
        start = time.monotonic()
        with tqdm(total=total, desc=name, disable=None, dynamic_ncols=True) as bar:
            yield bar
        self.seconds[name] += time.monotonic() - start

    def _tell(self, row: EpochRow, seconds: float) -> None:
        """Say how an epoch of the network ended, where no bar does."""
        if not sys.stderr.isatty():
            say(
                f"Epoch {self.state.epoch} of {self._train.epochs}: validation accuracy "
                f"{row['validation_accuracy']:.3f}, macro F1 {row['validation_macro_f1']:.3f}; "
                f"{tqdm.format_interval(seconds)} left"
            )


def write_history(path: Path, rows: Sequence[EpochRow]) -> None:
    """Write a row an epoch, numbers with six decimals."""
    lines = ([row["epoch"], row["phase"], *(f"{row[key]:.6f}" for key in MEASURED)] for row in rows)
    write_csv(path, ("epoch", "phase", *MEASURED), lines)
