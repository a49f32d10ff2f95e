"""Learns from training photos how far a photo may lie from them."""

import numpy as np
from numpy.typing import NDArray
from sklearn.covariance import ledoit_wolf

from archstyle.bundle import MahalanobisDistance

AXES = 32  # 16 to 64 tell photos of no building from buildings equally well; more do it worse


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
