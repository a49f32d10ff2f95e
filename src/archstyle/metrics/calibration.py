"""Makes probabilities mean what they say, and says when to keep quiet. Both on validation."""

import math

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import betaincinv

Floats = NDArray[np.float32] | NDArray[np.float64]

LEAST_PROBABILITY = 0.5
CONFIDENCE = 0.7
SPARED = 0.05


def softmax(logits: Floats, temperature: float = 1.0) -> NDArray[np.float64]:
    """Return probabilities [n, k] of logits [n, k]."""
    scaled = np.asarray(logits, np.float64) / temperature
    exponentials = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(axis=1, keepdims=True))


def negative_log_likelihood(probabilities: Floats, labels: NDArray[np.int64]) -> float:
    """Return the mean of -log of the probability [n, k] that each true style was given."""
    chosen = probabilities[np.arange(len(labels)), labels]
    return float(-np.log(np.maximum(chosen, 1e-12)).mean())


def fit_temperature(logits: Floats, labels: NDArray[np.int64]) -> float:
    """Return the temperature that makes the labels likeliest, between 0.2 and 5.

    Source: Guo et al. 2017, On Calibration of Modern Neural Networks, arXiv:1706.04599.
    """
    found = minimize_scalar(
        lambda log: negative_log_likelihood(softmax(logits, float(np.exp(log))), labels),
        bounds=(np.log(0.2), np.log(5.0)),
        method="bounded",
    )
    return round(float(np.exp(found.x)), 4)


def fit_threshold(probabilities: Floats, labels: NDArray[np.int64], target: float) -> float:
    """Return the probability below which to keep quiet.

    The lowest at which the share of right answers reaches `target`; or a higher one, at which it
    does so on other photos too with a probability of CONFIDENCE, as far as that is to be had for
    SPARED of the photos. Never below 0.5, where an answer is likelier wrong than right; 1, so that
    nothing is answered, where no threshold reaches it.
    Source: Geifman and El-Yaniv 2017, Selective Classification, arXiv:1705.08500.
    """
    best = probabilities.max(axis=1)
    order = np.argsort(-best, kind="stable")
    number = np.arange(1, len(order) + 1)
    right = np.cumsum((probabilities.argmax(axis=1) == labels)[order])
    enough = np.flatnonzero(right / number >= target)
    if len(enough) == 0:
        return 1.0
    # The lower bound of Clopper and Pearson.
    bound = betaincinv(np.maximum(right, 1), number - right + 1, 1 - CONFIDENCE)
    sure = np.flatnonzero(bound >= target)
    answered = max(math.ceil((1 - SPARED) * len(order)), sure[-1] + 1 if len(sure) else 0)
    last = min(int(enough[-1]), answered - 1)
    if last == len(order) - 1:
        return LEAST_PROBABILITY
    return max(round(float(best[order[last]]), 6) - 1e-6, LEAST_PROBABILITY)
