"""Whether a candidate may take the champion's place: a paired bootstrap on the same photos.

Efron, Tibshirani: An Introduction to the Bootstrap, 1993, chapters 13 and 16; Koehn: Statistical
Significance Tests for Machine Translation Evaluation, EMNLP 2004, for the pairing.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

DRAWS = 2000
CONFIDENCE = 0.95

Correct = NDArray[np.bool_]


@dataclass(frozen=True)
class Comparison:
    """Accuracy of both on the same photos, in 0..1; the difference is the candidate's gain."""

    candidate: float
    champion: float
    difference: float
    low: float
    high: float
    photos: int


@dataclass(frozen=True)
class Decision:
    """The alias that a candidate gets, with the reasons in plain words."""

    alias: str  # champion or challenger
    reasons: tuple[str, ...]
    comparison: Comparison | None = None


def compare(candidate: Correct, champion: Correct, seed: int = 0, draws: int = DRAWS) -> Comparison:
    """Return the difference in accuracy with its 95 % interval.

    `candidate` and `champion` [n] say which of the same n photos each answers rightly, n > 0. A
    draw of n photos with replacement only matters by how many of them one alone gets right, so it
    is a multinomial draw.
    """
    if candidate.shape != champion.shape or candidate.ndim != 1 or not len(candidate):
        raise ValueError("the vectors must be of one length above 0")
    photos = len(candidate)
    gains, losses = int((candidate & ~champion).sum()), int((champion & ~candidate).sum())
    shares = np.array([gains, losses, photos - gains - losses]) / photos
    drawn = np.random.default_rng(seed).multinomial(photos, shares, size=draws)
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile((drawn[:, 0] - drawn[:, 1]) / photos, [tail, 1 - tail])
    return Comparison(
        candidate=float(candidate.mean()),
        champion=float(champion.mean()),
        difference=(gains - losses) / photos,
        low=float(low),
        high=float(high),
        photos=photos,
    )


def decide(comparison: Comparison, tolerance: float) -> Decision:
    """Champion unless worse: by more than `tolerance` (a share), or beyond what chance explains."""
    lost = -comparison.difference
    told = (
        f"On the same {comparison.photos} test photos it is right on "
        f"{_percent(comparison.candidate)}, the champion on {_percent(comparison.champion)} "
        f"(difference {_points(comparison.difference)}, 95 % interval {_points(comparison.low)} to "
        f"{_points(comparison.high)})."
    )
    reasons = []
    # Shares of n photos are not exact in binary; a photo is never less than this.
    if lost > tolerance + 1e-9:
        reasons.append(f"It loses more than the {_points(tolerance)[1:]} that are tolerated.")
    if comparison.high < 0:
        reasons.append("It is worse by more than chance explains.")
    if reasons:
        return Decision("challenger", (told, *reasons), comparison)
    return Decision("champion", (told, "It is not worse."), comparison)


def first_champion() -> Decision:
    """Return the decision where there is nothing to compare with."""
    return Decision("champion", ("There was no champion yet.",))


def decide_on_data(candidate_drawn: bool, champion_drawn: bool) -> Decision | None:
    """Decide by what the two were trained on; None where that decides nothing."""
    if candidate_drawn and not champion_drawn:
        return Decision(
            "challenger",
            (
                "It was trained on drawn facades and the champion on photos: it is never promoted "
                "over that.",
            ),
        )
    if champion_drawn and not candidate_drawn:
        return Decision(
            "champion",
            ("It was trained on photos and the champion on drawn facades only.",),
        )
    return None


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _points(share: float) -> str:
    return f"{100 * share:+.1f} points"
