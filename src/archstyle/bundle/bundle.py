"""Loads and runs a bundle."""

import hashlib
import json
import os
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archstyle.bundle.card import Card
from archstyle.errors import ArchstyleError
from archstyle.images import read_photo

GRAPH, CARD, LABELS, GOLDEN = "model.tflite", "card.json", "labels.json", "golden/golden.json"


class BundleError(ArchstyleError):
    """A bundle that is incomplete or does not reproduce its golden photos."""


@dataclass(frozen=True)
class Outputs:
    """What the graph gives for n photos and k styles."""

    probabilities: NDArray[np.float32]  # [n, k], calibrated, rows sum to 1
    maps: NDArray[np.float32] | None  # [n, h, w, k], evidence for each style; None: no pooled head
    embeddings: NDArray[np.float32]  # [n, d]


@dataclass(frozen=True)
class Answer:
    """The answer to one photo."""

    style: str
    probability: float
    answered: bool  # False: the page says "not sure"
    probabilities: dict[str, float]  # best first
    map: NDArray[np.float32] | None  # [h, w] in 0..1, where the evidence for `style` lies

    def as_dict(self, file: str) -> dict[str, Any]:
        """Return the keys that the command line and the server share."""
        return {
            "file": file,
            "style": self.style,
            "probability": self.probability,
            "answered": self.answered,
            "probabilities": self.probabilities,
        }


class Bundle:
    """A loaded bundle. `run` and `predict` may be called from several threads."""

    def __init__(self, path: Path, card: Card, threads: int | None = None):
        from ai_edge_litert.interpreter import Interpreter

        self.path = path
        self.card = card
        self.styles = card.styles
        self.digest = bundle_digest(path)
        self._labels = _read_json(path / LABELS)
        self._lock = threading.Lock()
        try:
            interpreter = Interpreter(str(path / GRAPH), num_threads=threads or os.cpu_count())
            interpreter.allocate_tensors()
            self._runner = interpreter.get_signature_runner()
        except (ValueError, RuntimeError) as error:
            raise BundleError(f"{path / GRAPH} cannot be run: {error}. Train it again.") from error
        self._input = next(iter(self._runner.get_input_details()))

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
        """Run the graph on uint8 RGB photos [n, size, size, 3] as `read_photo` gives them.

        One photo at a time, so that what evaluate measures is what the server answers.
        """
        results = []
        for image in images:
            with self._lock:
                results.append(self._runner(**{self._input: image[np.newaxis]}))

        def gathered(name: str) -> NDArray[np.float32]:
            return np.concatenate([result[name] for result in results])

        has_maps = "maps" in self._runner.get_output_details()
        return Outputs(
            probabilities=gathered("probabilities"),
            maps=gathered("maps") if has_maps else None,
            embeddings=gathered("embeddings"),
        )

    def predict(self, source: bytes | Path) -> Answer:
        """Answer one photo; raises `archstyle.images.PhotoError` where it cannot be read."""
        image = read_photo(source, self.card.preprocessing)
        return self.answers(self.run(image[np.newaxis]))[0]

    def answers(self, outputs: Outputs) -> list[Answer]:
        """Turn the graph's outputs into one answer a photo."""
        return [
            self._answer(row, None if outputs.maps is None else outputs.maps[index])
            for index, row in enumerate(outputs.probabilities)
        ]

    def label(self, style: str, language: str = "en") -> str:
        """Return what the style is called in a language, in English where that is missing."""
        return str(self._labels.get(language, self._labels["en"])[style])

    def verify(self) -> None:
        """Run the golden photos; raises BundleError where one gives something else."""
        golden = _read_json(self.path / GOLDEN)
        for name, expected in golden["probabilities"].items():
            image = read_photo(self.path / "golden" / name, self.card.preprocessing)
            given = self.run(image[np.newaxis]).probabilities[0]
            distance = float(np.abs(given - np.asarray(expected)).max())
            if not distance <= golden["tolerance"]:
                raise BundleError(
                    f"{self.path} gives other probabilities for its golden photo {name} than it "
                    f"must (off by {distance:.3f}): it is damaged or was made for another reader. "
                    "Train or download it again."
                )

    def _answer(
        self, probabilities: NDArray[np.float32], maps: NDArray[np.float32] | None
    ) -> Answer:
        order = np.argsort(-probabilities, kind="stable")
        best = int(order[0])
        return Answer(
            style=self.styles[best],
            probability=float(probabilities[best]),
            answered=bool(probabilities[best] >= self.card.threshold),
            probabilities={self.styles[i]: float(probabilities[i]) for i in order},
            map=None if maps is None else _normalised(maps[:, :, best]),
        )


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
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BundleError(f"{path.parent} is no whole bundle: {path.name} is missing.") from None
    except ValueError as error:
        raise BundleError(f"{path} is damaged: {error}.") from error
    if not isinstance(values, dict):
        raise BundleError(f"{path} is damaged: it must hold an object.")
    return values
