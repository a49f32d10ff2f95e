"""What float32 and int8 cost and give, against the bare interpreter: `python -m benchmarks.bundle`.

Measures models/variants on the validation photos of data/augmented, so after `make run`. Times are
the median of many runs, in turn; processor time is what another busy program cannot lengthen.
"""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from archstyle.bundle import Bundle
from archstyle.bundle.bundle import GRAPH
from archstyle.bundle.quiet import quiet
from archstyle.console import progress, run, say
from archstyle.errors import ArchstyleError

ROOT = Path(__file__).parents[1]
AIMS = "aims: int8 under 5 MB, within half a point, at least twice as fast as float32"
REPEATS = 60


def main(_: object = None) -> None:
    paths = sorted((ROOT / "models/variants").glob("*"))
    augmented = ROOT / "data/augmented"
    if not paths or not (augmented / "validation_labels.npy").is_file():
        raise ArchstyleError("There is no trained bundle to measure: `make run` makes one.")
    photos = np.load(augmented / "validation_images.npy", mmap_mode="r")
    labels = np.load(augmented / "validation_labels.npy")
    bundles = {path.name: Bundle.load(path) for path in paths}
    say(f"{'':10}{'MB':>7}{'MB of graph':>13}{'validation':>12}{'same answer':>13}")
    answers = {name: answered(bundle, photos) for name, bundle in bundles.items()}
    for name, bundle in bundles.items():
        size = sum(file.stat().st_size for file in bundle.path.rglob("*") if file.is_file())
        graph = (bundle.path / GRAPH).stat().st_size
        right, same = (answers[name] == labels).mean(), (answers[name] == answers["float32"]).mean()
        say(f"{name:10}{size / 1e6:7.2f}{graph / 1e6:13.2f}{right:12.3f}{same:13.3f}")
    say(f"\n{'milliseconds a photo':24}{'bundle':>8}{'bare':>8}{'processor':>11}{'faster':>8}")
    for threads in (1, 2):
        measured = times(paths, np.asarray(photos[:8]), threads)
        for name, (whole, bare, processor) in measured.items():
            faster = measured["float32"][2] / processor
            title = f"{name}, {threads} thread{'s' * (threads > 1)}"
            say(f"{title:24}{whole:8.2f}{bare:8.2f}{processor:11.2f}{faster:7.2f}x")
    say(f"({AIMS}; `faster` by processor time of the bare interpreter)")


def answered(bundle: Bundle, photos: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return the best style [n] of every photo."""
    rows = [
        bundle.run(np.asarray(photo)[np.newaxis]).probabilities[0]
        for photo in progress(photos, "answers", len(photos))
    ]
    return np.asarray(np.argmax(rows, axis=1))


def times(
    paths: list[Path], photos: NDArray[np.uint8], threads: int
) -> dict[str, tuple[float, float, float]]:
    """Return the bundle's time, the bare interpreter's and its processor time, in ms."""
    calls: dict[tuple[str, str], Callable[[NDArray[np.uint8]], object]] = {}
    for path in paths:
        calls[path.name, "bundle"] = Bundle.load(path, threads).run
        calls[path.name, "bare"] = bare(path / GRAPH, threads)
    found: dict[tuple[str, str], list[tuple[float, float]]] = {call: [] for call in calls}
    for repeat in progress(range(REPEATS), f"{threads} threads", REPEATS):
        photo = photos[repeat % len(photos)][np.newaxis]
        for key, call in calls.items():
            call(photo)  # back into the processor's cache
            wall, processor = time.perf_counter(), time.process_time()
            call(photo)
            found[key].append((time.perf_counter() - wall, time.process_time() - processor))
    median = {key: 1000 * np.median(values, axis=0) for key, values in found.items()}
    return {
        path.name: (
            float(median[path.name, "bundle"][0]),
            float(median[path.name, "bare"][0]),
            float(median[path.name, "bare"][1]),
        )
        for path in paths
    }


def bare(graph: Path, threads: int) -> Callable[[NDArray[np.uint8]], object]:
    """Return a call of the interpreter that sets the photo and reads nothing."""
    with quiet():
        interpreter = Interpreter(str(graph), num_threads=threads)
        interpreter.allocate_tensors()
    place = interpreter.get_input_details()[0]["index"]

    def call(photo: NDArray[np.uint8]) -> None:
        interpreter.set_tensor(place, photo)
        interpreter.invoke()

    return call


if __name__ == "__main__":
    run(main)
