"""The training story: the head on cached features first, then the network."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from archstyle.common.console import say
from archstyle.config import Model, Train
from archstyle.errors import ArchstyleError
from archstyle.models.acceleration import accelerated, computed_in
from archstyle.models.arrays import Arrays, one_hot
from archstyle.models.batches import Batches
from archstyle.models.checkpoint import Checkpoint, State
from archstyle.models.export import classifier
from archstyle.models.freezing import FROZEN, Parts, cut, kept_inputs
from archstyle.models.history import EpochRow, measured, rank
from archstyle.models.learner import Learner, blend, style_weights
from archstyle.models.networks import Network, build_network
from archstyle.models.predict import Predictor
from archstyle.models.progress import Progress, Spent
from archstyle.models.work import work_of

OnEpoch = Callable[[Mapping[str, float | str]], None]
HEAD_BATCH = 256
# The whole photos and one copy of each: enough for a head to start from.
HEAD_COPIES = 2


@dataclass(frozen=True)
class Fitted:
    """A trained classifier, what it says of the validation photos, and its curves."""

    network: Network
    model: keras.Model
    validation_logits: NDArray[np.float32]  # [m, k]
    history: list[EpochRow]
    spent: dict[str, Spent]  # by stage


def fit(
    arrays: Arrays,
    model: Model,
    train: Train,
    seed: int,
    on_epoch: OnEpoch,
    checkpoint: Checkpoint | None = None,
) -> Fitted:
    """Train the network `model.name` by the recipe `train`; the same from the same seed.

    `on_epoch` is called with a row of numbers after each epoch. With a `checkpoint`, a training
    that was interrupted goes on where it stood, after `on_epoch` for what had been done before.
    """
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()
    network = build_network(model.name, model.image_size, model.read_size, model.application)
    if not 0 <= train.pretrained_share <= (1 if network.pretrained else 0):
        raise ArchstyleError(
            f"`train.pretrained_share` is {train.pretrained_share:g}, but it is a share of weights "
            "that were trained before: between 0 and 1, and 0 for a network from scratch."
        )
    whole = classifier(network, len(arrays.styles), model.dropout)
    parts = cut(network, whole, train.frozen_blocks)
    head_first = network.pretrained and train.head_epochs > 0
    training = _Training(whole, parts, arrays, train, seed, head_first, on_epoch, checkpoint)
    if training.head_first:
        training.train_head()
    if train.epochs:
        training.train_network()
    return Fitted(network, whole, training.finish(), training.state.rows, training.spent)


class _Training:
    """Holds what both phases need."""

    def __init__(
        self,
        whole: keras.Model,
        parts: Parts,
        arrays: Arrays,
        train: Train,
        seed: int,
        head_first: bool,
        on_epoch: OnEpoch,
        checkpoint: Checkpoint | None,
    ):
        self._whole, self._parts = whole, parts
        self._train, self._seed = train, seed
        self._on_epoch, self._checkpoint = on_epoch, checkpoint
        self._precision = computed_in(train.precision)
        self.state = (checkpoint.load() if checkpoint else None) or State()
        self.head_first = head_first and not self.state.rows
        if self.state.rows:
            say(
                "Going on where an interrupted training stood, after epoch "
                f"{self.state.epoch} of {train.epochs}."
            )
        for row in self.state.rows:
            on_epoch(row)
        self._work = work_of(parts, arrays, train, HEAD_COPIES)
        self._progress = Progress(self._left())
        self._progress.stage("frozen layers")
        self._inputs, self._validation = kept_inputs(
            parts,
            arrays,
            self._precision,
            self._seen(self._work.lower),
            self._seen(self._work.lower * self._work.area),
            checkpoint.directory if checkpoint else None,
        )
        self.spent = self._progress.spent
        self._labels = arrays.validation_labels
        self._targets = one_hot(arrays.train_labels, len(arrays.styles))
        self._weights = style_weights(
            arrays.train_labels, len(arrays.styles), balanced=train.class_weights
        )
        self._answer = Predictor(parts.upper)
        self._pretrained = parts.upper.get_weights()

    def train_head(self) -> None:
        """Train the head alone, on what the untrained network makes of the photos."""
        train, whole = self._train, self._whole
        self._progress.stage("features")
        embed = Predictor(accelerated(self._parts.embedding, self._precision))
        few = self._inputs[:HEAD_COPIES]
        features = embed(few.reshape(-1, *few.shape[2:]), self._seen(self._work.upper))
        validation = self._validate(embed)
        given = keras.Input(features.shape[1:])
        head = keras.Model(given, whole.get_layer("head")(whole.get_layer("dropout")(given)))
        targets = np.tile(self._targets, (len(few), 1))
        batches = Batches(features[np.newaxis], targets, HEAD_BATCH, self._seed)
        steps = train.head_epochs * len(batches)
        learner = Learner(head, train, train.head_learning_rate, steps, 0.0, self._weights)
        answer = Predictor(head)
        self._progress.stage("head")
        for epoch in range(train.head_epochs):
            learned = learner.epoch(batches.epoch(epoch))
            self._on_epoch(self._note("head", learned, answer(validation)))

    def train_network(self) -> None:
        """Train what is not frozen; keep the best epoch's averaged weights, or the last one's."""
        train, state, upper = self._train, self.state, self._parts.upper
        batches = Batches(self._inputs, self._targets, train.batch_size, self._seed, train.mixup)
        steps = train.epochs * len(batches)
        fast = accelerated(upper, self._precision)
        learner = Learner(fast, train, train.learning_rate, steps, train.average, self._weights)
        if state.learner:
            learner.restore(state.learner)
        while state.epoch < train.epochs and not self._stale():
            self._progress.stage("network")
            watched = self._progress.watch(batches.epoch(state.epoch), self._work.step)
            learned = learner.epoch(watched)
            learner.show(upper)
            state.epoch += 1
            row = self._note("network", learned, self._validate(self._answer))
            self._progress.epoch(state.epoch, train.epochs, row)
            if train.patience and rank(row) > rank(state.best_row):
                state.best, state.best_row = upper.get_weights(), row
                state.best_epoch = state.epoch
            if self._checkpoint:
                state.learner = learner.state()
                self._checkpoint.save(state)
            self._on_epoch(row)
        learner.show(upper)
        if state.best:
            upper.set_weights(state.best)
        blend(upper, self._pretrained, train.pretrained_share)

    def finish(self) -> NDArray[np.float32]:
        """Return the logits [m, k] of the validation photos."""
        logits = self._answer(self._validation)
        self._progress.close()
        return logits

    def _note(
        self, phase: str, learned: tuple[float, float], logits: NDArray[np.float32]
    ) -> EpochRow:
        """Add the row of an epoch."""
        row: EpochRow = {
            "epoch": len(self.state.rows) + 1,
            "phase": phase,
            "loss": learned[0],
            "accuracy": learned[1],
            **measured(logits, self._labels, self._train.label_smoothing),
        }
        self.state.rows.append(row)
        return row

    def _seen(self, work: float) -> Callable[[int], None]:
        return lambda photos: self._progress.advance(photos * work)

    def _validate(self, answer: Predictor) -> NDArray[np.float32]:
        self._progress.stage("validation")
        return answer(self._validation, self._seen(self._work.upper * self._work.area))

    def _stale(self) -> bool:
        since = self.state.epoch - self.state.best_epoch
        return 0 < self._train.patience <= since

    def _left(self) -> float:
        """Return the work that is still to be done."""
        work, train = self._work, self._train
        kept = self._checkpoint and (self._checkpoint.directory / FROZEN).is_file()
        return (
            (0 if kept else work.frozen)
            + (work.features if self.head_first else 0)
            + work.epoch * (train.epochs - self.state.epoch)
        )
