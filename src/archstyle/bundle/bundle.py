"""Writes, loads and runs a bundle, and checks it by its golden photos.

Every bundle carries the same golden photos, with the answers that it must give for them.
"""

import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archstyle.bundle.card import Card, labels
from archstyle.bundle.graph import ADVICE, BundleError, Graph, Outputs
from archstyle.bundle.out_of_distribution import Score, features, load_score, save_score
from archstyle.common.files import digest_of, read_json, whole_file, write_json
from archstyle.photos.reader import read_photo

GRAPH, CARD, LABELS = "model.tflite", "card.json", "labels.json"
DISTANCE = "distance.npz"
SEEN = "seen.json"
GOLDEN, EXPECTED = "golden", "golden/golden.json"
# Drawn once. Not the size of any model, so they exercise the resize too.
GOLDEN_PHOTOS = Path(__file__).with_name("golden")
# How far two processors may lie apart in a probability, and by which share in a distance; a changed
# reader moves both by more. Kernels in float32 differ by less than 1e-4; in int8 they round
# differently, which moved a probability by 0.06 and a distance by 3 % at most.
TOLERANCES = {"float32": (0.005, 0.01), "int8": (0.1, 0.1)}
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
    styles: tuple[str, ...] = ()  # that it can be, best first; none: unfamiliar, or the same

    def as_dict(self, file: str) -> dict[str, Any]:
        """Return the keys that the command line and the server share."""
        shared = ("style", "probability", "answered", "probabilities", "reason")
        values = {key: getattr(self, key) for key in shared}
        return {"file": file, **values, "styles": list(self.styles)}


class Bundle:
    """A loaded bundle. `run` and `predict` may be called from several threads."""

    def __init__(self, path: Path, card: Card, threads: int | None = None):
        self.path = path
        self.card = card
        self.styles = card.styles
        self.digest = bundle_digest(path)
        self._labels = read_json(path / LABELS, ADVICE, BundleError)
        self._graph = Graph(path / GRAPH, threads)
        # A bundle made before there were distances has neither the file nor a threshold.
        known = card.distance_threshold is not None
        self._distance = load_score(path / DISTANCE) if known else None

    @classmethod
    def load(cls, path: Path, threads: int | None = None, verify: bool = True) -> "Bundle":
        """Load the bundle in the folder `path` and run its golden photos.

        Raises BundleError where a part is missing or a golden photo gives something else.
        """
        if not (path / GRAPH).is_file():
            raise BundleError(f"{path} is no bundle: it has no {GRAPH}. `make run` makes one.")
        try:
            card = Card.from_dict(read_json(path / CARD, ADVICE, BundleError))
        except (KeyError, TypeError) as error:
            raise BundleError(f"{path / CARD} does not fit this version: {error}.") from error
        bundle = cls(path, card, threads)
        if verify:
            bundle.verify()
        return bundle

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel to another process with its files, for one photo at a time there."""
        files = filter(Path.is_file, self.path.rglob("*"))
        return _unpacked, ({file.relative_to(self.path): file.read_bytes() for file in files},)

    def run(self, images: NDArray[np.uint8]) -> Outputs:
        """Run it on uint8 RGB photos [n, size, size, 3] as `read_photo` gives them, one by one."""
        outputs = self._graph.run(images)
        if self._distance is None:
            return outputs
        return replace(outputs, distances=self._distance(features(outputs)))

    def predict(self, source: bytes | Path) -> Answer:
        """Answer one photo; raises `archstyle.photos.reader.PhotoError` where it cannot be read."""
        return self.answer(read_photo(source, self.card.preprocessing))

    def answer(self, image: NDArray[np.uint8]) -> Answer:
        """Answer one photo, uint8 RGB [size, size, 3] as `read_photo` gives it."""
        outputs = self.run(image[np.newaxis])
        probabilities, distances = outputs.probabilities[0], outputs.distances
        members = self.card.members(outputs.probabilities, distances)
        order = np.argsort(-probabilities, kind="stable")
        best = int(order[0])
        reason = None
        if not self.card.in_distribution(distances):
            reason = UNFAMILIAR
        elif not self.card.sure(probabilities[best]):
            reason = NOT_SURE
        return Answer(
            style=self.styles[best],
            probability=float(probabilities[best]),
            answered=reason is None,
            probabilities={self.styles[i]: float(probabilities[i]) for i in order},
            map=None if outputs.maps is None else _normalised(outputs.maps[0, :, :, best]),
            reason=reason,
            distance=None if distances is None else float(distances[0]),
            styles=() if members is None else tuple(self.styles[i] for i in order if members[0, i]),
        )

    def label(self, style: str) -> str:
        """Return what the style is called in English."""
        return str(self._labels["en"][style])

    def verify(self) -> None:
        """Run the golden photos; raises BundleError where one gives something else."""
        expected = read_json(self.path / EXPECTED, ADVICE, BundleError)
        for name, probabilities in expected["probabilities"].items():
            photo = read_photo(self.path / GOLDEN / name, self.card.preprocessing)
            given = self.run(photo[np.newaxis])
            off = float(np.abs(given.probabilities[0] - np.asarray(probabilities)).max())
            far = 0.0
            if given.distances is not None:
                far = abs(float(given.distances[0]) / expected["distances"][name] - 1)
            if not (off <= expected["tolerance"] and far <= expected.get("distance_tolerance", 0)):
                raise BundleError(
                    f"{self.path} answers its golden photo {name} otherwise than it must (a "
                    f"probability off by {off:.3f}, its distance by {far:.0%}): it is damaged or "
                    "was made for another reader. Train or download it again."
                )


def _unpacked(files: dict[Path, bytes]) -> Bundle:
    with tempfile.TemporaryDirectory(prefix="archstyle-") as folder:
        for name, data in files.items():
            with whole_file(Path(folder, name)) as file:
                file.write_bytes(data)
        return Bundle.load(Path(folder), threads=1)


def write_bundle(directory: Path, graph: bytes, card: Card, distance: Score) -> Bundle:
    """Write graph, labels, card, distance and golden photos into the empty folder `directory`."""
    (directory / GRAPH).write_bytes(graph)
    write_json(directory / CARD, card.as_dict())
    write_json(directory / LABELS, labels(card.styles))
    save_score(directory / DISTANCE, distance)
    shutil.copytree(GOLDEN_PHOTOS, directory / GOLDEN)
    files = sorted((directory / GOLDEN).glob("*.png"))
    photos = np.stack([read_photo(file, card.preprocessing) for file in files])
    given = Bundle.load(directory, verify=False).run(photos)
    names, (tolerance, distance_tolerance) = [f.name for f in files], TOLERANCES[card.precision]
    golden: dict[str, Any] = {
        "tolerance": tolerance,
        "probabilities": dict(zip(names, given.probabilities.tolist(), strict=True)),
    }
    if given.distances is not None:
        golden["distance_tolerance"] = distance_tolerance
        golden["distances"] = dict(zip(names, given.distances.tolist(), strict=True))
    write_json(directory / EXPECTED, golden)
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
    return digest_of(path, filter(Path.is_file, path.rglob("*")))


def _normalised(evidence: NDArray[np.float32]) -> NDArray[np.float32]:
    positive = np.maximum(evidence, 0.0)
    peak = float(positive.max())
    return np.asarray(positive / peak if peak > 0 else positive, np.float32)
