"""From arrays to a finished bundle."""

from pathlib import Path
from typing import Any

import numpy as np

from archstyle.bundle import Bundle, Card
from archstyle.bundle.write import write_bundle
from archstyle.config import Model, Train
from archstyle.errors import ArchstyleError
from archstyle.images import Preprocessing
from archstyle.training.arrays import Arrays
from archstyle.training.calibration import (
    fit_temperature,
    fit_threshold,
    negative_log_likelihood,
    softmax,
)
from archstyle.training.export import export_graph
from archstyle.training.fit import Fitted, OnEpoch, fit

# LiteRT and TensorFlow may differ by this much in a probability, not more.
EXPORT_TOLERANCE = 0.01


def train_bundle(
    directory: Path,
    arrays: Arrays,
    model: Model,
    train: Train,
    *,
    seed: int,
    target_accuracy: float,
    summary: dict[str, Any],
    config: dict[str, Any],
    on_epoch: OnEpoch,
) -> tuple[Fitted, Bundle]:
    """Train, calibrate and choose the threshold on validation, export into the empty `directory`.

    `summary` is data/prepared/summary.json; `config` goes into the card. Raises ArchstyleError
    where the exported graph does not give what the network gives.
    """
    sizes = (arrays.image_size, arrays.read_size), (model.image_size, model.read_size)
    if sizes[0] != sizes[1]:
        raise ArchstyleError(
            f"data/augmented holds photos of {sizes[0]} pixels, but `model.image_size` and "
            f"`model.read_size` are {sizes[1]}: run `dvc repro`, which makes them again."
        )
    fitted = fit(arrays, model, train, seed, on_epoch)
    labels = arrays.validation_labels
    temperature = fit_temperature(fitted.validation_logits, labels)
    probabilities = softmax(fitted.validation_logits, temperature)
    card = Card(
        name=model.name,
        styles=arrays.styles,
        preprocessing=Preprocessing(image_size=model.read_size),
        temperature=temperature,
        threshold=fit_threshold(probabilities, labels, target_accuracy),
        drawn=arrays.drawn,
        source=summary["source"],
        data_digest=summary["digest"],
        counts=summary["counts"],
        config=config,
        metrics={
            "validation": {
                "accuracy": float((probabilities.argmax(axis=1) == labels).mean()),
                "negative_log_likelihood": negative_log_likelihood(probabilities, labels),
                "photos": len(labels),
            }
        },
    )
    graph = export_graph(fitted.network, fitted.model, model.read_size, temperature)
    bundle = write_bundle(directory, graph, card)
    _check_export(bundle, arrays, probabilities)
    return fitted, bundle


def _check_export(bundle: Bundle, arrays: Arrays, expected: Any) -> None:
    few = slice(0, 16)
    given = bundle.run(arrays.validation_images[few]).probabilities
    distance = float(np.abs(given - expected[few]).max())
    if not distance <= EXPORT_TOLERANCE:
        raise ArchstyleError(
            f"The exported graph gives other probabilities than the network (off by {distance:.3f})"
            ": this should not happen; please report it with your params.yaml."
        )
