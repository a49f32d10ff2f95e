"""Trains and measures on the validation photos alone, without a bundle: for searching values."""

import gc
from dataclasses import dataclass
from pathlib import Path

import keras

from archstyle.config import Model, Train
from archstyle.evaluation.metrics import confusion_matrix, f1
from archstyle.training.arrays import read_arrays
from archstyle.training.calibration import (
    fit_temperature,
    negative_log_likelihood,
    softmax,
)
from archstyle.training.fit import OnEpoch, fit


@dataclass(frozen=True)
class Validated:
    """What a recipe reached on the validation photos, after temperature scaling."""

    negative_log_likelihood: float
    accuracy: float
    macro_f1: float
    photos: int


def validate(
    directory: Path, model: Model, train: Train, seed: int, on_epoch: OnEpoch
) -> Validated:
    """Train on what augment wrote into `directory`; gives back all memory."""
    arrays = read_arrays(directory)
    try:
        fitted = fit(arrays, model, train, seed, on_epoch)
        labels = arrays.validation_labels
        temperature = fit_temperature(fitted.validation_logits, labels)
        probabilities = softmax(fitted.validation_logits, temperature)
        predicted = probabilities.argmax(axis=1)
        confusion = confusion_matrix(labels, predicted, len(arrays.styles))
        return Validated(
            negative_log_likelihood=negative_log_likelihood(probabilities, labels),
            accuracy=float((predicted == labels).mean()),
            macro_f1=float(f1(confusion).mean()),
            photos=len(labels),
        )
    finally:
        keras.backend.clear_session()
        gc.collect()
