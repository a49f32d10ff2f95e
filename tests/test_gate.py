from pathlib import Path

import numpy as np
import pytest

from archstyle.metrics.paired import (
    CONFIDENCE,
    Comparison,
    Decision,
    Scored,
    compare,
    decide_on_data,
    score_photos,
)
from archstyle.registry.gate import decide, judge
from benchmarks.gate import TOLERANCE, chain, old_gate, reference_gate, share_promoted

NAME = "the champion"


def answers(right: int, photos: int, turned: bool = False) -> Scored:
    """Right and sure on the first photos, or on the last ones, and wrong and sure on the others."""
    correct = np.arange(photos) < right
    correct = correct[::-1].copy() if turned else correct
    return Scored(correct, np.where(correct, 0.01, 0.9))


def judged(candidate: Scored, champion: Scored, tolerance: float = TOLERANCE) -> Decision:
    return decide({NAME: compare(candidate, champion)}, tolerance)


def test_an_equal_candidate_becomes_champion() -> None:
    decision = judged(answers(230, 240), answers(230, 240))
    assert decision.alias == "champion"
    assert decision.comparisons is not None
    assert decision.comparisons[NAME].mcnemar == 1.0


def test_a_candidate_that_lost_is_never_called_champion() -> None:
    decision = judged(answers(80, 100), answers(90, 100))
    assert decision.alias == "challenger"
    text = " ".join(decision.reasons)
    assert "80.0 %" in text and "90.0 %" in text and "0 gained, 10 lost" in text
    assert "p = 0.002" in text and "it loses at most 14.3 points of accuracy" in text


def test_few_photos_promote_nothing_and_it_is_said_how_many_would() -> None:
    assert judged(answers(1, 1), answers(1, 1)).alias == "challenger"
    decision = judged(answers(20, 20), answers(20, 20))
    assert decision.alias == "challenger"
    text = " ".join(decision.reasons)
    assert "It is not shown to lose no more than 2.0 points of accuracy" in text
    assert "With 20 photos this notices a loss of 2.0 points in at least 92.5 % of cases" in text
    assert "; half of them with " in text


@pytest.mark.parametrize(("lost", "alias"), [(29, "champion"), (30, "challenger")])
def test_the_bound_decides_and_not_the_difference(lost: int, alias: str) -> None:
    # Of 1,000 photos 20 are gained: it loses less than a point, but that is all that is certain.
    right = np.arange(1000) < 980
    candidate, champion = right.copy(), right
    candidate[980:], candidate[:lost] = True, False
    same = np.full(1000, 0.05)
    assert judged(Scored(candidate, same), Scored(champion, same)).alias == alias


def test_a_small_but_certain_loss_is_refused_within_the_tolerance() -> None:
    # 90 photos of 10,000 lost and none won: less than the tolerance, but no chance.
    decision = judged(answers(9000, 10_000), answers(9090, 10_000))
    assert decision.alias == "challenger"
    assert decision.reasons[-1] == "It is worse by more than chance explains."


def test_the_same_answers_with_worse_probabilities_are_refused() -> None:
    champion = answers(230, 240)
    unsure = Scored(champion.correct, np.where(champion.correct, 0.05, 0.9))
    decision = judged(unsure, champion)
    assert decision.alias == "challenger"
    assert "1.2 points of the Brier score" in " ".join(decision.reasons)


def test_the_best_champion_there_was_must_be_matched_too() -> None:
    same = compare(answers(230, 240), answers(230, 240))
    lost = compare(answers(230, 240), answers(238, 240))
    decision = decide({NAME: same, "the best before, version 1,": lost}, TOLERANCE)
    assert decision.alias == "challenger"
    assert "the best before, version 1, on 99.2 %" in " ".join(decision.reasons)


def test_only_what_is_shown_to_be_better_is_the_next_reference() -> None:
    assert compare(answers(238, 240), answers(220, 240)).better
    assert not compare(answers(221, 240), answers(220, 240)).better
    assert not compare(answers(220, 240), answers(238, 240)).better


def test_the_score_is_brier_s_halved() -> None:
    found = score_photos(np.array([[1.0, 0, 0], [0, 1.0, 0], [0.5, 0.5, 0]]), np.array([0, 0, 0]))
    assert found.brier == pytest.approx([0, 1, 0.25])
    assert found.correct.tolist() == [True, False, True]


def test_the_bounds_are_those_of_drawing_photos() -> None:
    generator = np.random.default_rng(1)
    candidate, champion = (
        score_photos(generator.dirichlet([skill, 1, 1], 300), np.zeros(300, int))
        for skill in (9, 8)
    )
    found = compare(candidate, champion)
    rows = generator.integers(0, 300, size=(20_000, 300))
    for gain, won in (
        (found.accuracy, candidate.correct.astype(float) - champion.correct),
        (found.brier, champion.brier - candidate.brier),
    ):
        drawn = won[rows].mean(1)
        assert gain.value == pytest.approx(won.mean())
        assert gain.low == pytest.approx(np.quantile(drawn, 1 - CONFIDENCE), abs=0.004)
        assert gain.error == pytest.approx(drawn.std(), abs=0.002)


def test_pairing_tightens_the_bound() -> None:
    same = compare(answers(91, 100), answers(90, 100))
    unlike = compare(answers(91, 100), answers(90, 100, turned=True))
    assert same.accuracy.low > unlike.accuracy.low and same.brier.low > unlike.brier.low


def test_the_same_seed_gives_the_same_decision() -> None:
    a, b = answers(91, 100), answers(90, 100, turned=True)
    assert compare(a, b, seed=3) == compare(a, b, seed=3)


def test_answers_to_other_photos_are_refused() -> None:
    for candidate, champion in ((2, 3), (0, 0)):
        with pytest.raises(ValueError, match="the same photos, one or more"):
            compare(answers(0, candidate), answers(0, champion))


def test_in_simulation_two_points_worse_fails_and_an_equal_one_passes_as_a_rule() -> None:
    """The whole table is in docs/decisions/0041-gate.md; this one is a small part of it."""
    assert share_promoted(240, 0.0, "noise", trials=200) >= 0.5
    assert share_promoted(240, 0.0, "noise", trials=200, incumbents=2) >= 0.45  # of 1,000: 0.53
    assert share_promoted(240, 0.02, "noise", trials=150) < 0.05
    assert share_promoted(240, 0.02, "giveaway", trials=150) < 0.05


def test_in_simulation_legal_promotions_do_not_lead_down() -> None:
    """Fifty candidates, each a point worse than the champion that it challenges."""
    assert chain(old_gate, 240, 0.01, seed=0)[0] < 0.87
    assert min(chain(reference_gate, 240, 0.01, seed)[0] for seed in range(3)) >= 0.94


def test_drawn_facades_never_beat_photos() -> None:
    refused = decide_on_data(candidate_drawn=True, champion_drawn=False)
    assert refused is not None and refused.alias == "challenger"
    assert "drawn facades" in refused.reasons[0]
    better = decide_on_data(candidate_drawn=False, champion_drawn=True)
    assert better is not None and better.alias == "champion"
    assert decide_on_data(True, True) is None
    assert decide_on_data(False, False) is None


def test_the_first_one_is_champion() -> None:
    assert judge(Path(), "1", {}, Path(), 0.02).alias == "champion"


def test_a_comparison_is_plain_numbers() -> None:
    found: Comparison = compare(answers(90, 100), answers(90, 100))
    assert (found.photos, found.gained, found.lost) == (100, 0, 0)
