"""The set of styles that a photo is answered with where one alone is not sure enough."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

LEAST = 2  # styles in a set: one alone was not sure enough; as many cost no penalty


@dataclass(frozen=True)
class PredictionSets:
    """Conformal prediction sets for the photos that no style alone is sure enough of.

    The label is in the set of the share `coverage` of such photos. A style is in it where its score
    is at most its one of `thresholds` [k]; the best LEAST styles always are.
    `metrics.conformal.fit_prediction_sets` chooses penalty and thresholds.
    """

    coverage: float
    penalty: float
    thresholds: tuple[float, ...]

    def members(self, probabilities: NDArray[Any]) -> NDArray[np.bool_]:
        """Return which styles [n, k] are in the sets of photos with these probabilities [n, k]."""
        found = scores(probabilities, self.penalty) <= np.asarray(self.thresholds)
        best = np.argsort(-probabilities, axis=1, kind="stable")[:, :LEAST]
        found[np.arange(len(best))[:, np.newaxis], best] = True
        return np.asarray(found, np.bool_)


def scores(probabilities: NDArray[Any], penalty: float) -> NDArray[np.float64]:
    """Return how badly each style [n, k] fits: what likelier styles have of the probability.

    And `penalty` for each rank after LEAST. That is RAPS (Angelopoulos et al. 2021,
    arXiv:2009.14193) with its random part at 1, so that a photo gets the same set again.
    """
    wide = np.asarray(probabilities, np.float64)
    ranks = np.arange(len(wide))[:, np.newaxis], np.argsort(-probabilities, axis=1, kind="stable")
    ranked, beyond = wide[ranks], np.maximum(np.arange(1, wide.shape[1] + 1) - LEAST, 0)
    found = np.empty_like(wide)
    found[ranks] = ranked.cumsum(axis=1) - ranked + penalty * beyond
    return found
