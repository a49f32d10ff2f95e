"""Trains and measures on the validation photos alone, without a bundle."""

import gc
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from archstyle.config import Model, Train
from archstyle.data.arrays import read_arrays
from archstyle.metrics.calibration import fit_temperature, softmax
from archstyle.metrics.classification import f1, log_loss
from archstyle.models.checkpoint import Checkpoint
from archstyle.models.fit import OnEpoch, fit


@dataclass(frozen=True)
class Validated:
    """What a recipe says of the validation photos, after temperature scaling."""

    styles: tuple[str, ...]
    labels: NDArray[np.int64]  # [m], indices into styles
    probabilities: NDArray[np.float64]  # [m, k]

    def measures(self) -> dict[str, float]:
        """Return negative_log_likelihood, accuracy and macro_f1."""
        predicted = self.probabilities.argmax(axis=1)
        return {
            "negative_log_likelihood": log_loss(self.labels, self.probabilities),
            "accuracy": float((predicted == self.labels).mean()),
            "macro_f1": float(f1(self.labels, predicted, len(self.styles)).mean()),
        }


def validate(
    directory: Path,
    raw: Path,
    work: Path,
    model: Model,
    train: Train,
    seed: int,
    on_epoch: OnEpoch,
) -> Validated:
    """Train on what augment wrote into `directory`, of photos in `raw`; gives back all memory.

    An interrupted training goes on from what it left in `work`.
    """
    work.mkdir(parents=True, exist_ok=True)
    arrays = read_arrays(directory, raw)
    labels = np.array(arrays.validation_labels)
    try:
        logits = fit(arrays, model, train, seed, on_epoch, Checkpoint(work)).validation_logits
        return Validated(arrays.styles, labels, softmax(logits, fit_temperature(logits, labels)))
    finally:
        keras.backend.clear_session()
        gc.collect()
