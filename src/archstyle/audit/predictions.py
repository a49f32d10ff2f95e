"""What a model that never saw a photo says about it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archstyle.common.console import progress
from archstyle.errors import ArchstyleError

FOLDS = 5
# Strong: a head that can learn a wrong label by heart finds nothing wrong with it. Measured on
# 1,300 photographs; fewer weigh less against it, so it is made weaker for them.
INVERSE_REGULARIZATION, MEASURED_ON = 0.001, 1300
TOO_FEW = (
    "The audit needs at least two styles with two photographs each: add photos and run "
    "`dvc repro prepare`."
)


@dataclass(frozen=True)
class OutOfFold:
    """Probabilities [n, k] that come of photos of other photographs only."""

    probabilities: NDArray[np.float64]
    labels: NDArray[np.int64]

    @property
    def accuracy(self) -> float:
        """How often the label is the likeliest style."""
        return float((self.probabilities.argmax(axis=1) == self.labels).mean())


def out_of_fold(
    features: NDArray[np.float32], labels: NDArray[np.int64], together: Sequence[str], seed: int
) -> OutOfFold:
    """Predict each photo by a linear head that was fitted on the other folds.

    `features` [n, d], `labels` [n] in 0..k-1, each of which occurs; photos of equal `together`
    share a fold. Raises ArchstyleError where a style has too few to be spread over two folds.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    styles = int(labels.max()) + 1
    pairs = set(zip(labels.tolist(), together, strict=True))
    fewest = min(Counter(label for label, _ in pairs).values())
    if fewest < 2 or styles < 2:
        raise ArchstyleError(TOO_FEW)
    folds = min(FOLDS, fewest)
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    probabilities = np.zeros((len(labels), styles))
    split = splitter.split(features, labels, together)
    for others, fold in progress(split, "folds", folds):
        if len(np.unique(labels[others])) < 2:
            raise ArchstyleError(TOO_FEW)
        head = fit_head(features[others], labels[others])
        # A style whose photographs are all in this fold has no column.
        known = head.classes_
        probabilities[np.ix_(fold, known)] = head.predict_proba(features[fold])
    return OutOfFold(probabilities, labels)


def fit_head(features: NDArray[np.float32], labels: NDArray[np.int64]) -> Any:
    """Return a logistic regression on standardised features."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from threadpoolctl import threadpool_limits

    strength = INVERSE_REGULARIZATION * max(1.0, MEASURED_ON / len(labels))
    regression = LogisticRegression(C=strength, max_iter=1000)
    # The steps are so small that several threads would mostly wait for each other.
    with threadpool_limits(1):
        return make_pipeline(StandardScaler(), regression).fit(features, labels)


def doubt(predicted: OutOfFold) -> NDArray[np.int64]:
    """Return the photos' indices, the label that is least believed first.

    Source: self-confidence, Northcutt et al. 2021, arXiv:1911.00068.
    """
    from cleanlab.rank import get_label_quality_scores

    scores = get_label_quality_scores(predicted.labels, predicted.probabilities)
    order: NDArray[np.int64] = np.argsort(scores, kind="stable")
    return order


def doubted(predicted: OutOfFold) -> NDArray[np.bool_]:
    """Return which labels confident learning takes for wrong (same source)."""
    from cleanlab.filter import find_label_issues

    issues: NDArray[np.bool_] = find_label_issues(
        predicted.labels, predicted.probabilities, n_jobs=1
    )
    return issues


def nearest(
    features: NDArray[np.float32], photo: int, among: NDArray[np.int64], count: int
) -> list[int]:
    """Return the `count` photos of `among` that look most like the photo, by cosine."""
    likeness = features[among] @ features[photo]
    return [int(among[i]) for i in np.argsort(-likeness, kind="stable")[:count]]
