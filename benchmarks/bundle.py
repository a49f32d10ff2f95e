"""What float32 and int8 cost and give, against the bare interpreter: `python -m benchmarks.bundle`.

Measures models/variants on the validation photos, so after `make run`. Times are the median of many
runs, in turn.
"""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from archstyle.bundle import Bundle
from archstyle.bundle.bundle import GRAPH
from archstyle.bundle.graph import quiet
from archstyle.common.console import progress, run, say
from archstyle.data.manifest import read_manifest, used
from archstyle.errors import ArchstyleError
from archstyle.metrics.predictions import predict_photos
from archstyle.photos.reader import read_photo
from archstyle.photos.store import PhotoStore

ROOT = Path(__file__).parents[1]
AIMS = "aims: int8 under 5 MB, within half a point, at least twice as fast as float32"
REPEATS = 60


def main(_: object = None) -> None:
    paths = sorted(path.parent for path in (ROOT / "models/variants").glob(f"*/{GRAPH}"))
    if not paths:
        raise ArchstyleError("There is no trained bundle to measure: `make run` makes one.")
    rows = used(read_manifest(ROOT / "data/prepared/manifest.csv"), "validation")
    store = PhotoStore(ROOT / "data/raw")
    bundles = {path.name: Bundle.load(path) for path in paths}
    say(f"{'':10}{'MB':>7}{'MB of graph':>13}{'validation':>12}{'same answer':>13}")
    answers = {name: predict_photos(bundle, store, rows) for name, bundle in bundles.items()}
    for name, bundle in bundles.items():
        size = sum(file.stat().st_size for file in bundle.path.rglob("*") if file.is_file())
        graph = (bundle.path / GRAPH).stat().st_size
        right = answers[name].correct.mean()
        same = (answers[name].predicted == answers["float32"].predicted).mean()
        say(f"{name:10}{size / 1e6:7.2f}{graph / 1e6:13.2f}{right:12.3f}{same:13.3f}")
    say(f"\n{'milliseconds a photo':24}{'one core':>10}{'two':>8}{'bundle':>8}{'faster':>8}")
    preprocessing = bundles["float32"].card.preprocessing
    photos = [read_photo(store.read(row.file), preprocessing) for row in rows[:8]]
    measured = times(paths, np.stack(photos))
    for name, (one, two, whole) in measured.items():
        faster = measured["float32"][0] / one
        say(f"{name:24}{one:10.2f}{two:8.2f}{whole:8.2f}{faster:7.2f}x")
    say(f"({AIMS}; `one core` and `two` are the bare interpreter's, `faster` is of one core)")


def times(paths: list[Path], photos: NDArray[np.uint8]) -> dict[str, tuple[float, float, float]]:
    """Return the bare interpreter's time on one core and on two, and the bundle's, in ms."""
    calls: dict[tuple[str, int], Callable[[NDArray[np.uint8]], object]] = {}
    for path in paths:
        calls[path.name, 0] = bare(path / GRAPH, 1)
        calls[path.name, 1] = bare(path / GRAPH, 2)
        calls[path.name, 2] = Bundle.load(path, 1).run
    found: dict[tuple[str, int], list[float]] = {call: [] for call in calls}
    for repeat in progress(range(REPEATS), "latency", REPEATS):
        photo = photos[repeat % len(photos)][np.newaxis]
        for key, call in calls.items():
            call(photo)  # back into the processor's cache
            start = time.perf_counter()
            call(photo)
            found[key].append(time.perf_counter() - start)
    median = {key: 1000 * float(np.median(values)) for key, values in found.items()}
    return {
        path.name: (median[path.name, 0], median[path.name, 1], median[path.name, 2])
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
