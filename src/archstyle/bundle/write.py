"""Writes a bundle; the graph comes from train."""

import shutil
from pathlib import Path

import numpy as np

from archstyle.bundle.bundle import CARD, DISTANCE, GOLDEN, GRAPH, LABELS, Bundle
from archstyle.bundle.card import Card
from archstyle.bundle.distance import Distance
from archstyle.bundle.labels import labels
from archstyle.common.files import write_json
from archstyle.photos.reader import read_photo

# How far two processors may lie apart in a probability, and by which share in a distance; a changed
# reader moves both by more. Kernels in float32 differ by less than 1e-4; in int8 they round
# differently, which moved a probability by 0.06 and a distance by 3 % at most.
TOLERANCES = {"float32": (0.005, 0.01), "int8": (0.1, 0.1)}
# Drawn once: the same in every bundle. Not the size of any model, so they exercise the resize too.
GOLDEN_PHOTOS = Path(__file__).with_name("golden")


def write_bundle(
    directory: Path, graph: bytes, card: Card, distance: Distance | None = None
) -> Bundle:
    """Write graph, labels, card, distance and golden photos into the empty folder `directory`."""
    (directory / GRAPH).write_bytes(graph)
    write_json(directory / CARD, card.as_dict())
    write_json(directory / LABELS, labels(card.styles))
    if distance is not None:
        distance.save(directory / DISTANCE)
    (directory / "golden").mkdir()
    for photo in GOLDEN_PHOTOS.glob("*.png"):
        shutil.copyfile(photo, directory / "golden" / photo.name)
    bundle = Bundle.load(directory, verify=False)
    names = sorted(path.name for path in (directory / "golden").glob("*.png"))
    photos = [read_photo(directory / "golden" / name, card.preprocessing) for name in names]
    given = bundle.run(np.stack(photos))
    rows = zip(names, given.probabilities, strict=True)
    tolerance, distance_tolerance = TOLERANCES[card.precision]
    golden = {
        "tolerance": tolerance,
        "probabilities": {name: [float(p) for p in row] for name, row in rows},
    }
    if given.distances is not None:
        distances = map(float, given.distances)
        golden["distance_tolerance"] = distance_tolerance
        golden["distances"] = dict(zip(names, distances, strict=True))
    write_json(directory / GOLDEN, golden)
    return Bundle.load(directory)
