"""What the promotion gate lets pass, simulated: `python -m benchmarks.gate` draws docs/gate.png.

A made-up world in which the truth is known. A model adds up what all models see in a photo and what
it alone sees; the two shares, and so how often two equally good models differ, are those of linear
heads on photos of the reference (docs/decisions/0041-gate.md). A worse model has more noise of its
own, as after too few photos, or gives some photos away as surely as it was right before.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.special import softmax
from scipy.stats import norm

from archstyle.common.console import progress, run, say
from archstyle.metrics.paired import Comparison, Scored, compare, score_photos

ROOT = Path(__file__).parents[1]
STYLES = 4
ACCURACY = 0.97  # of a model without a loss
OWN = 0.10  # share of the variance that is a model's own
TOLERANCE = 0.02
SIZES = (60, 120, 240, 480, 960)
LOSSES = (0.0, 0.01, 0.02, 0.03)
KINDS = ("noise", "giveaway")
TRIALS = 1000
CANDIDATES = 50  # in a chain; those that pass take the champion's place

Gate = Callable[[Comparison, Comparison], bool]  # beside the present champion, beside the reference


@dataclass(frozen=True)
class World:
    """n photos as all models see them."""

    random: np.random.Generator
    labels: NDArray[np.int64]  # [n]
    shared: NDArray[np.float64]  # [n, STYLES]

    @classmethod
    def of(cls, photos: int, seed: int) -> "World":
        """Draw photos."""
        random = np.random.default_rng(seed)
        shared = random.normal(size=(photos, STYLES)) * np.sqrt(1 - OWN)
        return cls(random, random.integers(0, STYLES, photos), shared)

    def model(self, loss: float = 0.0, kind: str = "noise") -> Scored:
        """Return a model's answers; it is right on ACCURACY - loss of all photos there are."""
        noisy = loss if kind == "noise" else 0.0
        signal = separation(ACCURACY)
        # Of variance one without a loss; its accuracy follows from signal over deviation.
        variance = (signal / separation(ACCURACY - noisy)) ** 2
        own = self.random.normal(size=self.shared.shape) * np.sqrt(variance - 1 + OWN)
        evidence = signal * np.eye(STYLES)[self.labels] + self.shared + own
        probabilities = softmax(evidence * signal / variance, axis=1)  # calibrated
        if kind == "giveaway":
            right = probabilities.argmax(axis=1) == self.labels
            given = right & (self.random.random(len(right)) < loss / ACCURACY)
            probabilities[given] = np.roll(probabilities[given], 1, axis=1)
        return score_photos(probabilities, self.labels)


def separation(accuracy: float) -> float:
    """Return the distance of the true style's evidence that gives an accuracy, in deviations."""

    def right(distance: float) -> float:
        density = lambda x: norm.pdf(x) * norm.cdf(x + distance) ** (STYLES - 1)  # noqa: E731
        return float(quad(density, -8, 8)[0])

    if accuracy not in _known:
        _known[accuracy] = float(brentq(lambda d: right(d) - accuracy, 0.1, 8))
    return _known[accuracy]


_known: dict[float, float] = {}


def share_promoted(
    photos: int, loss: float, kind: str, trials: int = TRIALS, incumbents: int = 1
) -> float:
    """Return how often a candidate that is worse by `loss` takes the champion's place.

    Two incumbents are a champion and a reference that is as good.
    """
    passed = 0
    for seed in range(trials):
        world = World.of(photos, seed)
        beside, candidate = [world.model() for _ in range(incumbents)], world.model(loss, kind)
        passed += all(compare(candidate, one, seed).passes(TOLERANCE) for one in beside)
    return passed / trials


def chain(gate: Gate, photos: int, step: float, seed: int) -> tuple[float, int]:
    """Return the true accuracy after CANDIDATES candidates, and how many took the place.

    Each is `step` worse than the champion that it challenges, and each is judged on other photos,
    which makes it easiest to get through by chance. The reference is the first champion, or a later
    one that was shown to be better.
    """
    lost, of_reference, promotions = 0.0, 0.0, 0
    for number in range(CANDIDATES):
        world = World.of(photos, seed * CANDIDATES + number)
        champion, reference = world.model(lost), world.model(of_reference)
        candidate = world.model(lost + step)
        beside = compare(candidate, champion, number), compare(candidate, reference, number)
        if gate(*beside):
            lost, promotions = lost + step, promotions + 1
            of_reference = lost if beside[1].better else of_reference
    return ACCURACY - lost, promotions


