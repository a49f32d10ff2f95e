"""How unlike the photos of its styles a photo is: high where it shows no such building.

The distance from them alone, or with it what was learned from buildings of other styles.
"""

import zipfile
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from archstyle.bundle.graph import ADVICE, BundleError, Outputs

Floats = NDArray[np.float64]
Points = tuple[Floats, Floats]  # [k, d], and the squares of their lengths [k]


@dataclass(frozen=True)
class MahalanobisDistance:
    """The Mahalanobis distance of what `features` returns to the nearest style's mean.

    Its covariance, which all styles share, has the variances `variances` [r] along the orthonormal
    `axes` [r, d] and `rest` in every other direction. `means` is [k, d].

    Sources: Lee et al. 2018, arXiv:1807.03888; few axes: Tipping and Bishop 1999, Probabilistic
    Principal Component Analysis.
    """

    means: NDArray[np.float32]
    axes: NDArray[np.float16]
    variances: NDArray[np.float32]
    rest: float

    def __call__(self, photos: Floats) -> NDArray[np.float32]:
        """Return the distances [n], 0 and more, of features [n, d]."""
        means, axes, scale, means_along, scaled = self._wide
        photos_along = _products(photos, axes)
        within = _squared(photos_along, *means_along)
        # What does not lie along the axes is what is left of the whole.
        beside = np.maximum(_squared(photos, *means) - within, 0.0)
        squared = _squared(photos_along * scale, *scaled) + beside / self.rest
        return np.asarray(np.sqrt(squared.min(axis=1)), np.float32)

    @cached_property
    def _wide(self) -> tuple[Points, Floats, Floats, Points, Points]:
        """Means, axes, their scale [r], the means along them, plain and scaled; double precision.

        All that does not hang on a photo: it is answered as fast again.
        """
        means, axes = self.means.astype(np.float64), self.axes.astype(np.float64)
        scale = 1 / np.sqrt(self.variances.astype(np.float64))
        along = _products(means, axes)
        return _points(means), axes, scale, _points(along), _points(along * scale)


@dataclass(frozen=True)
class LearnedRejection:
    """The distance as a share of the farthest that is answered, or what speaks for another style.

    The larger of the two counts, so beyond 1 a photo is refused. `weights` [d] and `offset` are
    those of a logistic regression of `features`, own styles against others, scaled so that it is 1
    where a building is refused.
    """

    distance: MahalanobisDistance
    farthest: float
    weights: NDArray[np.float32]
    offset: float

    def __call__(self, photos: Floats) -> NDArray[np.float32]:
        """Return the scores [n], above 0, of features [n, d]."""
        weights = self.weights[np.newaxis].astype(np.float64)
        other = _products(photos, weights)[:, 0] + self.offset
        return np.asarray(np.maximum(self.distance(photos) / self.farthest, other), np.float32)


Score = MahalanobisDistance | LearnedRejection


def save_score(path: Path, score: Score) -> None:
    """Write it as an .npz, the same bytes for the same values."""
    parts = asdict(score)
    np.savez(path, **parts.pop("distance", {}), **parts)


def load_score(path: Path) -> Score:
    """Read what `save_score` wrote; raises BundleError where it is missing or damaged."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as held:
            distance = MahalanobisDistance(
                held["means"], held["axes"], held["variances"], float(held["rest"])
            )
            if "weights" not in held:
                return distance
            offset, farthest = float(held["offset"]), float(held["farthest"])
            return LearnedRejection(distance, farthest, held["weights"], offset)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile, EOFError) as error:
        reason = getattr(error, "strerror", None) or "it is damaged"
        raise BundleError(f"{path} cannot be read ({reason}): {ADVICE}.") from error


def features(outputs: Outputs) -> Floats:
    """Return [n, d]: embeddings, and beside them peaks where there are some, both of length one.

    Unit length: Sun et al. 2022, arXiv:2204.06507. What a photo of no building shows strongly in
    one place stands out of the peaks.
    """
    parts = (outputs.embeddings, outputs.peaks)
    wide = [part.astype(np.float64) for part in parts if part is not None]
    # Those of length zero stay.
    scaled = [one / np.maximum(np.linalg.norm(one, axis=1, keepdims=True), 1e-12) for one in wide]
    return np.concatenate(scaled, axis=1)


def _products(photos: Floats, others: Floats) -> Floats:
    """Return the inner products [n, k] of [n, d] and [k, d].

    Not by `@`, whose BLAS has threads of its own: they wait busily for the next product and take
    the processor from the workers that answer other photos.
    """
    return np.asarray(np.einsum("nd,kd->nk", photos, others, optimize=False))


def _points(places: Floats) -> Points:
    return places, np.asarray((places**2).sum(1))


def _squared(photos: Floats, means: Floats, lengths: Floats) -> Floats:
    """Return the squared Euclidean distances [n, k] between [n, d] and `_points` [k, d]."""
    squares = (photos**2).sum(1)[:, None] + lengths - 2 * _products(photos, means)
    return np.asarray(np.maximum(squares, 0.0))
