"""From arrays to a finished bundle, or to what a recipe says of the validation photos."""

import gc
import shutil
from pathlib import Path
from typing import Any

import keras
import numpy as np

from archstyle.bundle import Bundle, Card
from archstyle.config import Model, Thresholds, Train
from archstyle.data.arrays import Arrays, read_arrays
from archstyle.errors import ArchstyleError
from archstyle.metrics.calibration import fit_temperature, softmax
from archstyle.metrics.classification import Floats, Ints
from archstyle.models.checkpoint import Checkpoint
from archstyle.models.export import export_graph, export_int8_graph
from archstyle.models.fit import Fitted, OnEpoch, fit
from archstyle.models.variants import FLOAT32, INT8, write_variants
from archstyle.photos.reader import Preprocessing

# LiteRT and TensorFlow may differ by this much in a probability, not more.
EXPORT_TOLERANCE = 0.01


def train_bundle(
    directory: Path,
    arrays: Arrays,
    model: Model,
    train: Train,
    *,
    variants: Path,
    seed: int,
    thresholds: Thresholds,
    summary: dict[str, Any],
    config: dict[str, Any],
    on_epoch: OnEpoch,
    checkpoint: Checkpoint,
) -> tuple[Fitted, Bundle]:
    """Train, calibrate and choose on validation, export; both folders are empty.

    `variants` gets a bundle of each precision and `directory` the one that is to be served.
    `summary` is data/prepared/summary.json; `config` goes into the card. Raises ArchstyleError
    where the exported graph does not give what the network gives.
    """
    sizes = (arrays.image_size, arrays.read_size), (model.image_size, model.read_size)
    if sizes[0] != sizes[1]:
        raise ArchstyleError(
            f"data/augmented holds photos of {sizes[0]} pixels, but `model.image_size` and "
            f"`model.read_size` are {sizes[1]}: run `dvc repro`, which makes them again."
        )
    fitted = fit(arrays, model, train, seed, on_epoch, checkpoint)
    logits = fitted.validation_logits
    temperature = fit_temperature(logits, arrays.validation_labels)
    card = Card(
        name=model.name,
        styles=arrays.styles,
        preprocessing=Preprocessing(image_size=model.read_size),
        temperature=temperature,
        threshold=1.0,  # each variant has its own
        drawn=arrays.drawn,
        source=summary["source"],
        data_digest=summary["digest"],
        counts=summary["counts"],
        config=config,
    )
    of_network = fitted.network, fitted.model, model.read_size, temperature
    # The graph carries the names of its models, which Keras numbers: a training that was resumed
    # has made fewer of them.
    keras.backend.clear_session()
    graphs = {
        FLOAT32: export_graph(*of_network),
        INT8: export_int8_graph(*of_network, arrays.train_images),
    }
    served, given = write_variants(variants, graphs, arrays, card, thresholds)
    off = float(np.abs(given[FLOAT32].probabilities - softmax(logits, temperature)).max())
    if not off <= EXPORT_TOLERANCE:
        raise ArchstyleError(
            f"The exported graph gives other probabilities than the network (off by {off:.3f}): "
            "this should not happen; please report it with your params.yaml."
        )
    shutil.copytree(served, directory, dirs_exist_ok=True)
    return fitted, Bundle.load(directory)


def validate(
    directory: Path,
    raw: Path,
    work: Path,
    model: Model,
    train: Train,
    seed: int,
    on_epoch: OnEpoch,
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
