"""What a bundle says about the test photos."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from archstyle.bundle import Bundle
from archstyle.console import progress
from archstyle.data.manifest import Row
from archstyle.errors import ArchstyleError
from archstyle.evaluation.metrics import Floats, Ints
from archstyle.images import PhotoError, read_photo

AHEAD = 32  # decoded photos that wait for the network; bounds the memory


class Reads(Protocol):
    """Gives the bytes of a photo by its name in the manifest."""

    def read(self, file: str) -> bytes:
        """Return the bytes of `file`."""
        ...


@dataclass(frozen=True)
class Predictions:
    """The answers to n photos, in the order of `files`."""

    styles: tuple[str, ...]
    files: tuple[str, ...]
    labels: Ints  # [n], indices into styles
    probabilities: NDArray[np.float32]  # [n, k]
    threshold: float  # answered when the probability of the best style is at least this

    @cached_property
    def predicted(self) -> Ints:
        """The best style [n]; of equals the first, as in `Bundle.predict`."""
        return np.asarray(self.probabilities.argmax(1), np.int64)

    @cached_property
    def probability(self) -> Floats:
        """The probability [n] of the best style."""
        return np.asarray(self.probabilities.max(1), np.float64)

    @cached_property
    def correct(self) -> NDArray[np.bool_]:
        """Whether the best style is the label [n]."""
        return np.equal(self.predicted, self.labels, dtype=np.bool_)

    @cached_property
    def answered(self) -> NDArray[np.bool_]:
        """Whether the model would answer rather than say "not sure" [n]."""
        return np.asarray(self.probability >= self.threshold, np.bool_)

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

    def decode(row: Row, content: bytes) -> NDArray[np.uint8]:
        try:
            return read_photo(content, bundle.card.preprocessing)
        except PhotoError as error:
            raise ArchstyleError(f"`{row.file}` cannot be read: {error}") from error

    found = [
        bundle.run(image[np.newaxis]).probabilities[0]
        for image in _decoded(decode, store, progress(rows, "measure", len(rows)))
    ]
    return Predictions(
        styles=tuple(bundle.styles),
        files=tuple(row.file for row in rows),
        labels=np.array([index[row.style] for row in rows], np.int64),
        probabilities=np.stack(found),
        threshold=bundle.card.threshold,
    )


def _decoded(
    decode: Callable[[Row, bytes], NDArray[np.uint8]], store: Reads, rows: Iterable[Row]
) -> Iterator[NDArray[np.uint8]]:
    """Decode in threads, in order, never more than AHEAD photos before they are taken."""
    with ThreadPoolExecutor() as pool:
        waiting: deque[Future[Any]] = deque()
        for row in rows:
            waiting.append(pool.submit(decode, row, store.read(row.file)))
            if len(waiting) > AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
