"""From arrays to a finished bundle, in float32 and in int8, which is served where it is enough."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from archstyle.bundle import Bundle, Card, Outputs
from archstyle.bundle.bundle import GRAPH, write_bundle
from archstyle.bundle.graph import Graph
from archstyle.bundle.out_of_distribution import Score, features
from archstyle.config import Model, Thresholds, Train
from archstyle.data.arrays import Arrays, Others
from archstyle.errors import ArchstyleError
from archstyle.metrics.classification import Ints, fit_temperature, fit_threshold, log_loss, softmax
from archstyle.metrics.conformal import fit_prediction_sets
from archstyle.models.checkpoint import Checkpoint
from archstyle.models.export import export_graph, export_int8_graph
from archstyle.models.fit import Fitted, OnEpoch, fit
from archstyle.models.rejection import Rejection, fit_distance, fit_distance_threshold, own_features
from archstyle.photos.reader import Preprocessing

# LiteRT and TensorFlow may differ by this much in a probability, not more.
EXPORT_TOLERANCE = 0.01
FLOAT32, INT8 = "float32", "int8"
# At which int8 is served, on validation photos: one of 231 wrong more, one of fifty told
# otherwise (of those that float32 believes by half), and a tenth of the default's log loss.
ACCURACY_LOSS, AGREEMENT, LOG_LOSS = 0.005, 0.98, 0.01


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
    others: Others | None = None,
) -> tuple[Fitted, Bundle]:
    """Train, calibrate and choose on validation, export; both folders are empty.

    `variants` gets a bundle of each precision and `directory` the one that is to be served.
    `others` are buildings of other styles to learn to refuse, if there are any;
    `summary` is data/prepared/summary.json; `config` goes into the card. Raises ArchstyleError
    where the exported graph does not give what the network gives.
    """
    held = arrays.train_images.shape[1], arrays.validation_images.shape[1]
    asked = model.image_size, model.read_size
    if held != asked:
        raise ArchstyleError(
            f"data/augmented holds photos of {held} pixels, but `model.image_size` and "
            f"`model.read_size` are {asked}: run `dvc repro`, which makes them again."
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
    served, given = write_variants(variants, graphs, arrays, card, thresholds, others)
    off = float(np.abs(given[FLOAT32].probabilities - softmax(logits, temperature)).max())
    if not off <= EXPORT_TOLERANCE:
        raise ArchstyleError(
            f"The exported graph gives other probabilities than the network (off by {off:.3f}): "
            "this should not happen; please report it with your params.yaml."
        )
    shutil.copytree(served, directory, dirs_exist_ok=True)
    return fitted, Bundle.load(directory)


def write_variants(
    directory: Path,
    graphs: dict[str, bytes],
    arrays: Arrays,
    card: Card,
    thresholds: Thresholds,
    others: Others | None = None,
) -> tuple[Path, dict[str, Outputs]]:
    """Write a bundle of each graph, by its precision, into a folder of its own.

    Scores and thresholds are fitted on what the graph itself gives. Returns the folder of the one
    to serve, and what each says of the validation photos.
    """
    cards, given = {}, {}
    scores: dict[str, Score] = {}
    for precision, graph in graphs.items():
        path = directory / precision / GRAPH
        path.parent.mkdir()
        path.write_bytes(graph)
        loaded = Graph(path)
        given[precision] = loaded.run(arrays.validation_images)
        held, labels = features(given[precision]), arrays.validation_labels
        distance = fit_distance(*own_features(loaded, arrays))
        farthest = fit_distance_threshold(distance(held), thresholds.refused_share)
        scores[precision] = distance
        left_out: dict[str, float | None] = {}
        if others is not None:
            rejection, farthest = Rejection(loaded, others, distance, farthest, held), 1.0
            scores[precision] = rejection.fit(thresholds.other_share)
            left_out = rejection.left_out(thresholds.other_share)
        far = scores[precision](held)
        settings = _choose(given[precision].probabilities, far, farthest, labels, thresholds)
        cards[precision] = replace(card, precision=precision, left_out=left_out, **settings)
    whole, small = (given[name].probabilities for name in (FLOAT32, INT8))
    served = INT8 if small_is_enough(whole, small, arrays.validation_labels) else FLOAT32
    facts: dict[str, dict[str, Any]] = {
        name: {
            "accuracy": cards[name].metrics["validation"]["accuracy"],
            "graph_bytes": len(graph),
            "served": name == served,
        }
        for name, graph in graphs.items()
    }
    for name, graph in graphs.items():
        write_bundle(directory / name, graph, replace(cards[name], variants=facts), scores[name])
    return directory / served, given


def _choose(
    probabilities: NDArray[np.float32],
    distances: NDArray[np.float32],
    farthest: float,
    labels: Ints,
    thresholds: Thresholds,
) -> dict[str, Any]:
    """Return the card's thresholds and sets, and its metrics of the validation photos with them."""
    near = distances <= farthest
    known, aims = probabilities[near], labels[near]
    threshold = fit_threshold(known, aims, thresholds.target_accuracy)
    right = probabilities.argmax(axis=1) == labels
    answered = (probabilities.max(axis=1) >= threshold) & near
    found = {
        "accuracy": float(right.mean()),
        "negative_log_likelihood": log_loss(labels, probabilities),
        "answered_share": float(answered.mean()),
        "photos": len(labels),
    }
    if answered.any():
        found["answered_accuracy"] = float(right[answered].mean())
    return {
        "threshold": threshold,
        "distance_threshold": farthest,
        "prediction_sets": fit_prediction_sets(known, aims, threshold, thresholds.coverage),
        "metrics": {"validation": found},
    }


def small_is_enough(whole: NDArray[np.floating], small: NDArray[np.floating], labels: Ints) -> bool:
    """Whether int8 may be served in the place of float32, by their probabilities [m, k].

    It loses at most ACCURACY_LOSS, gives the same style for AGREEMENT of the photos of which
    float32 is more sure than not (the others are a toss between neighbours), and loses at most
    LOG_LOSS nats a photo, shown by the upper bound (95 %, one side) of the paired difference.
    Few photos show nothing; then float32 is served.
    """
    right, still_right = (given.argmax(axis=1) == labels for given in (whole, small))
    same, sure = whole.argmax(axis=1) == small.argmax(axis=1), whole.max(axis=1) > 0.5
    agreement = same[sure].mean() if sure.any() else 0.0
    of_label = np.take_along_axis(np.stack([whole, small]), labels[np.newaxis, :, np.newaxis], 2)
    losses = -np.log(np.maximum(of_label[..., 0].astype(np.float64), 1e-12))
    more = losses[1] - losses[0]
    bound = more.mean() + float(norm.ppf(0.95)) * more.std() / np.sqrt(len(more))
    # A share of few photos is not exact in binary.
    lost = right.mean() - still_right.mean() - 1e-9
    return bool(lost <= ACCURACY_LOSS and agreement >= AGREEMENT and bound <= LOG_LOSS)
