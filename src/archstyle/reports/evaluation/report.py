"""The report: one page that holds everything and asks no other file and no network for anything."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from archstyle.bundle import Card
from archstyle.metrics.classification import Interval
from archstyle.metrics.evaluation import Evaluation, Outside, Variant, flat_metrics
from archstyle.metrics.predictions import Labels, Predictions
from archstyle.reports.evaluation.gallery import Shown
from archstyle.reports.page import environment, figure_uris, percent, where_from

SPLITS = ("train", "validation", "test")
STATUSES = {
    "used": "in a split, under the style that its folder says",
    "corrected": "in a split, under a style that a reviewed correction says",
    "duplicate": "another copy of a photograph that is in already",
    "conflict": "a photograph that lies under two styles; in no split",
    "dropped": "taken out by a reviewed correction or a limit",
    "broken": "not to be read as a photo",
}


@dataclass(frozen=True)
class Report:
    """What the page shows."""

    labelled: Evaluation  # by the folders' styles: the headline
    corrected: Evaluation  # by the corrected styles: all else
    labels: Labels
    answers: Predictions  # to every photo that has a label of either kind
    names: Sequence[str]  # of the styles, as people read them
    card: Card
    bundle_digest: str
    summary: Mapping[str, Any]  # data/prepared/summary.json
    run: Mapping[str, str]  # models/run.json
    mistakes: Sequence[Shown]
    sure: Mapping[str, Sequence[Shown]]  # style's name -> photos
    outside: Outside | None = None  # None: there was no photo of no such building
    answered_outside: Sequence[Shown] = ()
    variants: Sequence[Variant] = ()

    @property
    def drawn(self) -> bool:
        """Whether drawn facades, not photos, were trained on or measured."""
        return bool(self.card.drawn or self.summary["source"]["drawn"])

    @property
    def metrics(self) -> dict[str, float]:
        """What metrics.json says."""
        found = flat_metrics(self.labelled, self.corrected, self.labels.touched)
        if self.outside is not None:
            found |= self.outside.as_metrics()
        for variant in self.variants:
            found |= variant.as_metrics()
        return found


def render(report: Report, figures: Path, dark_figures: Path) -> str:
    """Return the page as HTML; both folders hold the charts, for the day and for the night."""
    made = environment("archstyle.reports.evaluation")
    made.filters["between"] = between
    found, headline = report.corrected, report.labelled
    counts = report.summary["counts"]
    return made.get_template("report.html").render(
        report=report,
        found=found,
        headline=headline,
        touched=report.labels.touched,
        changes=[f"{number} {what}" for what, number in report.labels.changes.items() if number],
        sides=both_ways(headline, found),
        card=report.card,
        drawn=report.drawn,
        thing=_thing(report.drawn),
        total=len(headline.predictions.files),
        right=int(headline.predictions.correct.sum()),
        wrong=int((~found.predictions.correct).sum()),
        guess=most_frequent(counts),
        confused=most_confused(found, report.names),
        scores=list(zip(report.names, found.styles, strict=True)),
        data=data_rows(counts),
        largest=max((sum(row.values()) for row in counts.values()), default=1) or 1,
        splits=SPLITS,
        statuses=[(s, n, STATUSES.get(s, "")) for s, n in report.summary["status"].items()],
        source=where_from(report.summary["source"]),
        config=yaml.safe_dump(dict(report.card.config), sort_keys=False, allow_unicode=True),
        whole_card=json.dumps(_without(report.card.as_dict(), "config"), indent=1, default=str),
        lineage=lineage(report),
        figure_of=lambda name: figure_uris(figures / name, dark_figures / name),
    )


def in_words(report: Report) -> str:
    """Say in one line what was measured."""
    found = report.labelled
    said = (
        f"{percent(found.accuracy.value)} of {len(found.predictions.files)} test "
        f"{_thing(report.drawn)} right (95% interval {between(found.accuracy)}), "
        f"macro F1 {found.macro_f1:.3f}. "
    )
    if report.labels.touched:
        said += (
            f"With corrected labels, which touch {report.labels.touched} of them: "
            f"{percent(report.corrected.accuracy.value)} ({between(report.corrected.accuracy)}). "
        )
    return said + "Look at reports/index.html."


def both_ways(labelled: Evaluation, corrected: Evaluation) -> list[tuple[str, str, str]]:
    """Return (what, as labelled, as corrected), as people read it."""
    pairs = zip(_in_numbers(labelled), _in_numbers(corrected), strict=True)
    return [(name, one, other) for (name, one), (_, other) in pairs]


def _in_numbers(found: Evaluation) -> list[tuple[str, str]]:
    answered = found.selective_accuracy
    return [
        ("test photos", str(len(found.predictions.files))),
        ("accuracy", percent(found.accuracy.value)),
        ("95% interval", between(found.accuracy)),
        ("macro F1", f"{found.macro_f1:.3f}"),
        ("answered", percent(found.predictions.coverage)),
        ("right when answered", percent(answered.value) if answered else "none"),
        ("calibration error", f"{found.reliability.expected_calibration_error:.3f}"),
        ("log loss", f"{found.log_loss:.3f}"),
    ]


def between(interval: Interval) -> str:
    """Write the ends of an interval."""
    return f"{percent(interval.low).rstrip('%')} to {percent(interval.high)}"


def most_frequent(counts: Mapping[str, Mapping[str, int]]) -> str:
    """Return the style with most training photos; of equals the first by name."""
    return max(sorted(counts), key=lambda style: counts[style].get("train", 0))


def most_confused(
    found: Evaluation, names: Sequence[str], at_most: int = 5
) -> list[tuple[str, str, int]]:
    """Return (label, answer, photos) of the commonest mistakes."""
    wrong = found.confusion.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:at_most]
    pairs = [divmod(int(cell), len(names)) for cell in order]
    return [(names[i], names[j], int(wrong[i, j])) for i, j in pairs if wrong[i, j]]


def data_rows(counts: Mapping[str, Mapping[str, int]]) -> list[tuple[str, list[int], int]]:
    """Return (style, photos in each split, photos in all) of every style."""
    rows = [(style, [row.get(split, 0) for split in SPLITS]) for style, row in counts.items()]
    return [(style, numbers, sum(numbers)) for style, numbers in rows]


def lineage(report: Report) -> list[tuple[str, str]]:
    """Return what led to this page, as name and value."""
    found = [
        ("run in MLflow", report.run.get("run_id", "")),
        ("bundle", report.bundle_digest),
        ("data", str(report.summary["digest"])),
        ("files of the source", str(report.summary["source"].get("digest", ""))),
        *((name.replace("_", " "), str(value)) for name, value in report.card.lineage.items()),
    ]
    return [(name, value) for name, value in found if value]


def _thing(drawn: bool) -> str:
    return "drawings" if drawn else "photos"


def _without(values: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in values.items() if key not in keys}
