"""Which score tells photos of no such building best: `python -m benchmarks.confidence`.

`ARCHSTYLE_OUTSIDE=folder make run` before it. Those photos are halved by a hash of their names: the
method was chosen on one half, and what it is worth is read off the other. Each score is fitted on
the training photos with the embeddings of models/bundle, and its threshold refuses the 3 % of the
validation photos with the highest scores.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from archstyle.bundle import Bundle, Outputs
from archstyle.bundle.out_of_distribution import features
from archstyle.common.console import progress, run, say
from archstyle.data.manifest import read_manifest, used
from archstyle.metrics.evaluation import roc
from archstyle.models.rejection import fit_distance
from archstyle.photos.reader import read_photo
from archstyle.photos.store import OUTSIDE, PhotoStore

ROOT = Path(__file__).parents[1]
REFUSED = 0.03
NEIGHBOURS = 10

Floats = NDArray[np.float64]
Score = Callable[["Seen"], Floats]


@dataclass(frozen=True)
class Seen:
    """What the bundle gives for n photos."""

    probabilities: Floats  # [n, k]
    embeddings: Floats  # [n, d]
    features: Floats  # [n, 2 d], what the bundle's distance works on
    distances: Floats  # [n], the bundle's


def main(_: object = None) -> None:
    if not (ROOT / "data/raw" / OUTSIDE).is_dir():
        say("Nothing to measure: set ARCHSTYLE_OUTSIDE to photos of no such building, `make run`.")
        return
    bundle = Bundle.load(ROOT / "models/bundle")
    rows = read_manifest(ROOT / "data/prepared/manifest.csv")
    store = PhotoStore(ROOT / "data/raw")
    splits = {name: used(rows, name) for name in ("train", "validation", "test")}
    seen = {
        name: see(bundle, [store.read(row.file) for row in chosen])
        for name, chosen in splits.items()
    }
    labels = np.array([bundle.styles.index(row.style) for row in splits["train"]])
    others = PhotoStore(ROOT / "data/raw" / OUTSIDE)
    outside = see(bundle, [others.read(name) for name in others.files()])
    first = np.array([_first_half(name) for name in others.files()])
    say(f"{len(first)} photos of no such building; the bundle is in {bundle.card.precision}.\n")
    say(f"{'':28}{'area under the ROC':>20}{'refused':>17}{'buildings':>11}")
    say(f"{'':28}{'choose':>12}{'tell':>8}{'choose':>9}{'tell':>8}{'kept':>11}")
    for name, score in scores(seen["train"], labels).items():
        validation, test, strange = (score(s) for s in (seen["validation"], seen["test"], outside))
        limit = np.quantile(validation, 1 - REFUSED)
        areas = [roc(test, strange[half]).area for half in (first, ~first)]
        refused = [(strange[half] > limit).mean() for half in (first, ~first)]
        kept = (test <= limit).mean()
        say(
            f"{name:28}{areas[0]:12.4f}{areas[1]:8.4f}{refused[0]:9.3f}{refused[1]:8.3f}{kept:11.3f}"
        )


def see(bundle: Bundle, contents: list[bytes]) -> Seen:
    """Run the bundle over photos."""
    given: list[Outputs] = [
        bundle.run(read_photo(content, bundle.card.preprocessing)[np.newaxis])
        for content in progress(contents, "photos", len(contents))
    ]
    distances = [outputs.distances for outputs in given if outputs.distances is not None]
    return Seen(
        np.concatenate([outputs.probabilities for outputs in given]).astype(np.float64),
        np.concatenate([outputs.embeddings for outputs in given]).astype(np.float64),
        np.concatenate([features(outputs) for outputs in given]),
        np.concatenate(distances).astype(np.float64),
    )


def scores(train: Seen, labels: NDArray[np.int64]) -> dict[str, Score]:
    """Return the candidates by name; high means strange."""

    def fitted(of: Score, axes: int, of_styles: bool = True) -> Score:
        distance = fit_distance(of(train), labels if of_styles else 0 * labels, axes)
        return lambda seen: distance(of(seen)).astype(np.float64)

    def both(seen: Seen) -> Floats:
        return seen.features

    def embedding(seen: Seen) -> Floats:
        # Sun et al. 2022, arXiv:2204.06507: of length one
        lengths = np.linalg.norm(seen.embeddings, axis=1, keepdims=True)
        return np.asarray(seen.embeddings / lengths)

    def kept(seen: Seen) -> Floats:
        return seen.embeddings

    def neighbours(of: Score) -> Score:
        likeness = of(train).T
        return lambda seen: -np.sort(of(seen) @ likeness, axis=1)[:, -NEIGHBOURS]

    def entropy(seen: Seen) -> Floats:
        logarithms = np.log(np.maximum(seen.probabilities, 1e-12))
        return np.asarray(-(seen.probabilities * logarithms).sum(axis=1))

    every = train.embeddings.shape[1] - 1
    return {
        "the bundle's": lambda seen: seen.distances,
        **{f"mean and peaks, {axes} axes": fitted(both, axes) for axes in (16, 32, 64, 128)},
        **{f"mean, {axes} axes": fitted(embedding, axes) for axes in (32, 128)},
        "mean, all axes": fitted(embedding, every),
        "mean, one style": fitted(embedding, every, of_styles=False),
        "mean, length kept": fitted(kept, every),
        f"mean, {NEIGHBOURS} neighbours": neighbours(embedding),
        f"mean and peaks, {NEIGHBOURS} neighbours": neighbours(both),
        "1 - probability of the best": lambda seen: 1 - seen.probabilities.max(axis=1),
        "entropy": entropy,
    }


def _first_half(name: str) -> bool:
    return hashlib.sha256(name.encode()).digest()[-1] % 2 == 0


if __name__ == "__main__":
    run(main)
