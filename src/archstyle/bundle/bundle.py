"""Writes, loads and runs a bundle."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archstyle.bundle.card import Card, labels
from archstyle.bundle.golden import EXPECTED, check_golden, write_golden
from archstyle.bundle.graph import ADVICE, BundleError, Graph, Outputs
from archstyle.bundle.out_of_distribution import MahalanobisDistance, features
from archstyle.common.files import read_json, write_json
from archstyle.errors import ArchstyleError
from archstyle.photos.reader import read_photo

GRAPH, CARD, LABELS = "model.tflite", "card.json", "labels.json"
DISTANCE = "distance.npz"
SEEN = "seen.json"
# Why a photo is not answered.
NOT_SURE = "not sure"  # its best style is not probable enough
UNFAMILIAR = "unfamiliar"  # no building, or none of these styles


@dataclass(frozen=True)
class Answer:
    """The answer to one photo."""

    style: str
    probability: float
    answered: bool
    probabilities: dict[str, float]  # best first
    map: NDArray[np.float32] | None  # [h, w] in 0..1, where the evidence for `style` lies
    reason: str | None = None  # why it is not answered: NOT_SURE or UNFAMILIAR
    distance: float | None = None  # from what was trained on; None: the bundle is too old

    def as_dict(self, file: str) -> dict[str, Any]:
        """Return the keys that the command line and the server share."""
        shared = ("style", "probability", "answered", "probabilities", "reason")
        return {"file": file, **{key: getattr(self, key) for key in shared}}


class Bundle:
    """A loaded bundle. `run` and `predict` may be called from several threads."""

    def __init__(self, path: Path, card: Card, threads: int | None = None):
        self.path = path
        self.card = card
        self.styles = card.styles
        self.digest = bundle_digest(path)
        self._labels = _read_json(path / LABELS)
        self._graph = Graph(path / GRAPH, threads)
        # A bundle made before there were distances has neither the file nor a threshold.
        known = card.distance_threshold is not None
        self._distance = MahalanobisDistance.load(path / DISTANCE) if known else None

    @classmethod
    def load(cls, path: Path, threads: int | None = None, verify: bool = True) -> "Bundle":
        """Load the bundle in the folder `path` and run its golden photos.

        Raises BundleError where a part is missing or a golden photo gives something else.
        """
        if not (path / GRAPH).is_file():
            raise BundleError(f"{path} is no bundle: it has no {GRAPH}. `make run` makes one.")
        try:
            card = Card.from_dict(_read_json(path / CARD))
        except (KeyError, TypeError) as error:
            raise BundleError(f"{path / CARD} does not fit this version: {error}.") from error
        bundle = cls(path, card, threads)
        if verify:
            bundle.verify()
        return bundle

    def run(self, images: NDArray[np.uint8]) -> Outputs:
        """Run it on uint8 RGB photos [n, size, size, 3] as `read_photo` gives them, one by one."""
        outputs = self._graph.run(images)
        if self._distance is None:
            return outputs
        return replace(outputs, distances=self._distance(features(outputs)))

    def predict(self, source: bytes | Path) -> Answer:
        """Answer one photo; raises `archstyle.photos.reader.PhotoError` where it cannot be read."""
        image = read_photo(source, self.card.preprocessing)
        return self.answers(self.run(image[np.newaxis]))[0]

    def answers(self, outputs: Outputs) -> list[Answer]:
        """Turn the graph's outputs into one answer a photo."""
        return [self._answer(outputs, index) for index in range(len(outputs.probabilities))]

    def label(self, style: str, language: str = "en") -> str:
        """Return what the style is called in a language, in English where that is missing."""
        return str(self._labels.get(language, self._labels["en"])[style])

    def verify(self) -> None:
        """Run the golden photos; raises BundleError where one gives something else."""
        expected = _read_json(self.path / EXPECTED)
        check_golden(self.path, expected, self.run, self.card.preprocessing)

    def _answer(self, outputs: Outputs, index: int) -> Answer:
        probabilities = outputs.probabilities[index]
        distance = None if outputs.distances is None else outputs.distances[index]
        order = np.argsort(-probabilities, kind="stable")
        best = int(order[0])
        reason = None
        if not self.card.in_distribution(distance):
            reason = UNFAMILIAR
        elif not self.card.sure(probabilities[best]):
            reason = NOT_SURE
        return Answer(
            style=self.styles[best],
            probability=float(probabilities[best]),
            answered=reason is None,
            probabilities={self.styles[i]: float(probabilities[i]) for i in order},
            map=None if outputs.maps is None else _normalised(outputs.maps[index, :, :, best]),
            reason=reason,
            distance=None if distance is None else float(distance),
        )


def write_bundle(
    directory: Path, graph: bytes, card: Card, distance: MahalanobisDistance | None = None
) -> Bundle:
    """Write graph, labels, card, distance and golden photos into the empty folder `directory`."""
    (directory / GRAPH).write_bytes(graph)
    write_json(directory / CARD, card.as_dict())
    write_json(directory / LABELS, labels(card.styles))
    if distance is not None:
        distance.save(directory / DISTANCE)
    run = Bundle.load(directory, verify=False).run
    write_golden(directory, run, card.preprocessing, card.precision)
    return Bundle.load(directory)


def write_seen(directory: Path, sha256s: Iterable[str]) -> None:
    """Add what was trained and calibrated on, so that nobody measures the bundle by it."""
    write_json(directory / SEEN, {"photos": sorted({sha256[:16] for sha256 in sha256s})})


def read_seen(directory: Path) -> frozenset[str] | None:
    """Return the starts of these SHA-256s; None of a bundle that was made before they were kept."""
    if not (directory / SEEN).is_file():
        return None
    return frozenset(read_json(directory / SEEN, ADVICE)["photos"])


def bundle_digest(path: Path) -> str:
    """Return the SHA-256 over the names and contents of a bundle's files."""
    digest = hashlib.sha256()
    for file in sorted(p for p in path.rglob("*") if p.is_file()):
        content = hashlib.sha256(file.read_bytes()).hexdigest()
        digest.update(f"{file.relative_to(path).as_posix()}\0{content}\n".encode())
    return digest.hexdigest()


def _normalised(evidence: NDArray[np.float32]) -> NDArray[np.float32]:
    positive = np.maximum(evidence, 0.0)
    peak = float(positive.max())
    return np.asarray(positive / peak if peak > 0 else positive, np.float32)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        return read_json(path, ADVICE)
    except ArchstyleError as error:
        raise BundleError(str(error)) from error
