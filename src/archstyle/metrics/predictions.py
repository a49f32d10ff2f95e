"""What a bundle says of photos, and what it should have said.

Test photos are measured twice. As labelled is what would be measured without data/corrections.csv:
each photograph by the folder that it lies in. As corrected, relabelled photographs have their new
style and dropped ones are left out. A photograph that lies under two styles has no label of a
folder's; it is measured as corrected only, and only where a decision resolved it.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archstyle.bundle import Bundle, Card, Outputs
from archstyle.common.parallel import parallel_map
from archstyle.config import Split
from archstyle.data.manifest import Row, used
from archstyle.data.splits import split_of
from archstyle.errors import ArchstyleError
from archstyle.photos.reader import PhotoError, read_photo
from archstyle.photos.store import OTHERS, PhotoStore

CHUNK = 4  # photos that a thread takes at a time: their bytes wait in memory


@dataclass(frozen=True)
class Answers:
    """What the bundle with this card says of n photos, in the order of `files`."""

    card: Card
    files: tuple[str, ...]
    probabilities: NDArray[np.float32]  # [n, k]
    distances: NDArray[np.float32] | None = None  # [n]; None: the bundle knows none

    @cached_property
    def predicted(self) -> NDArray[np.int64]:
        """The best style [n]; of equals the first, as in `Bundle.predict`."""
        return np.asarray(self.probabilities.argmax(1), np.int64)

    @cached_property
    def probability(self) -> NDArray[np.float64]:
        """The probability [n] of the best style."""
        return np.asarray(self.probabilities.max(1), np.float64)

    @cached_property
    def in_distribution(self) -> NDArray[np.bool_]:
        """Whether the photo is near enough to what was trained on [n]."""
        return np.broadcast_to(self.card.in_distribution(self.distances), len(self.files))

    @cached_property
    def answered(self) -> NDArray[np.bool_]:
        """Whether the bundle answers rather than abstains [n]."""
        return self.card.sure(self.probability) & self.in_distribution

    @property
    def styles(self) -> tuple[str, ...]:
        """The styles that the columns of `probabilities` stand for."""
        return self.card.styles

    @property
    def coverage(self) -> float:
        """The share of the photos that is answered."""
        return float(self.answered.mean())

    @property
    def out_of_distribution(self) -> float:
        """The share of the photos that is refused by its distance."""
        return float(1 - self.in_distribution.mean())

    def surest(self, chosen: NDArray[np.bool_], at_most: int) -> list[int]:
        """Return the indices of the chosen [n] photos, the surest first."""
        indices = np.flatnonzero(chosen)
        order = np.argsort(-self.probability[indices], kind="stable")
        return [int(i) for i in indices[order][:at_most]]


@dataclass(frozen=True)
class Predictions(Answers):
    """Answers with what they should have been."""

    labels: NDArray[np.int64] = field(kw_only=True)  # [n], indices into the card's styles

    @cached_property
    def correct(self) -> NDArray[np.bool_]:
        """Whether the best style is the label [n]."""
        return np.equal(self.predicted, self.labels, dtype=np.bool_)

    def judged_by(self, labels: Mapping[str, str]) -> "Predictions":
        """Return the answers to those photos that have a style in `labels`, by file."""
        chosen = [i for i, file in enumerate(self.files) if file in labels]
        files = tuple(self.files[i] for i in chosen)
        return replace(
            self,
            files=files,
            labels=np.array([self.styles.index(labels[file]) for file in files], np.int64),
            probabilities=self.probabilities[chosen],
            distances=None if self.distances is None else self.distances[chosen],
        )


def predict_photos(bundle: Bundle, store: PhotoStore, rows: Sequence[Row]) -> Predictions:
    """Ask the bundle about every row's original file, read as the server reads it.

    Raises ArchstyleError where there are no rows, where a style is not the bundle's, or where a
    photo cannot be read.
    """
    if not rows:
        raise ArchstyleError(
            "There are no test photos: raise `split.test` in params.yaml, then run `dvc repro`."
        )
    unknown = sorted({row.style for row in rows} - set(bundle.styles))
    if unknown:
        raise ArchstyleError(
            f"The bundle does not know the style {unknown[0]!r}, which the test photos show: "
            "run `dvc repro train`."
        )
    answers = answer_photos(bundle, store, [row.file for row in rows])
    labels = np.array([bundle.styles.index(row.style) for row in rows], np.int64)
    return Predictions(**vars(answers), labels=labels)


def answer_photos(
    bundle: Bundle, store: PhotoStore, files: Sequence[str], skip: bool = False
) -> Answers:
    """Ask the bundle about every file, read as the server reads it.

    One that cannot be read is left out with `skip`, else it raises ArchstyleError.
    """

    def answer(task: tuple[str, bytes]) -> Outputs | None:
        file, content = task
        try:
            return bundle.run(read_photo(content, bundle.card.preprocessing)[np.newaxis])
        except PhotoError as error:
            if skip:
                return None
            raise ArchstyleError(f"`{file}` cannot be read: {error}") from error

    contents = ((file, store.read(file)) for file in files)
    given = parallel_map(answer, contents, len(files), "measure", chunk=CHUNK)
    read = [(file, out) for file, out in zip(files, given, strict=True) if out is not None]
    none = np.empty((0, len(bundle.styles)), np.float32)
    distances = [out.distances for _, out in read if out.distances is not None]
    return Answers(
        card=bundle.card,
        files=tuple(file for file, _ in read),
        probabilities=np.concatenate([none, *(out.probabilities for _, out in read)]),
        distances=np.concatenate(distances) if distances else None,
    )


@dataclass(frozen=True)
class Labels:
    """The photos to be measured, and their styles by file as labelled and as corrected."""

    rows: list[Row]  # sorted by file; a dropped one has the split that its group would have
    labelled: dict[str, str]
    corrected: dict[str, str]

    @property
    def changes(self) -> dict[str, int]:
        """How many photographs the corrections relabel, drop or let in."""
        both = self.labelled.keys() & self.corrected.keys()
        return {
            "relabelled": sum(self.labelled[file] != self.corrected[file] for file in both),
            "dropped": len(self.labelled.keys() - self.corrected.keys()),
            "let in": len(self.corrected.keys() - self.labelled.keys()),
        }

    @property
    def touched(self) -> int:
        """How many photographs the corrections have to do with."""
        return sum(self.changes.values())


def label_test_photos(rows: Sequence[Row], shares: Split, styles: Collection[str]) -> Labels:
    """Return the test photographs with both labels; `styles` are those that the model knows.

    A dropped photograph was never trained on, whatever its split would have been.
    """
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row.group].append(row)
    buildings = {row.building: row.split for row in rows if row.building and row.split}
    measured = used(rows, "test")
    corrected = {row.file: row.style for row in measured}
    for group, members in groups.items():
        photo = min(members, key=lambda row: (row.sha256, row.file))
        split = buildings.get(photo.building) or split_of(group, shares)
        dropped = group and all(row.status == "dropped" for row in members)
        if dropped and split == "test" and _folder_label(members) in styles:
            measured.append(replace(photo, split="test"))
    measured.sort(key=lambda row: row.file)
    labelled = {row.file: _folder_label(groups[row.group]) for row in measured}
    # A folder that corrections emptied is no style that could be told.
    known = {file: style for file, style in labelled.items() if style in styles}
    return Labels(measured, known or corrected, corrected)


def _folder_label(members: Sequence[Row]) -> str:
    """Return the style under which all photos of a photograph lie, empty where they differ."""
    styles = {row.folder for row in members}
    return styles.pop() if len(styles) == 1 else ""


def measure_others(bundle: Bundle, raw: Path, rows: Sequence[Row]) -> dict[str, Any] | None:
    """Answer the test photos of other styles; None where there are none.

    `photos` is their number, `answered` the share that gets one style, and `styles` both by style.
    """
    if not rows:
        return None
    store, styles = PhotoStore(raw / OTHERS), np.array([row.style for row in rows])
    given = answer_photos(bundle, store, [row.file for row in rows]).answered
    of_styles = {style: given[styles == style] for style in sorted(set(styles.tolist()))}
    return {
        "photos": len(given),
        "answered": float(given.mean()),
        "styles": {style: (len(of), float(of.mean())) for style, of in of_styles.items()},
    }


def other_metrics(others: Mapping[str, Any] | None, card: Card) -> dict[str, float]:
    """Return flat numbers; those of styles left out are of photos that are no test photos."""
    found = {}
    if others:
        found = {f"other_styles_{name}": others[name] for name in ("photos", "answered")}
    if refused := [share for share in card.left_out.values() if share is not None]:
        found["left_out_styles_refused"] = float(np.mean(refused))
    return {name: round(value, 6) for name, value in found.items()}
