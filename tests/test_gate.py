import numpy as np
import pytest

from archstyle.metrics.paired import compare, decide, decide_on_data, first_champion


def answers(right: int, photos: int) -> np.ndarray:
    return np.arange(photos) < right


def test_an_equal_candidate_becomes_champion() -> None:
    correct = answers(90, 100)
    decision = decide(compare(correct, correct), tolerance=0.0)
    assert decision.alias == "champion"
    assert decision.comparison is not None
    assert decision.comparison.low == decision.comparison.high == 0.0


def test_a_candidate_that_lost_is_never_called_champion() -> None:
    decision = decide(compare(answers(80, 100), answers(90, 100)), tolerance=0.01)
    assert decision.alias == "challenger"
    text = " ".join(decision.reasons)
    assert "80.0 %" in text and "90.0 %" in text and "1.0 points" in text


@pytest.mark.parametrize(("right", "alias"), [(990, "champion"), (989, "challenger")])
def test_the_tolerance_is_met_exactly(right: int, alias: str) -> None:
    # Ten photos of a thousand lost to chance on either side, so that the interval spans 0.
    candidate, champion = answers(right, 1000), answers(1000, 1000)
    candidate[:100] = False
    champion[100:200] = False
    assert decide(compare(candidate, champion), tolerance=0.01).alias == alias


def test_a_small_but_certain_loss_is_refused_within_the_tolerance() -> None:
    # 90 photos of 10,000 lost and none won: less than the tolerance, but no chance.
    decision = decide(compare(answers(9000, 10_000), answers(9090, 10_000)), tolerance=0.01)
    assert decision.alias == "challenger"
    assert decision.reasons[-1] == "It is worse by more than chance explains."


def test_the_interval_is_that_of_drawing_photos() -> None:
    generator = np.random.default_rng(1)
    candidate, champion = generator.random(300) < 0.9, generator.random(300) < 0.85
    found = compare(candidate, champion, draws=20_000)
    rows = generator.integers(0, 300, size=(20_000, 300))
    drawn = candidate[rows].mean(1) - champion[rows].mean(1)
    assert [found.low, found.high] == pytest.approx(np.quantile(drawn, [0.025, 0.975]), abs=0.004)


def test_pairing_tightens_the_interval() -> None:
    same = compare(answers(91, 100), answers(90, 100))
    unlike = compare(answers(91, 100), answers(90, 100)[::-1].copy())
    assert same.high - same.low < unlike.high - unlike.low


def test_the_same_seed_gives_the_same_decision() -> None:
    a, b = answers(91, 100), answers(90, 100)[::-1].copy()
    assert compare(a, b, seed=3) == compare(a, b, seed=3)


def test_vectors_of_other_photos_are_refused() -> None:
    with pytest.raises(ValueError, match="one length"):
        compare(answers(1, 2), answers(1, 3))
    with pytest.raises(ValueError, match="one length"):
        compare(answers(0, 0), answers(0, 0))


def test_drawn_facades_never_beat_photos() -> None:
    refused = decide_on_data(candidate_drawn=True, champion_drawn=False)
    assert refused is not None and refused.alias == "challenger"
    assert "drawn facades" in refused.reasons[0]
    better = decide_on_data(candidate_drawn=False, champion_drawn=True)
    assert better is not None and better.alias == "champion"
    assert decide_on_data(True, True) is None
    assert decide_on_data(False, False) is None


def test_the_first_one_is_champion() -> None:
    assert first_champion().alias == "champion"
