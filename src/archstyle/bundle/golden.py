"""Golden photos: every bundle carries the same ones, and the probabilities that they must give."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archstyle.bundle.graph import BundleError, Outputs
from archstyle.common.files import write_json
from archstyle.photos.reader import Preprocessing, read_photo

FOLDER, EXPECTED = "golden", "golden/golden.json"
# How far two processors may lie apart in a probability, and by which share in a distance; a changed
# reader moves both by more. Kernels in float32 differ by less than 1e-4; in int8 they round
# differently, which moved a probability by 0.06 and a distance by 3 % at most.
TOLERANCES = {"float32": (0.005, 0.01), "int8": (0.1, 0.1)}
# Drawn once: the same in every bundle. Not the size of any model, so they exercise the resize too.
GOLDEN_PHOTOS = Path(__file__).with_name("golden")

Run = Callable[[NDArray[np.uint8]], Outputs]


def write_golden(bundle: Path, run: Run, preprocessing: Preprocessing, precision: str) -> None:
    """Lay the photos into the bundle, with what it gives for them."""
    shutil.copytree(GOLDEN_PHOTOS, bundle / FOLDER)
    names = sorted(path.name for path in (bundle / FOLDER).glob("*.png"))
    photos = [read_photo(bundle / FOLDER / name, preprocessing) for name in names]
    given = run(np.stack(photos))
    tolerance, distance_tolerance = TOLERANCES[precision]
    golden: dict[str, Any] = {
        "tolerance": tolerance,
        "probabilities": dict(zip(names, given.probabilities.tolist(), strict=True)),
    }
    if given.distances is not None:
        golden["distance_tolerance"] = distance_tolerance
        golden["distances"] = dict(zip(names, given.distances.tolist(), strict=True))
    write_json(bundle / EXPECTED, golden)


def check_golden(
    bundle: Path, expected: dict[str, Any], run: Run, preprocessing: Preprocessing
) -> None:
    """Run the golden photos; raises BundleError where one gives something else."""
    for name, probabilities in expected["probabilities"].items():
        given = run(read_photo(bundle / FOLDER / name, preprocessing)[np.newaxis])
        off = float(np.abs(given.probabilities[0] - np.asarray(probabilities)).max())
        if not off <= expected["tolerance"]:
            raise BundleError(
                f"{bundle} gives other probabilities for its golden photo {name} than it "
                f"must (off by {off:.3f}): it is damaged or was made for another reader. "
                "Train or download it again."
            )
        if given.distances is None:
            continue
        far = abs(float(given.distances[0]) / expected["distances"][name] - 1)
        if not far <= expected["distance_tolerance"]:
            raise BundleError(
                f"{bundle} finds its golden photo {name} at another distance than it must "
                f"(off by {far:.0%}): it is damaged. Train or download it again."
            )
