"""What the audit found: doubted labels, photographs under two styles, and the accuracy."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from archstyle.audit.photographs import Photograph
from archstyle.audit.predictions import doubt, doubted, fit_head, nearest, out_of_fold
from archstyle.errors import ArchstyleError


@dataclass(frozen=True)
class Suspect:
    """A photograph and what a model that never saw it says."""

    index: int  # among all photographs
    label: str  # empty for a photograph under two styles
    suggestion: str  # the likeliest other style
    probability: float  # of the suggestion
    of_label: float
    doubted: bool  # confident learning takes the label for wrong


@dataclass(frozen=True)
class Findings:
    """The whole audit."""

    styles: tuple[str, ...]
    ranking: list[Suspect]  # every photograph with a label, the least believed first
    conflicts: list[Suspect]  # under two styles, and undecided
    accuracy: float  # out of fold, by the labels as they are now
    folders_accuracy: float  # the same without data/corrections.csv


def find(every: Sequence[Photograph], features: NDArray[np.float32], seed: int) -> Findings:
    """Audit photographs with their features [n, d].

    Raises ArchstyleError where there are too few to learn from.
    """
    labelled = [i for i, photograph in enumerate(every) if photograph.label]
    if not labelled:
        raise ArchstyleError("No photo is in a split: run `dvc repro prepare`.")
    styles = tuple(sorted({every[i].label for i in labelled}))
    labels = _numbers([every[i].label for i in labelled], styles)
    predicted = out_of_fold(features[labelled], labels, _together(every, labelled), seed)
    issues = doubted(predicted)
    ranking = [
        _suspect(labelled[i], styles[labels[i]], styles, predicted.probabilities[i], issues[i])
        for i in doubt(predicted)
    ]
    undecided = [i for i, photograph in enumerate(every) if photograph.undecided]
    conflicts = []
    if undecided:
        # No model saw them: one that was fitted on all others will do.
        said = fit_head(features[labelled], labels).predict_proba(features[undecided])
        pairs = zip(undecided, said, strict=True)
        conflicts = [_suspect(i, "", styles, row, False) for i, row in pairs]
    return Findings(
        styles, ranking, conflicts, predicted.accuracy, _by_folders(every, features, styles, seed)
    )


def alike(
    every: Sequence[Photograph],
    features: NDArray[np.float32],
    suspect: Suspect,
    styles: Sequence[str],
    count: int,
) -> dict[str, list[int]]:
    """Return for each of the styles the labelled photographs that look most like the suspect.

    Photographs of the same building, where that is known, are left out.
    """
    found = {}
    for style in styles:
        among = [
            i
            for i, photograph in enumerate(every)
            if photograph.label == style and photograph.together != every[suspect.index].together
        ]
        found[style] = nearest(features, suspect.index, np.array(among, np.int64), count)
    return found


def _suspect(
    index: int,
    label: str,
    styles: Sequence[str],
    probabilities: NDArray[np.float64],
    issue: bool,
) -> Suspect:
    order = np.argsort(-probabilities, kind="stable")
    best = next(int(k) for k in order if styles[k] != label)
    of_label = float(probabilities[styles.index(label)]) if label else 0.0
    return Suspect(index, label, styles[best], float(probabilities[best]), of_label, bool(issue))


def _by_folders(
    every: Sequence[Photograph], features: NDArray[np.float32], styles: Sequence[str], seed: int
) -> float:
    """Return the accuracy by what the folders say, of photographs that lie under one style."""
    chosen = [i for i, photograph in enumerate(every) if photograph.folder in styles]
    known = tuple(sorted({every[i].folder for i in chosen}))
    labels = _numbers([every[i].folder for i in chosen], known)
    return out_of_fold(features[chosen], labels, _together(every, chosen), seed).accuracy


def _numbers(labels: Sequence[str], styles: Sequence[str]) -> NDArray[np.int64]:
    number = {style: i for i, style in enumerate(styles)}
    return np.array([number[label] for label in labels], np.int64)


def _together(every: Sequence[Photograph], chosen: Sequence[int]) -> list[str]:
    return [every[i].together for i in chosen]
