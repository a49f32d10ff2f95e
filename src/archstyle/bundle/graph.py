"""Runs the LiteRT graph of a bundle."""

import os
import threading
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from archstyle.bundle.errors import BundleError
from archstyle.bundle.quiet import quiet


@dataclass(frozen=True)
class Outputs:
    """What a bundle gives for n photos and k styles."""

    probabilities: NDArray[np.float32]  # [n, k], calibrated, rows sum to 1
    maps: NDArray[np.float32] | None  # [n, h, w, k], evidence for each style; None: has no maps
    embeddings: NDArray[np.float32]  # [n, d]
    peaks: NDArray[np.float32] | None = None  # [n, d], maxima where embeddings are means
    distances: NDArray[np.float32] | None = None  # [n], from what was trained on; None: unknown


class Graph:
    """A LiteRT graph in a file. `run` may be called from several threads."""

    def __init__(self, path: Path, threads: int | None = None):
        """Load it to run on so many threads, by default one a processor; raises BundleError."""
        from ai_edge_litert.interpreter import Interpreter

        self._lock = threading.Lock()
        try:
            with quiet():
                interpreter = Interpreter(str(path), num_threads=threads or os.cpu_count())
                interpreter.allocate_tensors()
            self._runner = interpreter.get_signature_runner()
        except (ValueError, RuntimeError) as error:
            raise BundleError(f"{path} cannot be run: {error}. Train it again.") from error
        self._input, details = next(iter(self._runner.get_input_details().items()))
        self.shape: tuple[int, ...] = tuple(int(side) for side in details["shape"])  # of one photo
        self._gives = set(self._runner.get_output_details())

    def run(self, images: NDArray[np.uint8]) -> Outputs:
        """Run it on uint8 RGB photos [n, size, size, 3] as `read_photo` gives them.

        One photo at a time, so that what evaluate measures is what the server answers.
        """
        results = []
        for image in images:
            with self._lock:
                results.append(self._runner(**{self._input: image[np.newaxis]}))

        def gathered(name: str) -> NDArray[np.float32]:
            return np.concatenate([result[name] for result in results])

        return Outputs(
            probabilities=gathered("probabilities"),
            maps=gathered("maps") if "maps" in self._gives else None,
            embeddings=gathered("embeddings"),
            peaks=gathered("peaks") if "peaks" in self._gives else None,
        )
