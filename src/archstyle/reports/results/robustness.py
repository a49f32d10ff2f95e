"""How a bundle answers photos with what photographers and their telephones do to them.

Each change comes in four strengths, after the idea of ImageNet-C (Hendrycks and Dietterich 2019,
arXiv:1903.12261); they are meant for a photo of SIDE pixels on its shorter side.
"""

import hashlib
import io
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageFilter

from archstyle.bundle import Answer, Bundle
from archstyle.common.parallel import parallel_map
from archstyle.data.crops import chance
from archstyle.data.manifest import Row
from archstyle.metrics.predictions import Labels
from archstyle.photos.reader import open_photo, to_array
from archstyle.photos.store import PhotoStore
from archstyle.reports.results.measure import kept

SIDE = 512
Change = Callable[[Image.Image, float, np.random.Generator], Image.Image]
Points = dict[str, list[dict[str, float]]]  # by perturbation, one for each strength


@dataclass(frozen=True)
class Perturbation:
    """A change of a photo; `strengths` from slight to severe."""

    name: str
    unit: str
    strengths: tuple[float, ...]
    change: Change


def robustness(
    bundle: Bundle, store: PhotoStore, labels: Labels, work: Path, split: str = "test"
) -> Points:
    """Return, for each perturbation, what became of the answers at each strength.

    Keys: strength, accuracy, corrected_accuracy, answered_share, answered_accuracy (as corrected).
    Each perturbation is kept when it is done.
    """
    code = Path(__file__).read_text("utf-8")
    told = json.dumps([bundle.digest, labels.labelled, labels.corrected, code])
    key = hashlib.sha256(told.encode()).hexdigest()[:16]
    return {
        one.name: kept(
            work / f"robustness-{split}-{one.name}.json",
            key,
            lambda one=one: {"points": _points(bundle, store, labels, one)},  # type: ignore[misc]
        )["points"]
        for one in (UNCHANGED, *PERTURBATIONS)
    }


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


def sized(image: Image.Image) -> Image.Image:
    """Bring an RGB photo to SIDE pixels on its shorter side, at which strengths are meant."""
    scale = SIDE / min(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.resize(size, Image.Resampling.BICUBIC, reducing_gap=3.0)


def _points(
    bundle: Bundle, store: PhotoStore, labels: Labels, perturbation: Perturbation
) -> list[dict[str, float]]:
    size = bundle.card.preprocessing.image_size

    def answer(row: Row) -> list[Answer]:
        images = _changed(store, perturbation, size, row)
        return [bundle.answers(bundle.run(image[np.newaxis]))[0] for image in images]

    answers = list(parallel_map(answer, labels.rows, len(labels.rows), perturbation.name, chunk=1))
    points = []
    for index, strength in enumerate(perturbation.strengths):
        said = {
            row.file: (of_photo[index].style, of_photo[index].answered)
            for row, of_photo in zip(labels.rows, answers, strict=True)
        }
        points.append({"strength": strength, **tally(said, labels.labelled, labels.corrected)})
    return points


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


def _noise(image: Image.Image, deviation: float, random: np.random.Generator) -> Image.Image:
    values = np.asarray(image, np.float32)
    noisy = values + random.normal(0, deviation, values.shape).astype(np.float32)
    return Image.fromarray(np.clip(noisy + 0.5, 0, 255).astype(np.uint8))


def _jpeg(image: Image.Image, quality: float, _: np.random.Generator) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=int(quality))
    return Image.open(buffer).convert("RGB")


def _tilt(image: Image.Image, degrees: float, random: np.random.Generator) -> Image.Image:
    """Turn to one side and keep the largest upright part of the same shape that is all photo."""
    angle = math.radians(degrees)
    long = max(image.size) / min(image.size)
    share = 1 / (math.cos(angle) + long * math.sin(angle))
    share -= 4 / min(image.size)  # the outermost pixels are blended with what is beyond the photo
    side = 1 if random.random() < 0.5 else -1
    return _part(image.rotate(side * degrees, Image.Resampling.BICUBIC), share, 0.5, 0.5)


def _part(image: Image.Image, share: float, across: float, down: float) -> Image.Image:
    width, height = (max(16, round(side * share)) for side in image.size)
    left, top = round((image.width - width) * across), round((image.height - height) * down)
    return image.crop((left, top, left + width, top + height))


UNCHANGED = Perturbation("unchanged", "", (0.0,), lambda image, *_: image)
PERTURBATIONS = (
    Perturbation(
        "blur",
        "pixels of 512",
        (2.0, 4.0, 6.0, 10.0),
        lambda image, radius, _: image.filter(ImageFilter.GaussianBlur(radius)),
    ),
    Perturbation("noise", "deviation of 255", (15.0, 30.0, 50.0, 80.0), _noise),
    Perturbation("JPEG", "quality", (40.0, 20.0, 10.0, 5.0), _jpeg),
    Perturbation(
        "dark",
        "share of the light",
        (0.6, 0.4, 0.25, 0.12),
        lambda image, light, _: ImageEnhance.Brightness(image).enhance(light),
    ),
    Perturbation("tilt", "degrees", (5.0, 10.0, 20.0, 30.0), _tilt),
    Perturbation(
        "crop",
        "share of both sides",
        (0.75, 0.55, 0.4, 0.25),
        lambda image, share, random: _part(image, share, random.random(), random.random()),
    ),
    Perturbation(
        "grey",
        "share of the colour gone",
        (0.25, 0.5, 0.75, 1.0),
        lambda image, share, _: ImageEnhance.Color(image).enhance(1 - share),
    ),
)
