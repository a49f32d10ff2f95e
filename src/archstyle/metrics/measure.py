"""Puts the metrics of one evaluation together."""

from dataclasses import dataclass

from archstyle.metrics import classification as metrics
from archstyle.metrics.classification import Interval, Ints, StyleScore
from archstyle.metrics.predictions import Predictions
from archstyle.metrics.selective import Reliability, RiskCoverage, reliability, risk_coverage

# What is told as corrected too, as `corrected_accuracy`.
BOTH_WAYS = (
    "accuracy",
    "accuracy_low",
    "accuracy_high",
    "macro_f1",
    "log_loss",
    "expected_calibration_error",
    "answered_share",
    "answered_accuracy",
)


@dataclass(frozen=True)
class Evaluation:
    """All that is known of a bundle on the test photos, by one kind of labels."""

    predictions: Predictions
    confusion: Ints  # [k, k], rows: the label, columns: the answer
    accuracy: Interval
    macro_f1: float
    styles: list[StyleScore]
    reliability: Reliability
    risk_coverage: RiskCoverage
    log_loss: float
    most_frequent_accuracy: float
    answered_share: float
    answered_accuracy: Interval | None  # None: not one photo was answered

    def as_metrics(self) -> dict[str, float]:
        """Return flat numbers under stable names, to six digits, the headline first."""
        found: dict[str, float] = {
            "accuracy": self.accuracy.value,
            "accuracy_low": self.accuracy.low,
            "accuracy_high": self.accuracy.high,
            "macro_f1": self.macro_f1,
            "test_photos": len(self.predictions.files),
            "most_frequent_style_accuracy": self.most_frequent_accuracy,
            "log_loss": self.log_loss,
            "expected_calibration_error": self.reliability.expected_calibration_error,
            "answered_share": self.answered_share,
        }
        if self.answered_accuracy is not None:
            found["answered_accuracy"] = self.answered_accuracy.value
        for score in self.styles:
            found[f"precision_{score.style}"] = score.precision.value
            found[f"recall_{score.style}"] = score.recall.value
            found[f"f1_{score.style}"] = score.f1
            found[f"support_{score.style}"] = score.support
        return {
            name: value if isinstance(value, int) else round(value, 6)
            for name, value in found.items()
        }


def flat_metrics(labelled: Evaluation, corrected: Evaluation, touched: int) -> dict[str, float]:
    """Return the metrics as labelled, then those as corrected under `corrected_...`.

    `touched` is the number of test photos that the corrections relabel, drop or let in.
    """
    again = corrected.as_metrics()
    both = {f"corrected_{name}": again[name] for name in BOTH_WAYS if name in again}
    return {**labelled.as_metrics(), **both, "corrected_test_photos": touched}


def measure(
    predictions: Predictions, train_counts: dict[str, int], samples: int, seed: int
) -> Evaluation:
    """Compute every metric; `train_counts` are the training photos of each style."""
    styles = predictions.styles
    confusion = metrics.confusion_matrix(predictions.labels, predictions.predicted, len(styles))
    draws = metrics.resampled(confusion, samples, seed)
    test_counts = dict(zip(styles, (int(n) for n in confusion.sum(1)), strict=True))
    return Evaluation(
        predictions=predictions,
        confusion=confusion,
        accuracy=metrics.accuracy_interval(confusion, draws),
        macro_f1=float(metrics.f1(confusion).mean()),
        styles=metrics.style_scores(confusion, draws, styles),
        reliability=reliability(predictions.probability, predictions.correct),
        risk_coverage=risk_coverage(predictions.probability, predictions.correct),
        log_loss=metrics.log_loss(predictions.labels, predictions.probabilities),
        most_frequent_accuracy=metrics.most_frequent_accuracy(train_counts, test_counts),
        answered_share=float(predictions.answered.mean()),
        answered_accuracy=metrics.correct_interval(
            predictions.correct[predictions.answered], samples, seed
        ),
    )
