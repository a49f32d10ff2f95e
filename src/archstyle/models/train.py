"""From arrays to a finished bundle, or to what a recipe says of the validation photos."""

import gc
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from archstyle.bundle import Bundle, Card
from archstyle.config import Model, Thresholds, Train
from archstyle.data.arrays import Arrays, read_arrays
from archstyle.errors import ArchstyleError
from archstyle.metrics.calibration import fit_temperature, softmax
from archstyle.metrics.classification import f1, log_loss
from archstyle.models.checkpoint import Checkpoint
from archstyle.models.export import export_graph, export_int8_graph
from archstyle.models.fit import Fitted, OnEpoch, fit
from archstyle.models.variants import FLOAT32, INT8, make_variant, typical, write_variants
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
    checkpoint: Checkpoint | None = None,
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
    examples = typical(arrays)
    with tempfile.TemporaryDirectory() as scratch:
        made = {
            precision: make_variant(
                graph, precision, Path(scratch), arrays, examples, card, thresholds
            )
            for precision, graph in graphs.items()
        }
    _check_export(made[FLOAT32].validation.probabilities, softmax(logits, temperature))
    served = write_variants(variants, made, arrays.validation_labels)
    shutil.copytree(served.path, directory, dirs_exist_ok=True)
    return fitted, Bundle.load(directory)


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


def _check_export(given: Any, expected: Any) -> None:
    distance = float(np.abs(given - expected).max())
    if not distance <= EXPORT_TOLERANCE:
        raise ArchstyleError(
            f"The exported graph gives other probabilities than the network (off by {distance:.3f})"
            ": this should not happen; please report it with your params.yaml."
        )