def old_gate(present: Comparison, _: Comparison) -> bool:
    """Pass what loses at most a point on these photos, and is not worse beyond chance."""
    return present.candidate >= present.incumbent - 0.01 - 1e-9 and not present.worse


def present_gate(present: Comparison, _: Comparison) -> bool:
    """Test against the present champion alone."""
    return present.passes(TOLERANCE)


def reference_gate(present: Comparison, reference: Comparison) -> bool:
    """Test against the present champion and the best that there was."""
    return present.passes(TOLERANCE) and reference.passes(TOLERANCE)


def main(_: object = None) -> None:
    cells = [(loss, kind) for kind in KINDS for loss in LOSSES if loss or kind == KINDS[0]]
    shares = {
        (photos, *cell): share_promoted(photos, *cell)
        for photos, cell in progress([(p, c) for p in SIZES for c in cells], "gate")
    }
    say("Share promoted of candidates whose true accuracy is lower by\n")
    say(f"{'photos':>8}" + "".join(f"{f'{loss:.2f} {kind}':>15}" for loss, kind in cells))
    for photos in SIZES:
        say(f"{photos:8}" + "".join(f"{shares[photos, *cell]:15.3f}" for cell in cells))
    both = [share_promoted(240, *cell, incumbents=2) for cell in progress(cells, "reference")]
    say("240 and a reference that is as good as the champion:")
    say(" " * 8 + "".join(f"{share:15.3f}" for share in both))
    say(f"\n{CANDIDATES} candidates in a row on 240 photos each, all worse than the champion:")
    say(f"{'by':>8}{'gate':>20}{'promoted':>10}{'true accuracy, mean':>21}{'lowest of 20':>14}")
    for step in (0.005, 0.01):
        for name, gate in (
            ("before", old_gate),
            ("present champion", present_gate),
            ("and reference", reference_gate),
        ):
            ends = [chain(gate, 240, step, seed) for seed in progress(range(20), name)]
            true, promoted = np.array(ends).T
            say(f"{step:8}{name:>20}{promoted.mean():10.1f}{true.mean():21.3f}{true.min():14.3f}")
    draw(shares)


def draw(shares: dict[tuple[int, float, str], float]) -> None:
    """Write docs/gate.png."""
    from matplotlib import rcParams
    from matplotlib.figure import Figure
    from matplotlib.ticker import NullLocator, PercentFormatter, ScalarFormatter

    from archstyle.reports.theme import FIRST, LIGHT, SECOND, applied, save

    with applied(LIGHT):
        figure = Figure(figsize=(6.4, 3.6), layout="constrained")
        axes = figure.subplots()
        for (loss, kind), colour in zip(
            [(loss, "noise") for loss in LOSSES],
            (FIRST, rcParams["axes.labelcolor"], SECOND, rcParams["text.color"]),
            strict=True,
        ):
            name = f"worse by {100 * loss:.0f} %" if loss else "as good"
            values = [shares[photos, loss, kind] for photos in SIZES]
            axes.plot(SIZES, values, color=colour, label=name, marker="o", markersize=4)
        axes.axhline(0.05, color=rcParams["axes.labelcolor"], linewidth=1, linestyle=(0, (4, 3)))
        axes.axvline(240, color=rcParams["axes.labelcolor"], linewidth=1, linestyle=(0, (4, 3)))
        axes.set_xscale("log")
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(ScalarFormatter())
        axes.set_xticks(SIZES, [str(photos) for photos in SIZES])
        axes.set_xlabel("photos that neither has seen")
        axes.set_ylabel("share promoted")
        axes.yaxis.set_major_formatter(PercentFormatter(1.0))
        axes.set_ylim(-0.02, 1.02)
        figure.legend(loc="outside right upper", title="the candidate is truly")
        save(figure, ROOT / "docs" / "gate.png")


if __name__ == "__main__":
    run(main)
