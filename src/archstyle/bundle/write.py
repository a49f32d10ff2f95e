"""Writes a bundle; the graph comes from train."""

from pathlib import Path

import numpy as np

from archstyle.bundle.bundle import CARD, GOLDEN, GRAPH, LABELS, Bundle
from archstyle.bundle.card import Card
from archstyle.bundle.labels import labels
from archstyle.data.facades import STYLES, draw_facade
from archstyle.files import write_json
from archstyle.images import read_photo

# Float32 kernels of two processors differ by less than 1e-4; a changed reader by far more.
TOLERANCE = 0.005
GOLDEN_SEEDS = (101, 202)


def write_bundle(directory: Path, graph: bytes, card: Card) -> Bundle:
    """Write graph, labels, card and golden photos into the empty folder `directory`."""
    (directory / GRAPH).write_bytes(graph)
    write_json(directory / CARD, card.as_dict())
    write_json(directory / LABELS, labels(card.styles))
    (directory / "golden").mkdir()
    for style in STYLES:
        for seed in GOLDEN_SEEDS:
            # Not the model's size, so that the golden photos exercise the resize too.
            draw_facade(style, seed, 320, 240).save(directory / "golden" / f"{style}-{seed}.png")
    bundle = Bundle.load(directory, verify=False)
    names = sorted(path.name for path in (directory / "golden").glob("*.png"))
    photos = [read_photo(directory / "golden" / name, card.preprocessing) for name in names]
    given = bundle.run(np.stack(photos)).probabilities
    expected = {name: [float(p) for p in row] for name, row in zip(names, given, strict=True)}
    write_json(directory / GOLDEN, {"tolerance": TOLERANCE, "probabilities": expected})
    return Bundle.load(directory)
