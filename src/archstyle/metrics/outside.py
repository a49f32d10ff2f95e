"""How well photos of no such building are kept from an answer."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archstyle.bundle import Bundle
from archstyle.metrics.classification import Floats
from archstyle.metrics.predictions import Answers, answer_photos
from archstyle.photos.store import OUTSIDE, PhotoStore


@dataclass(frozen=True)
class Curve:
    """A receiver operating characteristic over m thresholds, from refusing nothing to all."""

    refused_buildings: Floats  # [m], share of the test photos
    refused_outside: Floats  # [m], share of the photos that show no such building
    area: float  # under it; 1 is best, 0.5 chance


@dataclass(frozen=True)
class Outside:
    """The answers to photos that show no such building, beside those to the test photos."""

    answers: Answers
    test: Answers
    curve: Curve | None  # None: the bundle knows no distances

    @property
    def refused_share(self) -> float:
        """The share that is not answered, for either reason."""
        return float(1 - self.answers.answered.mean())

    @property
    def unfamiliar_share(self) -> float:
        """The share that is refused by its distance."""
        return float(1 - self.answers.familiar.mean())

    def as_metrics(self) -> dict[str, float]:
        """Return flat numbers under stable names."""
        found: dict[str, float] = {
            "outside_photos": len(self.answers.files),
            "outside_refused_share": round(self.refused_share, 6),
            "outside_unfamiliar_share": round(self.unfamiliar_share, 6),
            "test_unfamiliar_share": round(float(1 - self.test.familiar.mean()), 6),
        }
        if self.curve is not None:
            found["outside_roc_auc"] = round(self.curve.area, 6)
        return found


def answer_outside(bundle: Bundle, raw: Path, test: Answers) -> Outside | None:
    """Answer the photos that fetch packed into data/raw/outside; None where it found none."""
    if not (raw / OUTSIDE).is_dir():
        return None
    with PhotoStore(raw / OUTSIDE) as store:
        answers = answer_photos(bundle, store, store.files(), skip=True)
    if not answers.files:
        return None
    curve = None
    if answers.distances is not None and test.distances is not None:
        curve = roc(test.distances, answers.distances)
    return Outside(answers, test, curve)


def roc(building: NDArray[Any], outside: NDArray[Any]) -> Curve:
    """Return the curve of refusing by distances [n] and [m]: high ones are outside.

    Fawcett: An Introduction to ROC Analysis, Pattern Recognition Letters 27, 2006.
    """
    thresholds = np.unique(np.concatenate([building, outside]))[::-1]
    ends = np.append(np.inf, thresholds)
    refused = [_at_least(values, ends) for values in (building, outside)]
    area = float(np.trapezoid(refused[1], refused[0]))
    return Curve(refused[0], refused[1], area)


def still_answered(outside: Outside, at_most: int) -> list[int]:
    """Return the indices of the photos that are answered all the same, the surest first."""
    answers = outside.answers
    answered = np.flatnonzero(answers.answered)
    order = np.argsort(-answers.probability[answered], kind="stable")
    return [int(i) for i in answered[order][:at_most]]


def _at_least(values: NDArray[Any], thresholds: Floats) -> Floats:
    rank = np.searchsorted(np.sort(values), thresholds, side="left")
    return np.asarray(1 - rank / len(values))
