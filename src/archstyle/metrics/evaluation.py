"""All that is measured of a bundle: on test photos, on photos of no such building, and in time."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import auc, roc_curve

from archstyle.bundle import Bundle
from archstyle.bundle.bundle import GRAPH
from archstyle.bundle.graph import Graph
from archstyle.metrics import classification
from archstyle.metrics.classification import Floats
from archstyle.metrics.conformal import SetScores, score_sets
from archstyle.metrics.predictions import (
    Answers,
    Labels,
    Predictions,
    answer_photos,
    predict_photos,
)
from archstyle.photos.store import OUTSIDE, PhotoStore

RUNS = 30  # that a time is the median of
TOP, MANY = 3, 8  # how often one of the TOP likeliest styles is right is told of MANY styles


@dataclass(frozen=True)
class Evaluation(classification.Scores):
    """All that is known of a bundle on the test photos, by one kind of labels."""

    predictions: Predictions
    reliability: classification.Reliability
    risk_coverage: tuple[Floats, Floats]
    log_loss: float
    most_frequent_accuracy: float  # of always saying the commonest training style
    selective_accuracy: classification.Interval | None  # of what is answered; None: nothing was
    sets: SetScores | None = None  # None: the bundle is too old, or no photo has one

    @property
    def top_accuracy(self) -> float | None:
        """The share of photos whose label is one of the TOP likeliest styles, of MANY styles."""
        if len(self.styles) < MANY:
            return None
        likeliest = np.argsort(-self.predictions.probabilities, axis=1, kind="stable")[:, :TOP]
        return float((likeliest == self.predictions.labels[:, np.newaxis]).any(axis=1).mean())

    def headline(self) -> dict[str, float]:
        """Return the numbers that are told as labelled and as corrected."""
        answered, top = self.selective_accuracy, self.top_accuracy
        return {
            "accuracy": self.accuracy.value,
            "accuracy_low": self.accuracy.low,
            "accuracy_high": self.accuracy.high,
            **({} if top is None else {f"top_{TOP}_accuracy": top}),
            "macro_f1": self.macro_f1,
            "log_loss": self.log_loss,
            "expected_calibration_error": self.reliability.expected_calibration_error,
            "answered_share": self.predictions.coverage,
            **({} if answered is None else {"answered_accuracy": answered.value}),
            **({} if self.sets is None else self.sets.as_metrics()),
        }


def measure(
    predictions: Predictions, train_counts: dict[str, int], samples: int, seed: int
) -> Evaluation:
    """Compute every metric; `train_counts` are the training photos of each style."""
    styles, labels, right = predictions.styles, predictions.labels, predictions.correct
    members = predictions.card.members(predictions.probabilities, predictions.distances)
    answered = right[predictions.answered]
    guess = max(sorted(train_counts), key=lambda style: train_counts[style])
    return Evaluation(
        **vars(classification.score(labels, predictions.predicted, styles, samples, seed)),
        predictions=predictions,
        reliability=classification.reliability(predictions.probability, right),
        risk_coverage=classification.risk_coverage(predictions.probability, right),
        log_loss=classification.log_loss(labels, predictions.probabilities),
        most_frequent_accuracy=float(np.mean([styles[i] == guess for i in labels])),
        selective_accuracy=classification.correct_interval(answered, samples, seed),
        sets=None if members is None else score_sets(members, labels, samples, seed),
    )


def flat_metrics(labelled: Evaluation, corrected: Evaluation, touched: int) -> dict[str, float]:
    """Return flat numbers under stable names, to six digits: as labelled, then as corrected.

    `touched` is the number of test photos that the corrections relabel, drop or let in.
    """
    found: dict[str, float] = {}
    for name, value in labelled.headline().items():
        found[name] = value
        if name == "macro_f1":
            found["test_photos"] = len(labelled.predictions.files)
            found["most_frequent_style_accuracy"] = labelled.most_frequent_accuracy
    for style in labelled.styles:
        found[f"precision_{style.style}"] = style.precision.value
        found[f"recall_{style.style}"] = style.recall.value
        found[f"f1_{style.style}"] = style.f1
        found[f"support_{style.style}"] = style.support
    of_styles = labelled.sets.styles if labelled.sets else []
    for style, of_style in zip(labelled.styles, of_styles, strict=False):
        if of_style is not None:
            found[f"set_coverage_{style.style}"] = of_style[0].value
            found[f"mean_set_size_{style.style}"] = of_style[1]
    found |= {f"corrected_{name}": value for name, value in corrected.headline().items()}
    found["corrected_test_photos"] = touched
    return {name: round(value, 6) for name, value in found.items()}


@dataclass(frozen=True)
class Curve:
    """What refusing by distance costs and gains, from refusing nothing to all; both [m]."""

    refused_buildings: Floats  # share of the test photos: the false positive rate
    refused_outside: Floats  # share of the photos of no such building: the true positive rate
    area: float  # under it; 1 is best, 0.5 chance


def roc(building: NDArray[np.floating], outside: NDArray[np.floating]) -> Curve:
    """Return the curve of refusing by distances [n] and [m]: high ones are outside."""
    truth = np.repeat([0, 1], [len(building), len(outside)])
    rates = roc_curve(truth, np.concatenate([building, outside]), drop_intermediate=False)
    return Curve(rates[0], rates[1], float(auc(rates[0], rates[1])))


@dataclass(frozen=True)
class Outside:
    """The answers to photos that show no such building, beside those to the test photos."""

    answers: Answers
    test: Answers

    @cached_property
    def curve(self) -> Curve | None:
        """The receiver operating characteristic; None where the bundle knows no distances."""
        test, outside = self.test.distances, self.answers.distances
        return None if test is None or outside is None else roc(test, outside)

    def as_metrics(self) -> dict[str, float]:
        """Return flat numbers under stable names."""
        found = {
            "outside_refused_share": 1 - self.answers.coverage,
            "outside_unfamiliar_share": self.answers.out_of_distribution,
            "test_unfamiliar_share": self.test.out_of_distribution,
        }
        if self.curve is not None:
            found["outside_roc_auc"] = self.curve.area
        rounded = {name: round(value, 6) for name, value in found.items()}
        return {"outside_photos": len(self.answers.files), **rounded}


def answer_outside(bundle: Bundle, raw: Path, test: Answers) -> Outside | None:
    """Answer the photos that fetch packed into data/raw/outside; None where it found none."""
    if not (raw / OUTSIDE).is_dir():
        return None
    store = PhotoStore(raw / OUTSIDE)
    answers = answer_photos(bundle, store, store.files(), skip=True)
    return Outside(answers, test) if answers.files else None


def measure_variants(
    folder: Path, served: Bundle, store: PhotoStore, labels: Labels, given: Answers
) -> list[dict[str, Any]]:
    """Measure every bundle in `folder`; `given` is what the served one says of the same photos.

    Accuracy is as labelled, coverage as corrected, and `same_answers` the share of the photos to
    which the served one says the same.
    """
    found = []
    for path in sorted(path.parent for path in folder.glob(f"*/{GRAPH}")):
        bundle = Bundle.load(path)
        answers = predict_photos(bundle, store, labels.rows)
        corrected = answers.judged_by(labels.corrected)
        variant = {
            "precision": bundle.card.precision,
            "served": bundle.digest == served.digest,
            "megabytes": sum(f.stat().st_size for f in path.rglob("*") if f.is_file()) / 1e6,
            "validation_accuracy": bundle.card.metrics["validation"]["accuracy"],
            "accuracy": float(answers.judged_by(labels.labelled).correct.mean()),
            "corrected_accuracy": float(corrected.correct.mean()),
            "coverage": corrected.coverage,
            "same_answers": float((answers.predicted == given.predicted).mean()),
        }
        found.append(variant)
    return found


def variant_metrics(variant: Mapping[str, Any]) -> dict[str, float]:
    """Return flat numbers under names that begin with the precision."""
    names = ("megabytes", "validation_accuracy", "accuracy", "corrected_accuracy")
    return {f"{variant['precision']}_{name}": round(variant[name], 6) for name in names}


def time_variants(folder: Path) -> dict[str, float]:
    """Return how many milliseconds each graph in `folder` takes for a photo, on one core.

    They are measured in turn, so that whatever else the machine does slows all of them; the median
    of RUNS.
    """
    graphs = {path.parent.name: Graph(path, 1) for path in sorted(folder.glob(f"*/{GRAPH}"))}
    times: dict[str, list[float]] = {name: [] for name in graphs}
    for name, graph in RUNS * list(graphs.items()):
        photo = np.zeros(graph.shape, np.uint8)
        graph.run(photo)  # back into the processor's cache
        start = time.perf_counter()
        graph.run(photo)
        times[name].append(1000 * (time.perf_counter() - start))
    return {name: round(float(np.median(values)), 3) for name, values in times.items()}
