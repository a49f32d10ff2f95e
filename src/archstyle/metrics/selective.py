"""Whether a probability means what it says, and what keeping quiet buys."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from archstyle.metrics.classification import Floats

BINS = 10


@dataclass(frozen=True)
class Reliability:
    """Equal-width bins of the probability of the answer; empty bins hold NaN.

    `edges` [bins + 1]; `probability` (mean), `accuracy` and `photos` [bins].
    """

    edges: Floats
    probability: Floats
    accuracy: Floats
    photos: NDArray[np.int64]

    @property
    def expected_calibration_error(self) -> float:
        """The mean gap of probability and accuracy, weighted by photos; 0 is best.

        Guo et al.: On Calibration of Modern Neural Networks, ICML 2017.
        """
        gaps = np.nan_to_num(np.abs(self.probability - self.accuracy))
        return float((gaps * self.photos).sum() / max(1, self.photos.sum()))


@dataclass(frozen=True)
class RiskCoverage:
    """Share answered and share of mistakes among it, from the surest photo to all; both [n].

    El-Yaniv, Wiener: On the Foundations of Noise-free Selective Classification, JMLR 2010.
    """

    coverage: Floats
    risk: Floats


def reliability(probability: Floats, correct: NDArray[np.bool_], bins: int = BINS) -> Reliability:
    """Bin the photos by the probability [n] of their answer."""
    edges = np.linspace(0.0, 1.0, bins + 1)
    index = np.clip(np.digitize(probability, edges[1:-1], right=True), 0, bins - 1)
    photos = np.bincount(index, minlength=bins)
    divisor = np.where(photos == 0, np.nan, photos)
    return Reliability(
        edges=edges,
        probability=np.bincount(index, probability, bins) / divisor,
        accuracy=np.bincount(index, correct, bins) / divisor,
        photos=photos.astype(np.int64),
    )


def risk_coverage(probability: Floats, correct: NDArray[np.bool_]) -> RiskCoverage:
    """Sort the photos from the surest down; ties keep their order."""
    order = np.argsort(-probability, kind="stable")
    counts = np.arange(1, len(order) + 1)
    return RiskCoverage(counts / len(order), np.cumsum(~correct[order]) / counts)
