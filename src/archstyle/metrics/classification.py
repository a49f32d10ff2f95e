"""How good a classifier is, with intervals. Names follow scikit-learn.

`labels` and `predictions` are int [n], indices into k styles; `probabilities` are float [n, k] with
rows that sum to one. scikit-learn counts; the bootstrap is drawn here, over cells and not photos.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest
from sklearn import metrics

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Interval:
    """A share in 0..1 with the ends of its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class StyleScore:
    """How well one style is told; `support` is the number of its photos."""

    style: str
    precision: Interval
    recall: Interval
    f1: float
    support: int


@dataclass(frozen=True)
class Scores:
    """How well k styles are told."""

    confusion: Ints  # [k, k], rows: what the photos show, columns: what the model says
    accuracy: Interval
    macro_f1: float
    styles: list[StyleScore]


def f1(labels: Ints, predictions: Ints, k: int) -> Floats:
    """Return [k], the harmonic mean of precision and recall; 0 where a style is never met."""
    all_of = {"labels": np.arange(k), "average": None, "zero_division": 0}
    return np.asarray(metrics.f1_score(labels, predictions, **all_of), np.float64)


def log_loss(labels: Ints, probabilities: NDArray[Any]) -> float:
    """Return the mean negative log likelihood of the true style, in nats."""
    wide = probabilities.astype(np.float64)
    # Rows of float32 miss 1 by more than scikit-learn allows.
    wide /= wide.sum(axis=1, keepdims=True)
    return float(metrics.log_loss(labels, wide, labels=np.arange(wide.shape[1])))


def measures(labels: Ints, probabilities: NDArray[Any]) -> dict[str, float]:
    """Return negative_log_likelihood, accuracy and macro_f1."""
    predicted = probabilities.argmax(axis=1)
    return {
        "negative_log_likelihood": log_loss(labels, probabilities),
        "accuracy": float((predicted == labels).mean()),
        "macro_f1": float(f1(labels, predicted, probabilities.shape[1]).mean()),
    }


def score(
    labels: Ints, predictions: Ints, styles: tuple[str, ...], samples: int, seed: int
) -> Scores:
    """Count, and draw the photos `samples` times with replacement for the intervals."""
    confusion = metrics.confusion_matrix(labels, predictions, labels=np.arange(len(styles)))
    draws = bootstrap(confusion, samples, seed)
    right, said, there = np.diagonal(confusion), confusion.sum(0), confusion.sum(1)
    diagonal = np.diagonal(draws, axis1=1, axis2=2)
    precision, recall = _share(diagonal, draws.sum(1)), _share(diagonal, draws.sum(2))
    harmonic = f1(labels, predictions, len(styles))
    scores = [
        StyleScore(
            style=style,
            precision=share_interval(int(right[i]), int(said[i]), precision[:, i]),
            recall=share_interval(int(right[i]), int(there[i]), recall[:, i]),
            f1=float(harmonic[i]),
            support=int(there[i]),
        )
        for i, style in enumerate(styles)
    ]
    accuracy = share_interval(int(right.sum()), len(labels), diagonal.sum(1) / len(labels))
    return Scores(confusion, accuracy, float(harmonic.mean()), scores)


def correct_interval(correct: NDArray[np.bool_], samples: int, seed: int) -> Interval | None:
    """Return the share of true values in [n] with its bootstrap interval; None of nothing."""
    right, total = int(correct.sum()), len(correct)
    if total == 0:
        return None
    draws = np.random.default_rng(seed).binomial(total, right / total, samples) / total
    return share_interval(right, total, draws)


def share_interval(right: int, total: int, draws: Floats) -> Interval:
    """Return the percentile bootstrap interval of a share of `total` photos from its draws.

    Where all photos or none are right every draw is alike and the bootstrap would claim certainty:
    the interval is then that of Clopper and Pearson. Without any photo it is all of 0..1.
    Efron, Tibshirani: An Introduction to the Bootstrap, 1993, chapter 13.
    """
    if total == 0:
        return Interval(0.0, 0.0, 1.0)
    if right in (0, total):
        exact = binomtest(right, total).proportion_ci(CONFIDENCE, method="exact")
        return Interval(right / total, float(exact.low), float(exact.high))
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(draws, [tail, 1 - tail])
    return Interval(right / total, float(low), float(high))


def bootstrap(confusion: Ints, samples: int, seed: int) -> Ints:
    """Return [samples, k, k]: the confusion matrices of that many bootstrap draws of the photos.

    Drawing n photos with replacement is a multinomial draw over the cells of their confusion
    matrix, which costs nothing per photo.
    """
    total = int(confusion.sum())
    cells = np.random.default_rng(seed).multinomial(total, confusion.ravel() / total, samples)
    return np.asarray(cells.reshape(samples, *confusion.shape), np.int64)


def _share(part: NDArray[Any], whole: NDArray[Any]) -> Floats:
    result: Floats = np.divide(part, whole, out=np.zeros(np.shape(whole)), where=whole > 0)
    return result
