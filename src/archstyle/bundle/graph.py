"""Runs the LiteRT graph of a bundle."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archstyle.bundle.errors import BundleError
from archstyle.bundle.quiet import quiet
from archstyle.common.parallel import cores


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

    def __init__(self, path: Path, workers: int | None = None):
        """Load it for so many photos at once, by default one a core; raises BundleError.

        Each photo has one thread: many are answered as fast as with all threads on one, and none
        waits for another.
        """
        self._workers = workers or cores()
        self._runners: SimpleQueue[Any] = SimpleQueue()
        for _ in range(self._workers):
            runner = _runner(path)
            self._runners.put(runner)
        self._input, details = next(iter(runner.get_input_details().items()))
        self.shape: tuple[int, ...] = tuple(int(side) for side in details["shape"])  # of one photo
        self._gives = set(runner.get_output_details())

    def run(self, images: NDArray[np.uint8]) -> Outputs:
        """Run it on uint8 RGB photos [n, size, size, 3] as `read_photo` gives them.

        Each photo by itself, so that what evaluate measures is what the server answers.
        """
        if len(images) == 1:
            results = [self._run(images[0])]
        else:
            with ThreadPoolExecutor(self._workers) as pool:
                results = list(pool.map(self._run, images))

        def gathered(name: str) -> NDArray[np.float32]:
            return np.concatenate([result[name] for result in results])

        return Outputs(
            probabilities=gathered("probabilities"),
            maps=gathered("maps") if "maps" in self._gives else None,
            embeddings=gathered("embeddings"),
            peaks=gathered("peaks") if "peaks" in self._gives else None,
        )

    def _run(self, image: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
        runner = self._runners.get()
        try:
            found: dict[str, NDArray[np.float32]] = runner(**{self._input: image[np.newaxis]})
        finally:
            self._runners.put(runner)
        return found


def _runner(path: Path) -> Any:
    from ai_edge_litert.interpreter import Interpreter

    try:
        with quiet():
            interpreter = Interpreter(str(path), num_threads=1)
            interpreter.allocate_tensors()
        return interpreter.get_signature_runner()
    except (ValueError, RuntimeError) as error:
        raise BundleError(f"{path} cannot be run: {error}. Train it again.") from error
