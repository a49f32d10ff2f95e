"""What is refused: photos far from the styles' own, and buildings like those of other styles."""

from collections import defaultdict
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sklearn.covariance import ledoit_wolf
from sklearn.linear_model import LogisticRegression

from archstyle.bundle.graph import Graph
from archstyle.bundle.out_of_distribution import LearnedRejection, MahalanobisDistance, features
from archstyle.common.parallel import parallel_map
from archstyle.data.arrays import Arrays, Others
from archstyle.data.crops import faint
from archstyle.metrics.classification import Floats, Ints
from archstyle.photos.reader import to_array

PHOTOS = 1000  # that the distance is fitted on; more hardly change it
OTHERS = 60  # photos of each other style that are learned from; 150 teach no more than 40
AXES = 32  # 16 to 64 tell photos of no building from buildings equally well; more do it worse
STRENGTH = 10.0  # of the regression, as scikit-learn's C
FOLDS = 6  # in which whole styles are left out


def own_features(graph: Graph, arrays: Arrays) -> tuple[Floats, Ints]:
    """Return what `features` says of training photos [m, d], and their labels [m].

    Whole photos and crops in turn, so that a detail counts as a building too.
    """
    chosen, side = _spread(len(arrays.train_labels)), arrays.validation_images.shape[1]

    def example(number: int) -> list[NDArray[np.uint8]]:
        photo = int(chosen[number])
        made = arrays.train_images[photo]
        if number % 2 and arrays.copies:
            made = arrays.draw(photo, [1 + number // 2 % arrays.copies])[0]
        return [to_array(Image.fromarray(made), side)]

    found = _features(graph, range(len(chosen)), example, "distances")
    return found[:, 0], arrays.train_labels[chosen]


def fit_distance(photos: Floats, labels: Ints, axes: int = AXES) -> MahalanobisDistance:
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


class Rejection:
    """Learns to refuse other styles, from what one graph makes of their photos and of its own.

    Outlier exposure (Hendrycks et al. 2019, arXiv:1812.04606) behind a network that never saw the
    other styles. Every photo counts twice, as it is and faint, so that no format speaks for another
    style: the others may come from other collections.
    """

    def __init__(
        self,
        graph: Graph,
        others: Others,
        distance: MahalanobisDistance,
        farthest: float,
        held: Floats,
    ) -> None:
        """Read PHOTOS own photos, and up to OTHERS of each other style.

        What lies beyond the distance `farthest` is refused anyway. `held` are the features [m, d]
        of validation photos, as they are.
        """
        self._distance, self._farthest, self._held = distance, farthest, held
        by_style = defaultdict(list)
        for number, style in enumerate(others.styles):
            by_style[style].append(number)
        taken = [number for found in by_style.values() for number in found[:OTHERS]]
        self.styles = np.array([others.styles[number] for number in taken])
        own = _spread(others.photos).tolist()
        self._own = _features(graph, own, lambda n: _both(others.read_own(n)), "own styles")
        self._others = _features(graph, taken, lambda n: _both(others.read(n)), "other styles")

    def fit(self, refused: float, known: NDArray[np.bool_] | None = None) -> LearnedRejection:
        """Refuse the share `refused` of validation photos as another style.

        `known` [m] says which photos of others are learned from, by default all.
        """
        of_others = self._others if known is None else self._others[known]
        photos = np.concatenate([one.reshape(-1, one.shape[-1]) for one in (self._own, of_others)])
        mean = photos.mean(axis=0)  # the regression's offset is not to be shrunk
        other = np.arange(len(photos)) >= self._own.shape[0] * self._own.shape[1]
        found = LogisticRegression(C=STRENGTH, class_weight="balanced", max_iter=1000)
        weights = found.fit(photos - mean, other).coef_[0]
        odds = (self._held - mean) @ weights
        limit, spread = float(np.quantile(odds, 1 - refused)), max(float(odds.std()), 1e-12)
        offset = 1 - (float(mean @ weights) + limit) / spread
        scaled = (weights / spread).astype(np.float32)
        return LearnedRejection(self._distance, self._farthest, scaled, offset)

    def left_out(self, refused: float) -> dict[str, float | None]:
        """Return the share of each other style that is refused where it was not learned from.

        Whole styles are left out, in FOLDS turns; one alone cannot be, which gives None.
        """
        styles = sorted(set(self.styles.tolist()))
        shares: dict[str, float | None] = dict.fromkeys(styles)
        for fold in range(min(FOLDS, len(styles))) if len(styles) > 1 else ():
            left = styles[fold::FOLDS]
            score = self.fit(refused, ~np.isin(self.styles, left))
            for style in left:
                far = score(self._others[self.styles == style, 0])
                shares[style] = round(float((far > 1).mean()), 4)
        return shares


def _spread(photos: int) -> Ints:
    """Return the numbers of up to PHOTOS of the photos, evenly spread."""
    return np.linspace(0, photos - 1, min(PHOTOS, photos), dtype=np.int64)


def _both(photo: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    return [photo, faint(photo)]


def _features(
    graph: Graph, numbers: Sequence[int], read: Callable[[int], list[NDArray[np.uint8]]], name: str
) -> Floats:
    """Return what `features` says [m, forms, d] of the forms of each of m photos."""

    def work(number: int) -> Floats:
        return np.stack([features(graph.run(photo[np.newaxis]))[0] for photo in read(number)])

    return np.stack([*parallel_map(work, numbers, len(numbers), name)])
