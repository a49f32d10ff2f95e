"""How good a classifier is, with intervals; what its probabilities mean, and when to abstain.

Names follow scikit-learn. `labels` and `predictions` are int [n], indices into k styles;
`probabilities` are float [n, k] with rows that sum to one. scikit-learn counts; the bootstrap is
drawn here, over cells and not photos.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special
from scipy.optimize import minimize_scalar
from scipy.stats import binomtest
from sklearn import metrics

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

CONFIDENCE = 0.95
BINS = 10
LOWEST_THRESHOLD = 0.5  # below, an answer is likelier wrong than right
SURE = 0.7  # of the bound of one threshold; not of the one that is chosen of many
SPARED = 0.05


@dataclass(frozen=True)
class Interval:
    """A share in 0..1, or a mean, with the ends of its 95 % interval."""

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
    every = np.arange(k)
    found = metrics.f1_score(labels, predictions, labels=every, average=None, zero_division=0)
    return np.asarray(found, np.float64)


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
    right, diagonal = np.diagonal(confusion), np.diagonal(draws, axis1=1, axis2=2)

    def intervals(axis: int) -> list[Interval]:
        totals = draws.sum(1 + axis)
        drawn = np.divide(diagonal, totals, out=np.zeros(totals.shape), where=totals > 0)
        return list(map(share_interval, right.tolist(), confusion.sum(axis).tolist(), drawn.T))

    harmonic = f1(labels, predictions, len(styles)).tolist()
    support = confusion.sum(1).tolist()
    every = zip(styles, intervals(0), intervals(1), harmonic, support, strict=True)
    accuracy = share_interval(int(right.sum()), len(labels), diagonal.sum(1) / len(labels))
    scores = [StyleScore(*of_style) for of_style in every]
    return Scores(confusion, accuracy, float(np.mean(harmonic)), scores)


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


def softmax(logits: NDArray[np.floating], temperature: float = 1.0) -> Floats:
    """Return probabilities [n, k] of logits [n, k]."""
    return np.asarray(special.softmax(np.asarray(logits, np.float64) / temperature, axis=1))


def fit_temperature(logits: NDArray[np.floating], labels: Ints) -> float:
    """Return the temperature that makes the labels likeliest, between 0.2 and 5.

    Source: Guo et al. 2017, On Calibration of Modern Neural Networks, arXiv:1706.04599.
    """
    wide, photos = np.asarray(logits, np.float64), np.arange(len(labels))
    found = minimize_scalar(
        lambda log: -special.log_softmax(wide / np.exp(log), axis=1)[photos, labels].mean(),
        bounds=(np.log(0.2), np.log(5.0)),
        method="bounded",
    )
    return round(float(np.exp(found.x)), 4)


def fit_threshold(probabilities: NDArray[np.floating], labels: Ints, target: float) -> float:
    """Return the probability below which to abstain.

    The lowest at which selective accuracy reaches `target` on these photos; or a higher one, at
    which its lower bound does (SURE, one side), as far as that costs at most SPARED of the
    photos. As the best of many thresholds is taken, it holds on other photos less often than that:
    see docs/decisions/0015-abstention.md. Never below LOWEST_THRESHOLD; 1, so that nothing is
    answered, where none reaches it.
    Source: Geifman and El-Yaniv 2017, Selective Classification, arXiv:1705.08500.
    """
    best = probabilities.max(axis=1)
    order = np.argsort(-best, kind="stable")
    number = np.arange(1, len(order) + 1)
    right = np.cumsum((probabilities.argmax(axis=1) == labels)[order])
    enough = np.flatnonzero(right / number >= target)
    if len(enough) == 0:
        return 1.0
    # The lower bound of Clopper and Pearson, for every number of answers at once.
    bound = special.betaincinv(np.maximum(right, 1), number - right + 1, 1 - SURE)
    sure = np.flatnonzero(bound >= target)
    answered = max(math.ceil((1 - SPARED) * len(order)), sure[-1] + 1 if len(sure) else 0)
    last = min(int(enough[-1]), answered - 1)
    if last == len(order) - 1:
        return LOWEST_THRESHOLD
    return max(round(float(best[order[last]]), 6) - 1e-6, LOWEST_THRESHOLD)


@dataclass(frozen=True)
class Reliability:
    """Equal-width bins of the probability of the answer; empty bins hold NaN.

    `edges` [bins + 1]; `probability` (mean), `accuracy` and `photos` [bins].
    """

    edges: Floats
    probability: Floats
    accuracy: Floats
    photos: Ints

    @property
    def expected_calibration_error(self) -> float:
        """The mean gap of probability and accuracy, weighted by photos; 0 is best.

        Guo et al.: On Calibration of Modern Neural Networks, ICML 2017.
        """
        gaps = np.nan_to_num(np.abs(self.probability - self.accuracy))
        return float((gaps * self.photos).sum() / max(1, self.photos.sum()))


def reliability(probability: Floats, correct: NDArray[np.bool_]) -> Reliability:
    """Bin the photos by the probability [n] of their answer."""
    edges = np.linspace(0.0, 1.0, BINS + 1)
    index = np.digitize(probability, edges[1:-1], right=True)
    photos = np.bincount(index, minlength=BINS)
    divisor = np.where(photos == 0, np.nan, photos)
    return Reliability(
        edges=edges,
        probability=np.bincount(index, probability, BINS) / divisor,
        accuracy=np.bincount(index, correct, BINS) / divisor,
        photos=photos.astype(np.int64),
    )


def risk_coverage(probability: Floats, correct: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Return coverage, the share answered, and risk, the share of mistakes among it; both [n].

    From the surest photo to all; ties keep their order.
    El-Yaniv, Wiener: On the Foundations of Noise-free Selective Classification, JMLR 2010.
    """
    order = np.argsort(-probability, kind="stable")
    counts = np.arange(1, len(order) + 1)
    return counts / len(order), np.cumsum(~correct[order]) / counts
