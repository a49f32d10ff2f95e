"""Numbers that say how good a classifier is; pure functions on arrays.

Names follow scikit-learn. `labels` and `predictions` are int arrays [n] of indices into the
styles, `probabilities` is float [n, k] with rows that sum to one.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

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


def confusion_matrix(labels: Ints, predictions: Ints, k: int) -> Ints:
    """Return int64 [k, k]: rows are what the photos show, columns what the model says."""
    return np.bincount(labels * k + predictions, minlength=k * k).reshape(k, k).astype(np.int64)


def accuracy(confusion: NDArray[Any]) -> Floats:
    """Return the share on the diagonal of [..., k, k]."""
    return _share(np.trace(confusion, axis1=-2, axis2=-1), confusion.sum((-2, -1)))


def precision(confusion: NDArray[Any]) -> Floats:
    """Return [..., k]: of what is called a style, the share that is; 0 where nothing is."""
    return _share(_diagonal(confusion), confusion.sum(-2))


def recall(confusion: NDArray[Any]) -> Floats:
    """Return [..., k]: of what is a style, the share that is called so; 0 where nothing is."""
    return _share(_diagonal(confusion), confusion.sum(-1))


def f1(confusion: NDArray[Any]) -> Floats:
    """Return [..., k]: the harmonic mean of precision and recall."""
    return _share(2 * _diagonal(confusion), confusion.sum(-2) + confusion.sum(-1))


def resampled(confusion: Ints, samples: int, seed: int) -> Ints:
    """Return [samples, k, k]: the confusion matrices of that many bootstrap draws of the photos.

    Drawing n photos with replacement is a multinomial draw over the cells of their confusion
    matrix, which costs nothing per photo.
    """
    total = int(confusion.sum())
    cells = np.random.default_rng(seed).multinomial(total, confusion.ravel() / total, samples)
    return cells.reshape(samples, *confusion.shape).astype(np.int64)


def percentile_interval(value: float, draws: Floats) -> Interval:
    """Return the percentile interval of a metric from its value in each bootstrap draw.

    Efron, Tibshirani: An Introduction to the Bootstrap, 1993, chapter 13.
    """
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(draws, [tail, 1 - tail])
    return Interval(float(value), float(low), float(high))


def share_interval(right: int, total: int, draws: Floats) -> Interval:
    """Return the percentile bootstrap interval of a share of `total` photos.

    Where all photos or none are right every draw is alike and the bootstrap would claim certainty;
    the open end is then the exact one (Clopper, Pearson: Biometrika 26, 1934). Without any
    photo the interval is all of 0..1.
    """
    if total == 0:
        return Interval(0.0, 0.0, 1.0)
    bound = float(((1 - CONFIDENCE) / 2) ** (1 / total))
    if right == total:
        return Interval(1.0, bound, 1.0)
    if right == 0:
        return Interval(0.0, 0.0, 1 - bound)
    return percentile_interval(right / total, draws)


def accuracy_interval(confusion: Ints, draws: Ints) -> Interval:
    """Return the accuracy with its interval; `draws` come from `resampled`."""
    return share_interval(int(np.trace(confusion)), int(confusion.sum()), accuracy(draws))


def correct_interval(correct: NDArray[np.bool_], samples: int, seed: int) -> Interval | None:
    """Return the share of true values in [n] with its interval; None of nothing."""
    right, total = int(correct.sum()), len(correct)
    if total == 0:
        return None
    draws = np.random.default_rng(seed).binomial(total, right / total, samples) / total
    return share_interval(right, total, draws)


def style_scores(confusion: Ints, draws: Ints, styles: tuple[str, ...]) -> list[StyleScore]:
    """Return precision, recall, F1 and support of every style, with intervals."""
    right, said, there = _diagonal(confusion), confusion.sum(-2), confusion.sum(-1)
    precisions, recalls = precision(draws), recall(draws)
    return [
        StyleScore(
            style=style,
            precision=share_interval(int(right[i]), int(said[i]), precisions[:, i]),
            recall=share_interval(int(right[i]), int(there[i]), recalls[:, i]),
            f1=float(f1(confusion)[i]),
            support=int(there[i]),
        )
        for i, style in enumerate(styles)
    ]


def log_loss(labels: Ints, probabilities: NDArray[Any]) -> float:
    """Return the mean negative log likelihood of the true style, in nats."""
    of_true = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return float(-np.log(np.clip(of_true, 1e-12, 1.0)).mean())


def most_frequent_accuracy(train_counts: dict[str, int], test_counts: dict[str, int]) -> float:
    """Return the accuracy on the test photos of always saying the commonest training style."""
    guess = max(sorted(train_counts), key=lambda style: train_counts[style])
    return test_counts.get(guess, 0) / max(1, sum(test_counts.values()))


def _diagonal(confusion: NDArray[Any]) -> NDArray[Any]:
    return np.diagonal(confusion, axis1=-2, axis2=-1)


def _share(part: NDArray[Any], whole: NDArray[Any]) -> Floats:
    result: Floats = np.divide(part, whole, out=np.zeros(np.shape(whole)), where=whole > 0)
    return result
