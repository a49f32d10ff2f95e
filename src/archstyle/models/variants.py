"""The bundles that train makes of one network, in float32 and in int8, and their thresholds."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.stats import norm
from sklearn.covariance import ledoit_wolf

from archstyle.bundle import Bundle, Card, MahalanobisDistance, Outputs
from archstyle.bundle.bundle import write_bundle
from archstyle.bundle.graph import Graph
from archstyle.bundle.out_of_distribution import features
from archstyle.common.parallel import parallel_map
from archstyle.config import Thresholds
from archstyle.data.arrays import Arrays
from archstyle.metrics.calibration import fit_threshold
from archstyle.metrics.classification import log_loss
from archstyle.photos.reader import to_array

FLOAT32, INT8 = "float32", "int8"
# At which int8 is served, on validation photos: one of 231 wrong more, one of fifty told
# otherwise, and a tenth of the log loss of the default recipe.
ACCURACY_LOSS, AGREEMENT, LOG_LOSS = 0.005, 0.98, 0.01
PHOTOS = 1000  # that the distance is fitted on; more hardly change it
AXES = 32  # 16 to 64 tell photos of no building from buildings equally well; more do it worse


@dataclass(frozen=True)
class Variant:
    """A graph with all that its bundle needs."""

    graph: bytes
    card: Card
    distance: MahalanobisDistance
    validation: Outputs


def make_variant(
    graph: bytes,
    precision: str,
    scratch: Path,
    arrays: Arrays,
    examples: NDArray[np.uint8],
    card: Card,
    thresholds: Thresholds,
) -> Variant:
    """Fit distance and thresholds on what the graph itself gives; `scratch` is an empty folder.

    `examples` are those that `typical` returns.
    """
    path = scratch / f"{precision}.tflite"
    path.write_bytes(graph)
    loaded = Graph(path)

    def seen(example: NDArray[np.uint8]) -> NDArray[np.float64]:
        photo = to_array(Image.fromarray(example), arrays.read_size)
        return features(loaded.run(photo[np.newaxis]))

    found = np.concatenate(list(parallel_map(seen, examples, len(examples), "distances")))
    distance = fit_distance(found, arrays.train_labels[_chosen(arrays)])
    given = loaded.run(arrays.validation_images)
    given = replace(given, distances=distance(features(given)))
    assert given.distances is not None
    farthest = fit_distance_threshold(given.distances, thresholds.refused_share)
    near, labels = given.distances <= farthest, arrays.validation_labels
    threshold = fit_threshold(given.probabilities[near], labels[near], thresholds.target_accuracy)
    card = replace(
        card,
        precision=precision,
        threshold=threshold,
        distance_threshold=farthest,
        metrics={"validation": _metrics(given, arrays, threshold, farthest)},
    )
    return Variant(graph, card, distance, given)


def small_is_enough(
    whole: NDArray[np.floating], small: NDArray[np.floating], labels: NDArray[np.int64]
) -> bool:
    """Whether int8 may be served in the place of float32, by their probabilities [m, k].

    It loses at most ACCURACY_LOSS, gives the same style for AGREEMENT of the photos, and loses at
    most LOG_LOSS nats a photo, shown by the upper bound (95 %, one side) of the paired difference.
    Few photos show nothing; then float32 is served.
    """
    right, still_right = (given.argmax(axis=1) == labels for given in (whole, small))
    agreement = (whole.argmax(axis=1) == small.argmax(axis=1)).mean()
    of_label = np.take_along_axis(np.stack([whole, small]), labels[np.newaxis, :, np.newaxis], 2)
    losses = -np.log(np.maximum(of_label[..., 0].astype(np.float64), 1e-12))
    more = losses[1] - losses[0]
    bound = more.mean() + float(norm.ppf(0.95)) * more.std() / np.sqrt(len(more))
    # A share of few photos is not exact in binary.
    lost = right.mean() - still_right.mean() - 1e-9
    return bool(lost <= ACCURACY_LOSS and agreement >= AGREEMENT and bound <= LOG_LOSS)


def write_variants(
    directory: Path, variants: dict[str, Variant], labels: NDArray[np.int64]
) -> Bundle:
    """Write each variant's bundle into a folder of its own; return the one to serve.

    `labels` are those of the validation photos.
    """
    whole, small = (variants[name].validation.probabilities for name in (FLOAT32, INT8))
    chosen = INT8 if small_is_enough(whole, small, labels) else FLOAT32
    facts: dict[str, dict[str, Any]] = {
        name: {
            "accuracy": found.card.metrics["validation"]["accuracy"],
            "graph_bytes": len(found.graph),
            "served": name == chosen,
        }
        for name, found in variants.items()
    }
    bundles = {}
    for name, found in variants.items():
        (directory / name).mkdir()
        card = replace(found.card, variants=facts)
        bundles[name] = write_bundle(directory / name, found.graph, card, found.distance)
    return bundles[chosen]


def typical(arrays: Arrays) -> NDArray[np.uint8]:
    """Return what the distance is fitted on: whole photos and crops in turn, [n, size, size, 3].

    In turn, so that a detail counts as a building too.
    """

    def example(number: int) -> NDArray[np.uint8]:
        photo = int(_chosen(arrays)[number])
        if number % 2 and arrays.copies:
            return np.asarray(arrays.draw(photo, [1 + number // 2 % arrays.copies])[0])
        return np.asarray(arrays.train_images[photo])

    numbers = range(len(_chosen(arrays)))
    return np.stack(list(parallel_map(example, numbers, len(numbers), "examples")))


def _chosen(arrays: Arrays) -> NDArray[np.int64]:
    photos = len(arrays.train_labels)
    return np.linspace(0, photos - 1, min(PHOTOS, photos), dtype=np.int64)


def fit_distance(
    photos: NDArray[np.float64], labels: NDArray[np.int64], axes: int = AXES
) -> MahalanobisDistance:
    """Fit means and shared covariance of what `bundle.out_of_distribution.features` returns [n, d].

    The covariance is shrunk towards a multiple of the identity (Ledoit and Wolf 2004), as there are
    hardly more photos than dimensions.
    """
    styles = np.unique(labels)
    means = np.stack([photos[labels == style].mean(axis=0) for style in styles])
    covariance, _ = ledoit_wolf(photos - means[np.searchsorted(styles, labels)])
    values, vectors = np.linalg.eigh(covariance)
    values, vectors = np.maximum(values[::-1], 1e-12), vectors[:, ::-1]
    axes = min(axes, len(values) - 1)
    return MahalanobisDistance(
        means=means.astype(np.float32),
        axes=vectors[:, :axes].T.astype(np.float16),  # half the size, the same distances
        variances=values[:axes].astype(np.float32),
        rest=float(values[axes:].mean()),
    )


def fit_distance_threshold(distances: NDArray[np.float32], refused: float) -> float:
    """Return the distance beyond which the share `refused` of validation's distances [n] lies."""
    return round(float(np.quantile(distances.astype(np.float64), 1 - refused)), 6)


def _metrics(given: Outputs, arrays: Arrays, threshold: float, farthest: float) -> dict[str, float]:
    probabilities, labels = given.probabilities, arrays.validation_labels
    right = probabilities.argmax(axis=1) == labels
    assert given.distances is not None
    answered = (probabilities.max(axis=1) >= threshold) & (given.distances <= farthest)
    found = {
        "accuracy": float(right.mean()),
        "negative_log_likelihood": log_loss(labels, probabilities),
        "answered_share": float(answered.mean()),
        "photos": len(labels),
    }
    if answered.any():
        found["answered_accuracy"] = float(right[answered].mean())
    return found
