"""The bundles that train makes of one network: in float32 and in int8, each with its thresholds."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from archstyle.bundle import Bundle, Card, MahalanobisDistance, Outputs
from archstyle.bundle.bundle import write_bundle
from archstyle.bundle.graph import Graph
from archstyle.bundle.out_of_distribution import features
from archstyle.common.parallel import parallel_map
from archstyle.config import Evaluate
from archstyle.metrics.calibration import fit_threshold
from archstyle.metrics.classification import log_loss
from archstyle.models.arrays import Arrays
from archstyle.models.distance import fit_distance, fit_distance_threshold
from archstyle.photos.reader import to_array

FLOAT32, INT8 = "float32", "int8"
LOSS = 0.005  # of accuracy on validation, at which int8 is still served
PHOTOS = 1000  # that the distance is fitted on; more hardly change it


@dataclass(frozen=True)
class Variant:
    """A graph with all that its bundle needs."""

    graph: bytes
    card: Card
    distance: MahalanobisDistance
    validation: Outputs


def make_variant(
    graph: bytes, precision: str, scratch: Path, arrays: Arrays, card: Card, evaluate: Evaluate
) -> Variant:
    """Fit distance and thresholds on what the graph itself gives; `scratch` is an empty folder."""
    path = scratch / f"{precision}.tflite"
    path.write_bytes(graph)
    loaded = Graph(path)
    distance = _distance(loaded, arrays)
    given = loaded.run(arrays.validation_images)
    given = replace(given, distances=distance(features(given)))
    assert given.distances is not None
    farthest = fit_distance_threshold(given.distances, evaluate.refused_share)
    near, labels = given.distances <= farthest, arrays.validation_labels
    threshold = fit_threshold(given.probabilities[near], labels[near], evaluate.target_accuracy)
    card = replace(
        card,
        precision=precision,
        threshold=threshold,
        distance_threshold=farthest,
        metrics={"validation": _metrics(given, arrays, threshold, farthest)},
    )
    return Variant(graph, card, distance, given)


def served(variants: dict[str, Variant]) -> str:
    """Return the precision to serve: int8 where it loses at most LOSS of accuracy."""
    if INT8 not in variants:
        return FLOAT32
    accuracy = {
        name: found.card.metrics["validation"]["accuracy"] for name, found in variants.items()
    }
    # A share of few photos is not exact in binary.
    return INT8 if accuracy[INT8] >= accuracy[FLOAT32] - LOSS - 1e-9 else FLOAT32


def write_variants(directory: Path, variants: dict[str, Variant]) -> Bundle:
    """Write each variant's bundle into a folder of its own; return the one to serve."""
    chosen = served(variants)
    facts: dict[str, dict[str, Any]] = {
        name: {
            "accuracy": _accuracy(found),
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


def _accuracy(variant: Variant) -> float:
    return variant.card.metrics["validation"]["accuracy"]


def _distance(graph: Graph, arrays: Arrays) -> MahalanobisDistance:
    """Fit it on whole photos and crops in turn, so that a detail counts as a building too."""
    photos = len(arrays.train_labels)
    chosen = np.linspace(0, photos - 1, min(PHOTOS, photos), dtype=int)

    def seen(number: int) -> Any:
        # The copies after the first, which is the whole photo, take turns.
        crop = 1 + number // 2 % max(1, len(arrays.train_images) - 1)
        copy = crop if number % 2 and len(arrays.train_images) > 1 else 0
        photo = Image.fromarray(arrays.train_images[copy, chosen[number]])
        return features(graph.run(to_array(photo, arrays.read_size)[np.newaxis]))

    found = list(parallel_map(seen, range(len(chosen)), len(chosen), "distances"))
    return fit_distance(np.concatenate(found), arrays.train_labels[chosen])


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
