"""Fits prediction sets on validation photos, and measures what sets are worth."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from archstyle.bundle.card import PredictionSets, scores
from archstyle.metrics.classification import CONFIDENCE, Interval, Ints, correct_interval

PENALTIES = (0.0, 0.003, 0.01, 0.03, 0.1, 0.3)
FOLDS = 5
FEWEST = 40  # least sure photos that sets are fitted on, though fewer be not sure enough
POOLED = 30  # photos that all styles together count as beside a style's own


def fit_prediction_sets(
    probabilities: NDArray[np.floating], labels: Ints, threshold: float, coverage: float
) -> PredictionSets | None:
    """Return sets that hold the label of the share `coverage` of photos less sure than `threshold`.

    Split conformal on those of the given photos, by their calibrated probabilities [n, k]. The
    penalty is what makes the sets smallest out of fold. Each style has its own threshold, drawn
    towards that of all as if these were POOLED photos more. None where there is no photo; of fewer
    than 1 / (1 - coverage) the worst score is the threshold, which promises less.
    """
    best = probabilities.max(axis=1)
    unsure = max(int((best < threshold).sum()), FEWEST)
    chosen = np.argsort(best, kind="stable")[:unsure]
    given, aims = probabilities[chosen], labels[chosen]
    if not len(aims):
        return None
    folds = np.argsort(np.argsort(aims, kind="stable")) % FOLDS

    def styles(penalty: float) -> int:
        count = 0
        for fold in range(min(FOLDS, len(aims))):
            rest, out = folds != fold, folds == fold
            if rest.any():
                sets = _fitted(given[rest], aims[rest], penalty, coverage)
                count += int(sets.members(given[out]).sum())
        return count

    return _fitted(given, aims, min(PENALTIES, key=styles), coverage)


def _fitted(
    probabilities: NDArray[np.floating], labels: Ints, penalty: float, coverage: float
) -> PredictionSets:
    photos, k = probabilities.shape
    of_label = scores(probabilities, penalty)[np.arange(photos), labels]
    order = np.argsort(of_label, kind="stable")
    own = labels[order] == np.arange(k)[:, np.newaxis]
    weights = np.where(own, 1.0, POOLED / photos)
    # The photo that is to be answered counts as well, and its score may be the highest.
    shares = np.cumsum(weights, axis=1) / (weights.sum(axis=1, keepdims=True) + 1)
    last = np.minimum((shares < coverage).sum(axis=1), photos - 1)
    thresholds = of_label[order][last]
    # The same for all styles, so that the coverage of all photos is what was asked for.
    missing = np.sort(of_label - thresholds[labels])
    rank = min(math.ceil((photos + 1) * coverage - 1e-9), photos)
    thresholds = thresholds + missing[rank - 1] + 1e-9
    return PredictionSets(coverage, penalty, tuple(thresholds.tolist()))


@dataclass(frozen=True)
class SetScores:
    """What the sets of n photos are worth; a photo that is answered has its one style as set."""

    coverage: Interval  # share of the photos whose set holds their label
    size: Interval  # mean number of styles in a set
    unsure_coverage: Interval | None  # of the photos that no style alone is sure enough of
    unsure_size: float | None  # None as above: there is none
    styles: list[tuple[Interval, float] | None]  # coverage and size by label; None: no photo

    def as_metrics(self) -> dict[str, float]:
        """Return flat numbers under stable names."""
        every = {"set_coverage": self.coverage, "mean_set_size": self.size}
        if self.unsure_coverage is not None:
            every["unsure_set_coverage"] = self.unsure_coverage
        found: dict[str, float] = {}
        for name, of in every.items():
            found |= {name: of.value, f"{name}_low": of.low, f"{name}_high": of.high}
        more = {} if self.unsure_size is None else {"unsure_mean_set_size": self.unsure_size}
        return found | more


def score_sets(
    members: NDArray[np.bool_], labels: Ints, samples: int, seed: int
) -> SetScores | None:
    """Measure sets [n, k] by the labels [n]; photos without a set are left out, None where all are.

    Intervals are percentile bootstraps over the photos.
    """
    given = members.any(axis=1)
    members, labels = members[given], labels[given]
    size = members.sum(axis=1)
    held = np.take_along_axis(members, labels[:, np.newaxis], axis=1)[:, 0]

    def share(chosen: NDArray[np.bool_]) -> tuple[Interval, float] | None:
        found = correct_interval(held[chosen], samples, seed)
        return None if found is None else (found, float(size[chosen].mean()))

    every = share(np.ones(len(labels), np.bool_))
    if every is None:
        return None
    unsure = share(size > 1)
    # Drawing photos is a multinomial draw over the sizes of their sets.
    counts = np.bincount(size)
    drawn = np.random.default_rng(seed).multinomial(len(size), counts / len(size), samples)
    tail = (1 - CONFIDENCE) / 2
    ends = np.quantile(drawn @ np.arange(len(counts)) / len(size), [tail, 1 - tail]).tolist()
    return SetScores(
        coverage=every[0],
        size=Interval(float(size.mean()), *ends),
        unsure_coverage=unsure[0] if unsure else None,
        unsure_size=unsure[1] if unsure else None,
        styles=[share(labels == style) for style in range(members.shape[1])],
    )
