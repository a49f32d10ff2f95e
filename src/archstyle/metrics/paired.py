"""Whether a candidate may take the champion's place: a paired test that it is not worse.

Both answer the same photos. Promoted is what is shown to lose no more than a margin (a test of
non-inferiority), in accuracy and in the Brier score, which says more about few photos. Each is
bounded with 92.5 % confidence: as both must hold, under 5 % of the candidates that lose two points
pass, and half of the equal ones beside two incumbents. benchmarks/gate.py simulates both.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest, bootstrap, norm

from archstyle.metrics.classification import Floats, Ints

CONFIDENCE = 0.925  # that a bound holds; a test on one side
SIGNIFICANCE = 0.05  # of McNemar's test
BRIER_SHARE = 0.6  # of the accuracy's margin: a lost photo costs that much of the score, or more
RESAMPLES = 2000


@dataclass(frozen=True)
class Scored:
    """What n answers are worth, photo by photo."""

    correct: NDArray[np.bool_]  # [n]
    brier: Floats  # [n], 0 (certain and right) to 1 (certain and wrong)


@dataclass(frozen=True)
class Gain:
    """What the candidate gains over another, negative where it loses, as a share of the photos."""

    value: float
    low: float  # the gain is at least this, with CONFIDENCE
    error: float  # standard error


@dataclass(frozen=True)
class Comparison:
    """A candidate beside one incumbent, a champion of now or before, on the same photos."""

    photos: int
    candidate: float  # accuracies in 0..1
    incumbent: float
    gained: int  # photos that the candidate alone answers rightly
    lost: int  # photos that the incumbent alone answers rightly
    accuracy: Gain
    brier: Gain
    mcnemar: float  # p that gained and lost differ so much by chance, on two sides

    @property
    def better(self) -> bool:
        """Whether the candidate is shown to be better; then it is the next fixed reference."""
        return self.accuracy.low > 0 and self.brier.low > 0

    @property
    def worse(self) -> bool:
        """Whether the candidate is shown to be worse, be it by little."""
        return self.lost > self.gained and self.mcnemar < SIGNIFICANCE

    def passes(self, tolerance: float) -> bool:
        """Whether it loses at most `tolerance` of accuracy, shown by accuracy and Brier score."""
        enough = self.accuracy.low > -tolerance and self.brier.low > -tolerance * BRIER_SHARE
        return enough and not self.worse

    def power(self, tolerance: float) -> tuple[float, float]:
        """Return what so many photos can tell of candidates that differ as much as this one.

        The share of equally good ones that passes, and how many times the photos half of them need.
        """
        bounds = (self.accuracy, tolerance), (self.brier, tolerance * BRIER_SHARE)
        z = float(norm.ppf(CONFIDENCE))
        passed = min(float(norm.cdf(most / max(gain.error, 1e-9) - z)) for gain, most in bounds)
        return passed, max((z * gain.error / max(most, 1e-9)) ** 2 for gain, most in bounds)


@dataclass(frozen=True)
class Decision:
    """The alias that a candidate gets, with the reasons in plain words."""

    alias: str  # champion or challenger
    reasons: tuple[str, ...]
    comparisons: Mapping[str, Comparison] | None = None


def score_photos(probabilities: NDArray[np.floating], labels: Ints) -> Scored:
    """Return what probabilities [n, k] are worth by the labels [n], indices into their k styles.

    The Brier score is halved, so that it is 1 at most (Brier, Monthly Weather Review 78, 1950).
    Two models that know other styles are each scored by their own columns.
    """
    wide = probabilities.astype(np.float64)
    aims = np.eye(wide.shape[1])[labels]
    return Scored(wide.argmax(axis=1) == labels, ((wide - aims) ** 2).sum(axis=1) / 2)


def compare(candidate: Scored, incumbent: Scored, seed: int = 0) -> Comparison:
    """Compare two on the same n photos; raises ValueError where they are not the same or none.

    The bound on accuracy is that of Agresti and Min (Statistics in Medicine 24, 2005), which holds
    for few photos and where no answer differs; that on the Brier score a bootstrap of the paired
    differences (Efron, Tibshirani: An Introduction to the Bootstrap, 1993, chapter 13).
    """
    photos = len(candidate.correct)
    if candidate.correct.shape != incumbent.correct.shape or not photos:
        raise ValueError("both must answer the same photos, one or more")
    gained = int((candidate.correct & ~incumbent.correct).sum())
    lost = int((incumbent.correct & ~candidate.correct).sum())
    return Comparison(
        photos=photos,
        candidate=float(candidate.correct.mean()),
        incumbent=float(incumbent.correct.mean()),
        gained=gained,
        lost=lost,
        accuracy=_accuracy_gain(gained, lost, photos),
        brier=_mean_gain(incumbent.brier - candidate.brier, seed),
        mcnemar=float(binomtest(lost, gained + lost).pvalue) if gained + lost else 1.0,
    )


def decide_on_data(candidate_drawn: bool, champion_drawn: bool) -> Decision | None:
    """Decide by what the two were trained on; None where that decides nothing."""
    if candidate_drawn and not champion_drawn:
        refused = "It was trained on drawn facades and the champion on photos"
        return Decision("challenger", (f"{refused}: it is never promoted over that.",))
    if champion_drawn and not candidate_drawn:
        better = "It was trained on photos and the champion on drawn facades only."
        return Decision("champion", (better,))
    return None


def _accuracy_gain(gained: int, lost: int, photos: int) -> Gain:
    # Half a photo more in each of the four cells: gained, lost, both right, both wrong.
    total, apart = photos + 2, gained - lost
    error = float(np.sqrt(gained + lost + 1 - apart**2 / total)) / total
    low = apart / total - float(norm.ppf(CONFIDENCE)) * error
    return Gain(apart / photos, low, error)


def _mean_gain(gains: Floats, seed: int) -> Gain:
    if len(gains) == 1:
        return Gain(float(gains[0]), -1.0, 1.0)  # one photo shows nothing
    drawn = bootstrap(
        (gains,),
        np.mean,
        n_resamples=RESAMPLES,
        confidence_level=CONFIDENCE,
        alternative="greater",
        method="percentile",
        rng=np.random.default_rng(seed),
    )
    low = float(drawn.confidence_interval.low)
    return Gain(float(gains.mean()), low, float(drawn.standard_error))
