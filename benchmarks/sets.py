"""What prediction sets are worth, simulated: `python -m benchmarks.sets`.

A made-up world of 26 styles in which two of three have a neighbour, and some are harder than
others. Sets are fitted on 1,200 photos and measured on 4,800, twenty times.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from archstyle.bundle.card import PredictionSets
from archstyle.common.console import progress, run, say
from archstyle.metrics import conformal
from archstyle.metrics.classification import Floats, Ints, fit_temperature, fit_threshold, softmax

STYLES, PHOTOS, FITTED, DRAWS = 26, 6000, 1200, 20
ACCURACIES = (0.80, 0.86)
TARGET, COVERAGE = 0.97, 0.95
ALIKE = 10**9  # as POOLED: one threshold for all styles
WAYS = (  # name, whether all photos are fitted on, POOLED
    ("all photos, one", True, ALIKE),
    ("those not sure, one", False, ALIKE),
    ("those not sure, each style's", False, conformal.POOLED),
)


def world(accuracy: float, seed: int = 1) -> tuple[Floats, Ints]:
    """Return calibrated probabilities [PHOTOS, STYLES] that are right that often, and labels."""
    random = np.random.default_rng(seed)
    labels = random.choice(STYLES, PHOTOS, p=random.dirichlet(np.full(STYLES, 3.0)))
    centres = random.normal(size=(STYLES, 12))
    for first in range(0, STYLES - 2, 3):
        centres[first + 1] = centres[first] + 0.75 * random.normal(size=12)
        centres[first + 2] = centres[first] + 0.9 * random.normal(size=12)
    hardness = random.uniform(0.6, 1.5, STYLES)
    noise = random.normal(size=(PHOTOS, 12)) * hardness[labels][:, np.newaxis]

    def logits(scale: float) -> Floats:
        points = centres[labels] + scale * noise
        apart = ((points[:, np.newaxis] - centres) ** 2).sum(axis=2)
        return np.asarray(-apart / (2 * scale**2))

    def missing(scale: float) -> float:
        return float((logits(scale).argmax(axis=1) == labels).mean()) - accuracy

    found = logits(float(brentq(missing, 0.1, 3.0, xtol=1e-3)))
    third = PHOTOS // 3
    return softmax(found, fit_temperature(found[:third], labels[:third])), labels


def members(sets: PredictionSets, probabilities: Floats, threshold: float) -> NDArray[np.bool_]:
    """Return the sets [n, k]; the best style alone where it is sure enough."""
    alone = np.eye(STYLES, dtype=np.bool_)[probabilities.argmax(axis=1)]
    sure = probabilities.max(axis=1, keepdims=True) >= threshold
    return np.asarray(np.where(sure, alone, sets.members(probabilities)), np.bool_)


def main(_: object = None) -> None:
    of_all = f"{'accuracy':>8}{'fitted on, thresholds':>32}{'coverage':>9}{'size':>6}"
    say(of_all + f"{'not sure':>9}{'coverage':>9}{'size':>6}{'worst style':>12}")
    for accuracy in ACCURACIES:
        given, labels = world(accuracy)
        for name, every, pooled in WAYS:
            conformal.POOLED = pooled
            rows, styles = [], []
            for seed in progress(range(DRAWS), name):
                order = np.random.default_rng(seed).permutation(PHOTOS)
                fitted, new = order[:FITTED], order[FITTED:]
                threshold = fit_threshold(given[fitted], labels[fitted], TARGET)
                used = 1.1 if every else threshold
                sets = conformal.fit_prediction_sets(given[fitted], labels[fitted], used, COVERAGE)
                assert sets is not None
                found = members(sets, given[new], threshold)
                scored = conformal.score_sets(found, labels[new], 10, seed)
                assert scored and scored.unsure_coverage and scored.unsure_size
                unsure = float((found.sum(axis=1) > 1).mean())
                values = scored.coverage.value, scored.size.value, unsure
                rows.append([*values, scored.unsure_coverage.value, scored.unsure_size])
                styles.append([of[0].value if of else np.nan for of in scored.styles])
            coverage, size, unsure, of_unsure, size_of_unsure = np.mean(rows, axis=0)
            worst = np.nanmean(styles, axis=0).min()
            of_all = f"{accuracy:8.2f}{name:>32}{coverage:9.3f}{size:6.2f}"
            say(of_all + f"{unsure:9.2f}{of_unsure:9.3f}{size_of_unsure:6.1f}{worst:12.3f}")


if __name__ == "__main__":
    run(main)
