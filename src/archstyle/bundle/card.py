"""The card: what a person and a server need to know of a bundle; and what styles are called."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archstyle.photos.reader import Preprocessing

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


@dataclass(frozen=True)
class Card:
    """Travels in the bundle as card.json; fields that an older one lacks have their default.

    `temperature` is already inside the graph. A photo is answered when the probability of its best
    style is at least `threshold` and its distance at most `distance_threshold`, where there is
    one. `drawn` says that drawn facades, not photos, were trained on. `variants` tells of each
    precision that train made: validation accuracy, bytes and, for one of them, that it is served.
    `prediction_sets` say which styles a photo can show that none alone is sure enough of.
    `left_out` is the share of each other style that is refused as long as it is not learned from,
    None where it is the only one; empty where nothing was learned of other styles.
    """

    name: str
    styles: tuple[str, ...]
    preprocessing: Preprocessing
    temperature: float
    threshold: float
    drawn: bool
    source: dict[str, Any]
    data_digest: str
    counts: dict[str, dict[str, int]]
    config: dict[str, Any]
    metrics: dict[str, dict[str, float]] = field(default_factory=dict)
    lineage: dict[str, Any] = field(default_factory=dict)
    distance_threshold: float | None = None
    precision: str = "float32"
    variants: dict[str, dict[str, Any]] = field(default_factory=dict)
    prediction_sets: PredictionSets | None = None
    left_out: dict[str, float | None] = field(default_factory=dict)

    def sure(self, probability: NDArray[Any]) -> NDArray[np.bool_]:
        """Whether the best style's probability [n] is enough for an answer."""
        return np.asarray(np.asarray(probability, np.float64) >= self.threshold, np.bool_)

    def in_distribution(self, distances: NDArray[Any] | None) -> NDArray[np.bool_]:
        """Whether photos at these distances [n] lie near enough to what was trained on.

        One true value for all of them where the bundle knows no distances.
        """
        if distances is None or self.distance_threshold is None:
            return np.asarray(True)
        return np.asarray(np.asarray(distances, np.float64) <= self.distance_threshold, np.bool_)

    def members(
        self, probabilities: NDArray[Any], distances: NDArray[Any] | None
    ) -> NDArray[np.bool_] | None:
        """Return which styles [n, k] the photos can show: the best one where that is sure enough.

        None at all for a photo that is too far away. None where the card is too old for sets.
        """
        if self.prediction_sets is None:
            return None
        alone = np.eye(len(self.styles), dtype=np.bool_)[probabilities.argmax(axis=1)]
        sure = self.sure(probabilities.max(axis=1))[:, np.newaxis]
        found = np.where(sure, alone, self.prediction_sets.members(probabilities))
        return np.asarray(found & self.in_distribution(distances)[..., np.newaxis], np.bool_)

    def as_dict(self) -> dict[str, Any]:
        """Return what card.json holds."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Card":
        """Build a card from card.json; raises KeyError or TypeError where it does not fit."""
        known = {f.name: values[f.name] for f in fields(cls) if f.name in values}
        known["styles"] = tuple(known["styles"])
        known["preprocessing"] = Preprocessing(**known["preprocessing"])
        if sets := known.get("prediction_sets"):
            thresholds = tuple(sets["thresholds"])
            known["prediction_sets"] = PredictionSets(**{**sets, "thresholds": thresholds})
        return cls(**known)


def labels(styles: tuple[str, ...]) -> dict[str, dict[str, str]]:
    """Return {"en": {style: name}}: the folder's name as people write it; the page knows more."""
    words = {style: style.replace("_", " ").replace("-", " ").strip() for style in styles}
    return {"en": {style: text[:1].upper() + text[1:] for style, text in words.items()}}


def in_words(names: Sequence[str], conjunction: str = "or") -> str:
    """Return `a, b or c`."""
    return f" {conjunction} ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))
