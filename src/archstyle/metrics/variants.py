"""What the precisions that train made of one network are worth: accuracy, size and time."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from archstyle.bundle import Bundle
from archstyle.bundle.bundle import GRAPH
from archstyle.bundle.graph import Graph
from archstyle.data.manifest import Row
from archstyle.metrics.labels import Labels
from archstyle.metrics.predictions import Answers, Predictions, Reads, predict_photos

RUNS = 30  # that a time is the median of


@dataclass(frozen=True)
class Variant:
    """A bundle that train made, measured."""

    precision: str
    served: bool
    megabytes: float  # of all its files
    validation_accuracy: float
    accuracy: float  # on the test photos as labelled
    corrected_accuracy: float
    answered_share: float  # as corrected
    same_answers: float  # share of the test photos to which the served one says the same

    def as_metrics(self) -> dict[str, float]:
        """Return flat numbers under names that begin with the precision."""
        names = ("megabytes", "validation_accuracy", "accuracy", "corrected_accuracy")
        return {f"{self.precision}_{name}": round(getattr(self, name), 6) for name in names}


def measure_variants(
    folder: Path, served: Bundle, store: Reads, rows: Sequence[Row], labels: Labels, given: Answers
) -> list[Variant]:
    """Measure every bundle in `folder`; `given` is what the served one says of the same `rows`."""
    found = []
    for path in sorted(path.parent for path in folder.glob(f"*/{GRAPH}")):
        bundle = Bundle.load(path)
        answers = predict_photos(bundle, store, rows)
        corrected = answers.judged_by(labels.corrected)
        found.append(
            Variant(
                precision=bundle.card.precision,
                served=bundle.digest == served.digest,
                megabytes=sum(f.stat().st_size for f in path.rglob("*") if f.is_file()) / 1e6,
                validation_accuracy=bundle.card.metrics["validation"]["accuracy"],
                accuracy=_accuracy(answers.judged_by(labels.labelled)),
                corrected_accuracy=_accuracy(corrected),
                answered_share=float(corrected.answered.mean()),
                same_answers=float((answers.predicted == given.predicted).mean()),
            )
        )
    return found


def time_variants(folder: Path) -> dict[str, float]:
    """Return how many milliseconds each graph in `folder` takes for a photo, on one core.

    They are measured in turn, so that whatever else the machine does slows all of them; the median
    of RUNS.
    """
    graphs = {path.parent.name: Graph(path, 1) for path in sorted(folder.glob(f"*/{GRAPH}"))}
    times: dict[str, list[float]] = {name: [] for name in graphs}
    for _ in range(RUNS):
        for name, graph in graphs.items():
            photo = np.zeros(graph.shape, np.uint8)
            graph.run(photo)  # back into the processor's cache
            start = time.perf_counter()
            graph.run(photo)
            times[name].append(1000 * (time.perf_counter() - start))
    return {name: round(float(np.median(values)), 3) for name, values in times.items()}


def _accuracy(predictions: Predictions) -> float:
    return float(predictions.correct.mean())
