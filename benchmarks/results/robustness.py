"""How a bundle answers photos with what photographers and their telephones do to them.

Each change comes in four strengths, after the idea of ImageNet-C (Hendrycks and Dietterich 2019,
arXiv:1903.12261); they are meant for a photo of SIDE pixels on its shorter side.
"""

import hashlib
import io
import json
import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter

from archstyle.bundle import Answer, Bundle
from archstyle.common.files import write_json
from archstyle.common.parallel import parallel_map
from archstyle.data.crops import chance
from archstyle.data.manifest import Row
from archstyle.photos.reader import open_photo, to_array
from archstyle.photos.store import PhotoStore

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
    bundle: Bundle, store: PhotoStore, rows: Sequence[Row], work: Path, split: str = "test"
) -> Points:
    """Return, for each perturbation, what became of the answers to these photos at each strength.

    By the corrected styles; keys: strength, accuracy, answered_share, answered_accuracy. Each
    perturbation is kept when it is done.
    """
    code, styles = Path(__file__).read_text("utf-8"), {row.file: row.style for row in rows}
    key = hashlib.sha256(json.dumps([bundle.digest, styles, code]).encode()).hexdigest()[:16]
    points = {}
    for one in (UNCHANGED, *PERTURBATIONS):

        def measure(one: Perturbation = one) -> dict[str, Any]:
            def answer(row: Row) -> list[Answer]:
                return _answers(bundle, store, row, one)

            answers = parallel_map(answer, rows, len(rows), one.name, chunk=1)
            by_strength = zip(one.strengths, zip(*answers, strict=True), strict=True)
            return {"points": [{"strength": s, **tally(rows, said)} for s, said in by_strength]}

        points[one.name] = kept(work / f"robustness-{split}-{one.name}.json", key, measure)
    return {name: found["points"] for name, found in points.items()}


def kept(path: Path, key: str, measure: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return a result that was measured before under `key`, or measure and keep it."""
    with suppress(OSError, ValueError, KeyError):
        found: dict[str, Any] = json.loads(path.read_text("utf-8"))
        if found["key"] == key:
            return found
    found = {"key": key, **measure()}
    write_json(path, found)
    return found


def tally(rows: Sequence[Row], said: Sequence[Answer]) -> dict[str, float]:
    """Return the shares of what was said of the photos."""
    right = np.array([one.style == row.style for row, one in zip(rows, said, strict=True)])
    answered = np.array([one.answered for one in said])
    found = {"accuracy": right, "answered_share": answered, "answered_accuracy": right[answered]}
    return {name: round(float(np.sum(of) / max(1, len(of))), 6) for name, of in found.items()}


def sized(image: Image.Image) -> Image.Image:
    """Bring an RGB photo to SIDE pixels on its shorter side, at which strengths are meant."""
    scale = SIDE / min(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.resize(size, Image.Resampling.BICUBIC, reducing_gap=3.0)


def _answers(
    bundle: Bundle, store: PhotoStore, row: Row, perturbation: Perturbation
) -> list[Answer]:
    """Return what is said of the photo at each strength; the same every time."""
    photo: Image.Image = sized(open_photo(store.read(row.file), at_least=SIDE))
    random = chance(0, row.sha256 + perturbation.name, 0)
    state: Any = random.bit_generator.state
    answers = []
    for strength in perturbation.strengths:
        # The same side, place and grain at every strength.
        random.bit_generator.state = state
        changed = perturbation.change(photo, strength, random)
        image = to_array(changed, bundle.card.preprocessing.image_size)
        answers.append(bundle.answer(image))
    return answers


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
# fmt: off
PERTURBATIONS = (
    Perturbation("blur", "pixels of 512", (2.0, 4.0, 6.0, 10.0),
                 lambda image, radius, _: image.filter(ImageFilter.GaussianBlur(radius))),
    Perturbation("noise", "deviation of 255", (15.0, 30.0, 50.0, 80.0), _noise),
    Perturbation("JPEG", "quality", (40.0, 20.0, 10.0, 5.0), _jpeg),
    Perturbation("dark", "share of the light", (0.6, 0.4, 0.25, 0.12),
                 lambda image, light, _: ImageEnhance.Brightness(image).enhance(light)),
    Perturbation("tilt", "degrees", (5.0, 10.0, 20.0, 30.0), _tilt),
    Perturbation("crop", "share of both sides", (0.75, 0.55, 0.4, 0.25),
                 lambda image, share, by: _part(image, share, by.random(), by.random())),
    Perturbation("grey", "share of the colour gone", (0.25, 0.5, 0.75, 1.0),
                 lambda image, share, _: ImageEnhance.Color(image).enhance(1 - share)),
)
# fmt: on
