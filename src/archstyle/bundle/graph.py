"""Runs the LiteRT graph of a bundle."""

import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archstyle.common.parallel import cores
from archstyle.errors import ArchstyleError

NOISE = (b"INFO: Created TensorFlow Lite XNNPACK delegate", b"fully_quantize:")
ADVICE = "train or download the bundle again"
_one_at_a_time = threading.Lock()


class BundleError(ArchstyleError):
    """A bundle that is incomplete or does not reproduce its golden photos."""


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

    def run(self, images: NDArray[np.uint8]) -> Outputs:
        """Run it on uint8 RGB photos [n, size, size, 3] as `read_photo` gives them.

        Each photo by itself, so that what evaluate measures is what the server answers.
        """
        if len(images) == 1:
            results = [self.run_one(images[0])]
        else:
            with ThreadPoolExecutor(self._workers) as pool:
                results = list(pool.map(self.run_one, images))
        given = {name: np.concatenate([each[name] for each in results]) for name in results[0]}
        return Outputs(maps=given.pop("maps", None), **given)

    def run_one(self, image: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
        """Return each output [1, ...] for one photo, by its name in the graph."""
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


@contextmanager
def quiet(noise: tuple[bytes, ...] = NOISE) -> Iterator[None]:
    """Keep lines that begin so from stderr; what anyone else writes comes after the block.

    There is no setting for them, and they are written to the file descriptor itself.
    """
    with _one_at_a_time, tempfile.TemporaryFile() as held:
        sys.stderr.flush()
        stderr = os.dup(2)
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(stderr, 2)
            held.seek(0)
            rest = b"".join(line for line in held if not line.startswith(noise))
            if rest:
                os.write(stderr, rest)
            os.close(stderr)
