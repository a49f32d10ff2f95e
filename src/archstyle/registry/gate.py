"""The gate: a candidate and the champion, measured on the present test photos."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from archstyle.bundle import Bundle, BundleError
from archstyle.common.console import say
from archstyle.data.manifest import Row, read_manifest, used
from archstyle.errors import ArchstyleError
from archstyle.metrics.paired import (
    Decision,
    Scored,
    compare,
    decide,
    decide_on_data,
    first_champion,
    score_photos,
)
from archstyle.metrics.predictions import Reads, predict_photos
from archstyle.photos.store import PhotoStore
from archstyle.registry.versions import Version, download_bundle


def judge(
    candidate: Path, version: str, champion: Version | None, root: Path, tolerance: float
) -> Decision:
    """Say which alias the bundle in `candidate`, registered as `version`, deserves.

    The champion is measured again, as the photos may have changed since; it reads the originals in
    data/raw with its own preprocessing. Both are judged by the labels as corrected.
    """
    if champion is None:
        return first_champion()
    if champion.version == version:
        return Decision("champion", ("It is the champion already.",))
    mine = Bundle.load(candidate)
    by_data = decide_on_data(mine.card.drawn, champion.drawn)
    if by_data is not None:
        return by_data
    with tempfile.TemporaryDirectory(prefix="archstyle-") as temporary:
        try:
            path = download_bundle(champion.version, Path(temporary)).path
            theirs = Bundle.load(path)
        except BundleError as error:
            return Decision(
                "champion",
                (f"The champion, version {champion.version}, can no longer be loaded: {error}",),
            )
        say(f"Comparing with the champion, version {champion.version}, on the same test photos.")
        rows = used(read_manifest(root / "data" / "prepared" / "manifest.csv"), "test")
        if not rows:
            raise ArchstyleError(
                "There are no test photos: raise `split.test` in params.yaml, then `dvc repro`."
            )
        store = PhotoStore(root / "data" / "raw")
        compared = compare(scored(mine, store, rows), scored(theirs, store, rows))
        name = f"the champion, version {champion.version},"
        decision = decide({name: compared}, tolerance)
    told = [*told_of_styles(mine.styles, theirs.styles, rows), *told_of_labels(rows)]
    return Decision(decision.alias, (*told, *decision.reasons), decision.comparisons)


def scored(bundle: Bundle, store: Reads, rows: Sequence[Row]) -> Scored:
    """Return what the bundle's answers to the photos [n] are worth; of unknown styles nothing."""
    known = np.array([row.style in bundle.styles for row in rows], np.bool_)
    correct, brier = np.zeros(len(rows), np.bool_), np.ones(len(rows))
    if known.any():
        asked = [row for row, is_known in zip(rows, known, strict=True) if is_known]
        answers = predict_photos(bundle, store, asked)
        of_known = score_photos(answers.probabilities, answers.labels)
        correct[known], brier[known] = of_known.correct, of_known.brier
    return Scored(correct, brier)


def told_of_styles(
    candidate: Sequence[str], champion: Sequence[str], rows: Sequence[Row]
) -> list[str]:
    """Say in what the style lists of the two differ."""
    told = []
    new, gone = sorted(set(candidate) - set(champion)), sorted(set(champion) - set(candidate))
    if new:
        photos = sum(row.style in new for row in rows)
        told.append(
            f"The champion does not know {', '.join(new)}: its {photos} test photos count as wrong "
            "for it."
        )
    if gone:
        told.append(f"It no longer tells {', '.join(gone)}, which the champion does.")
    return told


def told_of_labels(rows: Sequence[Row]) -> list[str]:
    """Say that some photos count by another style than their folder's."""
    corrected = sum(row.status == "corrected" for row in rows)
    return [f"Labels are as corrected: {corrected} of the test photos."] if corrected else []
