"""What a bundle says about the test photos."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from archstyle.bundle import Bundle, Outputs
from archstyle.common.parallel import parallel_map
from archstyle.data.manifest import Row
from archstyle.errors import ArchstyleError
from archstyle.metrics.classification import Floats, Ints
from archstyle.photos.reader import PhotoError, read_photo

CHUNK = 4  # photos that a thread takes at a time: their bytes wait in memory


class Reads(Protocol):
    """Gives the bytes of a photo by its name in the manifest."""

    def read(self, file: str) -> bytes:
        """Return the bytes of `file`."""
        ...


@dataclass(frozen=True)
class Answers:
    """What a bundle says of n photos, in the order of `files`.

    A photo is answered when the probability of its best style is at least `threshold` and its
    distance, where the bundle tells one, at most `distance_threshold`.
    """

    styles: tuple[str, ...]
    files: tuple[str, ...]
    probabilities: NDArray[np.float32]  # [n, k]
    threshold: float
    distances: NDArray[np.float32] | None = None  # [n]
    distance_threshold: float | None = None

    @cached_property
    def predicted(self) -> Ints:
        """The best style [n]; of equals the first, as in `Bundle.predict`."""
        return np.asarray(self.probabilities.argmax(1), np.int64)

    @cached_property
    def probability(self) -> Floats:
        """The probability [n] of the best style."""
        return np.asarray(self.probabilities.max(1), np.float64)

    @cached_property
    def familiar(self) -> NDArray[np.bool_]:
        """Whether the photo is near enough to what was trained on [n]."""
        if self.distances is None or self.distance_threshold is None:
            return np.ones(len(self.files), np.bool_)
        return np.asarray(self.distances.astype(np.float64) <= self.distance_threshold)

    @cached_property
    def answered(self) -> NDArray[np.bool_]:
        """Whether the model would answer rather than keep quiet [n]."""
        return np.asarray((self.probability >= self.threshold) & self.familiar, np.bool_)


@dataclass(frozen=True)
class Predictions(Answers):
    """Answers with what they should have been."""

    labels: Ints = field(kw_only=True)  # [n], indices into styles

    @cached_property
    def correct(self) -> NDArray[np.bool_]:
        """Whether the best style is the label [n]."""
        return np.equal(self.predicted, self.labels, dtype=np.bool_)

    def judged_by(self, labels: Mapping[str, str]) -> "Predictions":
        """Return the answers to those photos that have a style in `labels`, by file."""
        chosen = [i for i, file in enumerate(self.files) if file in labels]
        files = tuple(self.files[i] for i in chosen)
        indices = [self.styles.index(labels[file]) for file in files]
        return replace(
            self,
            files=files,
            labels=np.array(indices, np.int64),
            probabilities=self.probabilities[chosen],
            distances=None if self.distances is None else self.distances[chosen],
        )


def predict_photos(bundle: Bundle, store: Reads, rows: Sequence[Row]) -> Predictions:
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
    index = {style: i for i, style in enumerate(bundle.styles)}
    answers = answer_photos(bundle, store, [row.file for row in rows])
    return Predictions(
        **{each.name: getattr(answers, each.name) for each in fields(Answers)},
        labels=np.array([index[row.style] for row in rows], np.int64),
    )


def answer_photos(
    bundle: Bundle, store: Reads, files: Sequence[str], skip: bool = False
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

    read: list[str] = []
    probabilities = [np.empty((0, len(bundle.styles)), np.float32)]
    distances: list[NDArray[np.float32]] = []
    contents = ((file, store.read(file)) for file in files)
    given = parallel_map(answer, contents, len(files), "measure", chunk=CHUNK)
    for file, outputs in zip(files, given, strict=True):
        if outputs is not None:
            read.append(file)
            probabilities.append(outputs.probabilities)
            distances += [] if outputs.distances is None else [outputs.distances]
    return Answers(
        styles=tuple(bundle.styles),
        files=tuple(read),
        probabilities=np.concatenate(probabilities),
        threshold=bundle.card.threshold,
        distances=np.concatenate(distances) if distances else None,
        distance_threshold=bundle.card.distance_threshold,
    )
