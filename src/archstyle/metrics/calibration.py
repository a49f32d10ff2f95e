"""Whether a probability means what it says, and when to abstain. Fitted on validation photos."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import betaincinv, log_softmax
from scipy.special import softmax as scipy_softmax

from archstyle.metrics.classification import Floats, Ints

BINS = 10
LOWEST_THRESHOLD = 0.5  # below, an answer is likelier wrong than right
CONFIDENCE = 0.7  # of the bound of one threshold; not of the one that is chosen of many
SPARED = 0.05


def softmax(logits: NDArray[np.floating], temperature: float = 1.0) -> Floats:
    """Return probabilities [n, k] of logits [n, k]."""
    return np.asarray(scipy_softmax(np.asarray(logits, np.float64) / temperature, axis=1))


def fit_temperature(logits: NDArray[np.floating], labels: Ints) -> float:
    """Return the temperature that makes the labels likeliest, between 0.2 and 5.

    Source: Guo et al. 2017, On Calibration of Modern Neural Networks, arXiv:1706.04599.
    """
    wide, photos = np.asarray(logits, np.float64), np.arange(len(labels))
    found = minimize_scalar(
        lambda log: -log_softmax(wide / np.exp(log), axis=1)[photos, labels].mean(),
        bounds=(np.log(0.2), np.log(5.0)),
        method="bounded",
    )
    return round(float(np.exp(found.x)), 4)


def fit_threshold(probabilities: NDArray[np.floating], labels: Ints, target: float) -> float:
    """Return the probability below which to abstain.

    The lowest at which selective accuracy reaches `target` on these photos; or a higher one, at
    which its lower bound does (CONFIDENCE, one side), as far as that costs at most SPARED of the
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
    bound = betaincinv(np.maximum(right, 1), number - right + 1, 1 - CONFIDENCE)
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


@dataclass(frozen=True)
class RiskCoverage:
    """Share answered and share of mistakes among it, from the surest photo to all; both [n].

    El-Yaniv, Wiener: On the Foundations of Noise-free Selective Classification, JMLR 2010.
    """

    coverage: Floats
    risk: Floats


def risk_coverage(probability: Floats, correct: NDArray[np.bool_]) -> RiskCoverage:
    """Sort the photos from the surest down; ties keep their order."""
    order = np.argsort(-probability, kind="stable")
    counts = np.arange(1, len(order) + 1)
    return RiskCoverage(counts / len(order), np.cumsum(~correct[order]) / counts)
