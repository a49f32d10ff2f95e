"""How a bundle answers test photos that were blurred, darkened, tilted and so on."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from archstyle.bundle import Answer, Bundle
from archstyle.common.parallel import parallel_map
from archstyle.data.crops import chance
from archstyle.data.manifest import Row
from archstyle.metrics.predictions import Labels
from archstyle.photos.reader import open_photo, to_array
from archstyle.photos.store import PhotoStore
from archstyle.reports.results import perturbations
from archstyle.reports.results.measure import keep, kept
from archstyle.reports.results.perturbations import PERTURBATIONS, SIDE, Perturbation, sized

UNCHANGED = Perturbation("unchanged", "", (0.0,), lambda image, *_: image)


def robustness(
    bundle: Bundle, store: PhotoStore, labels: Labels, work: Path
) -> dict[str, list[dict[str, float]]]:
    """Return, for each perturbation, what became of the answers at each strength.

    Keys: strength, accuracy, corrected_accuracy, answered_share, answered_accuracy (as corrected).
    Each perturbation is kept when it is done.
    """
    code = [Path(file).read_text("utf-8") for file in (__file__, perturbations.__file__)]
    told = json.dumps([bundle.digest, labels.labelled, labels.corrected, code])
    key = hashlib.sha256(told.encode()).hexdigest()[:16]
    found = {}
    for perturbation in (UNCHANGED, *PERTURBATIONS):
        path = work / f"robustness-{perturbation.name}.json"
        known = kept(path, key)
        if known is None:
            known = keep(path, key, {"points": list(_points(bundle, store, labels, perturbation))})
        found[perturbation.name] = known["points"]
    return found


def _points(
    bundle: Bundle, store: PhotoStore, labels: Labels, perturbation: Perturbation
) -> Iterator[dict[str, float]]:
    size = bundle.card.preprocessing.image_size

    def answer(row: Row) -> list[Answer]:
        images = _changed(store, perturbation, size, row)
        return [bundle.answers(bundle.run(image[np.newaxis]))[0] for image in images]

    answers = list(parallel_map(answer, labels.rows, len(labels.rows), perturbation.name, chunk=1))
    for index, strength in enumerate(perturbation.strengths):
        said = {
            row.file: (of_photo[index].style, of_photo[index].answered)
            for row, of_photo in zip(labels.rows, answers, strict=True)
        }
        yield {"strength": strength, **tally(said, labels.labelled, labels.corrected)}


def tally(
    said: Mapping[str, tuple[str, bool]], labelled: Mapping[str, str], corrected: Mapping[str, str]
) -> dict[str, float]:
    """Return the shares of what was said, {file: (style, answered)}, by both kinds of labels."""
    right = [said[file][0] == style for file, style in corrected.items()]
    answered = [said[file][1] for file in corrected]
    kept_right = [good for good, answer in zip(right, answered, strict=True) if answer]
    return {
        "accuracy": _share([said[file][0] == style for file, style in labelled.items()]),
        "corrected_accuracy": _share(right),
        "answered_share": _share(answered),
        "answered_accuracy": _share(kept_right),
    }


def _changed(
    store: PhotoStore, perturbation: Perturbation, size: int, row: Row
) -> list[NDArray[np.uint8]]:
    """Return the photo at each strength: uint8 [size, size, 3]; the same every time."""
    photo: Image.Image = sized(open_photo(store.read(row.file), at_least=SIDE))
    random = chance(0, row.sha256 + perturbation.name, 0)
    state: Any = random.bit_generator.state
    images = []
    for strength in perturbation.strengths:
        # The same side, place and grain at every strength.
        random.bit_generator.state = state
        images.append(to_array(perturbation.change(photo, strength, random), size))
    return images


def _share(values: Sequence[bool]) -> float:
    return round(sum(values) / len(values), 6) if values else 0.0
