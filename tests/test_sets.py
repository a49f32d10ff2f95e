"""Sets of styles in place of silence."""

import json
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from archstyle.bundle import Card
from archstyle.bundle.card import PredictionSets, in_words
from archstyle.metrics.classification import softmax
from archstyle.metrics.conformal import fit_prediction_sets, score_sets
from archstyle.metrics.evaluation import flat_metrics, measure
from archstyle.metrics.predictions import Predictions
from tests.evaluation_project import STYLES, card

SETS = PredictionSets(0.95, 0.0, (0.84,) * 4)
THRESHOLD = 0.8


def photos(seed: int, n: int, k: int = 12) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Calibrated probabilities [n, k] of styles in neighbouring pairs, and labels; one is hard."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, k, n)
    centres = np.repeat(np.eye(k // 2), 2, axis=0) * 2.0
    centres[1::2, 0] += 1.2
    points = (
        centres[labels] + rng.normal(size=(n, k // 2)) * np.where(labels == 3, 1.0, 0.6)[:, None]
    )
    apart = ((points[:, None] - centres) ** 2).sum(axis=2)
    return softmax(-apart / (2 * 0.66**2)), labels


def held_by_style(seed: int) -> tuple[NDArray[np.float64], float, float]:
    """Return coverage [k], all coverage and mean size on new photos that are not sure enough."""
    sets = fit_prediction_sets(*photos(seed, 3000), THRESHOLD, 0.95)
    new, labels = photos(100 + seed, 3000)
    unsure = new.max(axis=1) < THRESHOLD
    assert sets is not None
    found = score_sets(sets.members(new[unsure]), labels[unsure], 50, 0)
    assert found is not None
    every = np.array([of[0].value for of in found.styles if of])
    return every, found.coverage.value, found.size.value


def test_of_photos_that_are_not_sure_enough_95_percent_hold_their_style(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And no style is left out, as it is by one threshold for all."""
    styles, coverages, sizes = zip(*map(held_by_style, range(5)), strict=True)
    assert 0.94 < np.mean(coverages) < 0.975  # two styles at least are often enough
    assert 2 < np.mean(sizes) < 5
    monkeypatch.setattr("archstyle.metrics.conformal.POOLED", 1e9)
    alike = [held_by_style(seed)[0] for seed in range(5)]
    assert np.mean(styles, axis=0).min() > max(0.88, np.mean(alike, axis=0).min() + 0.05)


def test_a_set_has_the_two_best_styles_at_least_and_is_the_same_again() -> None:
    given, labels = photos(1, 400)
    sets = fit_prediction_sets(given, labels, THRESHOLD, 0.5)
    assert sets is not None
    members = sets.members(given)
    assert members.sum(axis=1).min() == 2
    best = np.argsort(-given, axis=1)[:, :2]
    assert np.take_along_axis(members, best, axis=1).all()
    assert (sets.members(given) == members).all()
    assert (np.concatenate([sets.members(row[np.newaxis]) for row in given]) == members).all()
    assert fit_prediction_sets(given, labels, THRESHOLD, 0.5) == sets


@pytest.mark.parametrize("n", [1, 2, 7])
def test_few_photos_still_give_a_card_that_can_be_written(n: int) -> None:
    given, labels = photos(2, n)
    sets = fit_prediction_sets(given, labels, THRESHOLD, 0.95)
    assert sets is not None and np.isfinite(sets.thresholds).all()
    written = json.loads(json.dumps(replace(card(), prediction_sets=sets).as_dict()))
    assert Card.from_dict(written).prediction_sets == sets
    assert fit_prediction_sets(given[:0], labels[:0], THRESHOLD, 0.95) is None


def test_a_sure_answer_is_alone_and_an_unfamiliar_photo_has_no_set() -> None:
    given = np.array([[0.97, 0.01, 0.01, 0.01], [0.4, 0.1, 0.45, 0.05], [0.4, 0.1, 0.45, 0.05]])
    both = replace(card(), prediction_sets=SETS, threshold=0.9, distance_threshold=10.0)
    members = both.members(given, np.array([1.0, 1.0, 11.0]))
    assert members is not None
    assert members.tolist() == [
        [True, False, False, False],
        [True, False, True, False],
        [False] * 4,
    ]


def test_a_card_of_before_has_no_sets() -> None:
    old = card().as_dict()
    del old["prediction_sets"]
    read = Card.from_dict(old)
    assert read.prediction_sets is None and read.members(np.eye(4), None) is None
    predictions = Predictions(read, ("a",), np.eye(4, dtype=np.float32)[:1], labels=np.array([0]))
    found = measure(predictions, dict.fromkeys(STYLES, 1), 10, 0)
    assert found.sets is None and not any("set" in name for name in flat_metrics(found, found, 0))


def test_coverage_and_size_are_counted_over_all_per_style_and_of_the_unsure() -> None:
    probabilities = np.array([[0.9, 0.1, 0, 0], [0.5, 0.3, 0.2, 0], [0, 0.5, 0.45, 0.05]])
    sets = replace(card(), prediction_sets=SETS, threshold=0.8)
    files = ("a", "b", "c")
    wide = probabilities.astype(np.float32)
    predictions = Predictions(sets, files, wide, labels=np.array([0, 0, 3]))
    found = measure(predictions, dict.fromkeys(STYLES, 1), 100, 0)
    numbers = flat_metrics(found, found, 0)
    # The sets {0}, {0, 1, 2}, {1, 2}: before the third style of the second photo lie 0.8.
    assert numbers["set_coverage"] == pytest.approx(2 / 3, abs=1e-6)
    assert numbers["mean_set_size"] == pytest.approx((1 + 3 + 2) / 3)
    assert numbers["mean_set_size_low"] <= numbers["mean_set_size"] <= numbers["mean_set_size_high"]
    assert (numbers["unsure_set_coverage"], numbers["unsure_mean_set_size"]) == (0.5, 2.5)
    assert (numbers["set_coverage_baroque"], numbers["mean_set_size_baroque"]) == (1.0, 2.0)
    assert numbers["set_coverage_gothic"] == 0 and "set_coverage_egyptian" not in numbers
    assert numbers["corrected_set_coverage"] == numbers["set_coverage"]


def test_styles_are_joined_as_people_do() -> None:
    assert in_words(["Georgian"]) == "Georgian"
    assert in_words(["Baroque", "Gothic"]) == "Baroque or Gothic"
    assert in_words(["a", "b", "c"], "o") == "a, b o c"
