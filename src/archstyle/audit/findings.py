"""What the audit doubts: each label beside what a model that never saw the photo says."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archstyle.common.console import progress
from archstyle.data.corrections import Correction, match
from archstyle.data.manifest import Row
from archstyle.errors import ArchstyleError

FOLDS = 5
NEIGHBOURS = 4  # of each style
# Strong: a head that can learn a wrong label by heart finds nothing wrong with it. Measured on
# 1,300 photographs; fewer weigh less against it, so it is made weaker for them.
INVERSE_REGULARIZATION, MEASURED_ON = 0.001, 1300
TOO_FEW = (
    "The audit needs at least two styles with two photographs each: add photos and run "
    "`dvc repro prepare`."
)
Features = NDArray[np.float32]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Photograph:
    """A duplicate group: the photo that stands for it, its labels, and the decision about it."""

    row: Row
    folders: tuple[str, ...]  # the styles that its photos lie under, sorted; one but for conflicts
    label: str  # the style after corrections; empty where it is dropped or in conflict
    decision: Correction | None

    @property
    def together(self) -> str:
        """What must not be spread over folds: the building where it is known."""
        return self.row.building or self.row.group

    @property
    def undecided(self) -> bool:
        """Whether it lies under two styles, and nobody said which is right."""
        return len(self.folders) > 1 and not self.label and self.decision is None


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


def photographs(rows: Sequence[Row], corrections: Sequence[Correction]) -> list[Photograph]:
    """Return the photographs of a manifest, sorted by file."""
    grouped = [row for row in rows if row.group]
    matched = match(corrections, [row.sha256 for row in grouped], [row.phash for row in grouped])
    decided = {grouped[i].group: correction for i, correction in sorted(matched.items())}
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in grouped:
        groups[row.group].append(row)
    found = []
    for group, members in groups.items():
        # The photo that is used, else the first by name.
        shown = min(members, key=lambda row: (not row.split, row.file))
        folders = tuple(sorted({row.folder for row in members}))
        label = shown.style if shown.split else ""
        found.append(Photograph(shown, folders, label, decided.get(group)))
    return sorted(found, key=lambda photograph: photograph.row.file)


def find(every: Sequence[Photograph], features: Features, seed: int) -> Findings:
    """Audit photographs with their features [n, d].

    The least believed label comes first, by self-confidence; which are doubted says confident
    learning (Northcutt et al. 2021, arXiv:1911.00068). Raises ArchstyleError where there are too
    few to learn from.
    """
    from cleanlab.filter import find_label_issues
    from cleanlab.rank import get_label_quality_scores

    def predict(styles: Sequence[str], by_index: Mapping[int, str]) -> tuple[Ints, Floats, float]:
        """Return labels [n], probabilities [n, k] and how often the label is the likeliest."""
        labels = np.array([styles.index(label) for label in by_index.values()], np.int64)
        together = [every[i].together for i in by_index]
        told = out_of_fold(features[list(by_index)], labels, together, seed)
        return labels, told, float((told.argmax(axis=1) == labels).mean())

    labelled = {i: photograph.label for i, photograph in enumerate(every) if photograph.label}
    if not labelled:
        raise ArchstyleError("No photo is in a split: run `dvc repro prepare`.")
    styles = tuple(sorted(set(labelled.values())))
    labels, probabilities, accuracy = predict(styles, labelled)
    issues = find_label_issues(labels, probabilities, n_jobs=1)
    indices = list(labelled)
    ranking = [
        _suspect(indices[i], styles[labels[i]], styles, probabilities[i], issues[i])
        for i in np.argsort(get_label_quality_scores(labels, probabilities), kind="stable")
    ]
    undecided = [i for i, photograph in enumerate(every) if photograph.undecided]
    conflicts = []
    if undecided:
        # No model saw them: one that was fitted on all others will do.
        said = fit_head(features[indices], labels).predict_proba(features[undecided])
        pairs = zip(undecided, said, strict=True)
        conflicts = [_suspect(i, "", styles, row, False) for i, row in pairs]
    folders = {i: p.folders[0] for i, p in enumerate(every) if len(p.folders) == 1}
    known = sorted(set(folders.values()) & set(styles))
    by_folder = {i: folder for i, folder in folders.items() if folder in known}
    return Findings(styles, ranking, conflicts, accuracy, predict(known, by_folder)[2])


def alike(
    every: Sequence[Photograph], features: Features, suspect: Suspect, styles: Sequence[str]
) -> dict[str, list[int]]:
    """Return for each of the styles the NEIGHBOURS labelled photographs most like the suspect.

    By cosine. Photographs of the same building, where that is known, are left out.
    """
    order = np.argsort(-(features @ features[suspect.index]), kind="stable").tolist()
    others = [i for i in order if every[i].together != every[suspect.index].together]
    return {style: [i for i in others if every[i].label == style][:NEIGHBOURS] for style in styles}


def out_of_fold(features: Features, labels: Ints, together: Sequence[str], seed: int) -> Floats:
    """Return probabilities [n, k] of each photo by a linear head that the other folds fitted.

    `features` [n, d], `labels` [n] in 0..k-1, each of which occurs; photos of equal `together`
    share a fold. Raises ArchstyleError where a style has too few to be spread over two folds.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    each = Counter(label for label, _ in set(zip(labels.tolist(), together, strict=True)))
    folds = min(FOLDS, *each.values())
    if folds < 2 or len(each) < 2:
        raise ArchstyleError(TOO_FEW)
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    probabilities = np.zeros((len(labels), len(each)))
    for others, fold in progress(splitter.split(features, labels, together), "folds", folds):
        if len(np.unique(labels[others])) < 2:
            raise ArchstyleError(TOO_FEW)
        head = fit_head(features[others], labels[others])
        # A style whose photographs are all in this fold has no column.
        probabilities[np.ix_(fold, head.classes_)] = head.predict_proba(features[fold])
    return probabilities


def fit_head(features: Features, labels: Ints) -> Any:
    """Return a logistic regression on standardised features."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from threadpoolctl import threadpool_limits

    strength = INVERSE_REGULARIZATION * max(1.0, MEASURED_ON / len(labels))
    regression = LogisticRegression(C=strength, max_iter=1000)
    # The steps are so small that several threads would mostly wait for each other.
    with threadpool_limits(1):
        return make_pipeline(StandardScaler(), regression).fit(features, labels)


def _suspect(index: int, label: str, styles: Sequence[str], row: Floats, issue: bool) -> Suspect:
    said = dict(zip(styles, row.tolist(), strict=True))
    of_label = said.pop(label, 0.0)
    best = max(said, key=lambda style: said[style])
    return Suspect(index, label, best, said[best], of_label, bool(issue))
