import json
import math

import numpy as np
import pytest
from sklearn import metrics as scikit

from archstyle.metrics.classification import (
    bootstrap,
    correct_interval,
    log_loss,
    reliability,
    risk_coverage,
    score,
    share_interval,
)
from archstyle.metrics.evaluation import flat_metrics, measure
from tests.evaluation_project import evaluation


@pytest.fixture
def answers():
    random = np.random.default_rng(5)
    labels = random.integers(0, 4, 300)  # the fifth style has no photo
    probabilities = random.dirichlet(np.ones(5), 300)
    return labels, probabilities, probabilities.argmax(1)


def test_agrees_with_scikit_learn(answers):
    labels, probabilities, predictions = answers
    found = score(labels, predictions, tuple("abcde"), 50, 0)
    precision, recall, f1, support = scikit.precision_recall_fscore_support(
        labels, predictions, labels=range(5), zero_division=0
    )
    assert (found.confusion == scikit.confusion_matrix(labels, predictions, labels=range(5))).all()
    assert found.accuracy.value == pytest.approx(scikit.accuracy_score(labels, predictions))
    assert [style.precision.value for style in found.styles] == pytest.approx(precision)
    assert [style.recall.value for style in found.styles] == pytest.approx(recall)
    assert [style.f1 for style in found.styles] == pytest.approx(f1)
    assert [style.support for style in found.styles] == support.tolist()
    assert found.macro_f1 == pytest.approx(f1.mean())
    assert log_loss(labels, probabilities.astype(np.float32)) == pytest.approx(
        scikit.log_loss(labels, probabilities, labels=range(5)), abs=1e-6
    )


def test_log_loss_of_a_certain_mistake_is_finite():
    assert math.isfinite(log_loss(np.array([1]), np.array([[1.0, 0.0]])))


def test_bootstrap_is_the_same_as_drawing_photos(answers):
    labels, _, predictions = answers
    found = score(labels, predictions, tuple("abcde"), 4000, 0).accuracy
    correct, random = labels == predictions, np.random.default_rng(1)
    direct = [correct[random.integers(0, 300, 300)].mean() for _ in range(4000)]
    assert found.value == correct.mean()
    assert [found.low, found.high] == pytest.approx(np.quantile(direct, [0.025, 0.975]), abs=0.01)


def test_bootstrap_depends_on_the_seed_alone(answers):
    labels, _, predictions = answers
    confusion = scikit.confusion_matrix(labels, predictions, labels=range(5))
    one, again, other = (bootstrap(confusion, 50, seed) for seed in (1, 1, 2))
    assert (one == again).all()
    assert (one != other).any()
    assert (one.sum((1, 2)) == 300).all()


def test_interval_covers_the_truth_as_often_as_it_says():
    random = np.random.default_rng(3)
    inside = 0
    for trial in range(400):
        found = correct_interval(random.random(200) < 0.9, 1000, trial)
        inside += found.low <= 0.9 <= found.high
    assert 0.91 <= inside / 400 <= 0.98


@pytest.mark.parametrize(
    ("right", "total", "low", "high"),
    [(100, 100, 0.025 ** (1 / 100), 1.0), (0, 100, 0.0, 1 - 0.025 ** (1 / 100)), (0, 0, 0.0, 1.0)],
)
def test_without_a_mistake_the_interval_does_not_claim_certainty(right, total, low, high):
    found = share_interval(right, total, np.full(10, right / max(1, total)))
    assert (found.low, found.high) == pytest.approx((low, high))


def test_no_answers_have_no_accuracy():
    assert correct_interval(np.zeros(0, bool), 10, 0) is None


def test_most_frequent_style_is_that_of_training():
    predictions = evaluation().predictions
    counts = {"baroque": 5, "byzantine": 5, "egyptian": 9, "gothic": 1}
    found = measure(predictions, counts, samples=10, seed=1)
    assert found.most_frequent_accuracy == (predictions.labels == 2).mean()


def test_calibration_error_by_hand():
    probability = np.array([0.95, 0.95, 0.55, 0.55])
    correct = np.array([True, False, True, False])
    found = reliability(probability, correct)
    assert found.expected_calibration_error == pytest.approx((0.45 * 2 + 0.05 * 2) / 4)
    assert found.photos[9] == found.photos[5] == 2
    assert np.isnan(found.accuracy[0])


def test_calibration_takes_the_ends():
    found = reliability(np.array([0.0, 1.0]), np.array([False, True]))
    assert found.photos.sum() == 2
    assert found.expected_calibration_error == 0


def test_risk_coverage_by_hand():
    found = risk_coverage(np.array([0.5, 0.9, 0.7]), np.array([False, True, False]))
    assert found[0] == pytest.approx([1 / 3, 2 / 3, 1])
    assert found[1] == pytest.approx([0, 1 / 2, 2 / 3])


def test_metrics_are_flat_numbers_under_the_promised_names():
    found = flat_metrics(evaluation(), evaluation(), 0)
    assert list(found)[:4] == ["accuracy", "accuracy_low", "accuracy_high", "macro_f1"]
    assert found["accuracy_low"] < found["accuracy"] < found["accuracy_high"]
    assert {"precision_gothic", "recall_gothic", "f1_gothic", "answered_share"} <= set(found)
    assert found["test_photos"] == 200
    assert all(math.isfinite(value) for value in json.loads(json.dumps(found)).values())


def test_a_model_that_never_answers_has_no_accuracy_of_answers():
    found = evaluation(threshold=1.1)
    assert found.predictions.coverage == 0
    assert "answered_accuracy" not in flat_metrics(found, found, 0)


def test_of_many_styles_it_is_told_how_often_one_of_the_three_likeliest_is_right():
    many, four = evaluation(k=12, skill=1.0), evaluation()
    given = many.predictions
    expected = scikit.top_k_accuracy_score(given.labels, given.probabilities, k=3)
    found = flat_metrics(many, many, 0)
    assert found["top_3_accuracy"] == pytest.approx(expected, abs=1e-6)
    assert many.accuracy.value < found["corrected_top_3_accuracy"] < 1
    assert not [key for key in flat_metrics(four, four, 0) if "top" in key]
