"""Makes probabilities mean what they say, and says when to keep quiet. Both on validation."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

Floats = NDArray[np.float32] | NDArray[np.float64]

LEAST_PROBABILITY = 0.5


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
    """Return the lowest probability at which the share of right answers reaches `target`.

    Never below 0.5, where an answer is likelier wrong than right; 1, so that nothing is answered,
    where no threshold reaches it.
    """
    best = probabilities.max(axis=1)
    order = np.argsort(-best, kind="stable")
    right = (probabilities.argmax(axis=1) == labels)[order]
    share = np.cumsum(right) / np.arange(1, len(right) + 1)
    enough = np.flatnonzero(share >= target)
    if len(enough) == 0:
        return 1.0
    last = int(enough[-1])
    if last == len(right) - 1:
        return LEAST_PROBABILITY
    return max(round(float(best[order[last]]), 6) - 1e-6, LEAST_PROBABILITY)
