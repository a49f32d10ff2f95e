"""The photos worth looking at: the worst mistakes and what the model is sure and right about."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
from PIL import Image

from archstyle.bundle import Bundle
from archstyle.common.console import progress
from archstyle.metrics.evaluation import Outside
from archstyle.metrics.predictions import Predictions, Reads
from archstyle.photos.heatmap import heat_layer
from archstyle.photos.store import OUTSIDE, PhotoStore
from archstyle.reports.pictures import thumbnail

MISTAKES = 24
NO_STYLE = "none of its styles"
FEWEST, MOST = 3, 6  # photos of each style that are sure and right
THUMBNAIL = 320  # pixels of the longer side
HEAT_SIDE = 64  # pixels; a page and a figure stretch it smoothly


@dataclass(frozen=True)
class Shown:
    """One photo with its answer; styles under the names that people read."""

    file: str
    label: str
    predicted: str
    probability: float  # of the predicted style
    of_label: float  # of the style that the photo is labelled with
    answered: bool
    photo: Image.Image  # RGB, at most THUMBNAIL pixels a side
    heat: Image.Image | None  # RGBA, to be stretched over the photo

    @property
    def right(self) -> bool:
        """Whether the answer is the label."""
        return self.label == self.predicted

    @property
    def with_heat(self) -> Image.Image:
        """The photo with its map laid over it, where there is one."""
        if self.heat is None:
            return self.photo
        layer = self.heat.resize(self.photo.size, Image.Resampling.BICUBIC)
        return Image.alpha_composite(self.photo.convert("RGBA"), layer).convert("RGB")


def worst_mistakes(predictions: Predictions, at_most: int = MISTAKES) -> list[int]:
    """Return the indices of the wrong answers, the surest first."""
    wrong = np.flatnonzero(~predictions.correct)
    order = np.argsort(-predictions.probability[wrong], kind="stable")
    return [int(i) for i in wrong[order][:at_most]]


def sure_and_right(predictions: Predictions, style: int, at_most: int) -> list[int]:
    """Return the indices of the right answers of one style, the surest first."""
    right = np.flatnonzero(predictions.correct & (predictions.labels == style))
    order = np.argsort(-predictions.probability[right], kind="stable")
    return [int(i) for i in right[order][:at_most]]


def pick(
    bundle: Bundle, store: Reads, predictions: Predictions
) -> tuple[list[Shown], dict[str, list[Shown]]]:
    """Return the worst mistakes, and {style's name: what is sure and right}."""
    wrong = worst_mistakes(predictions)
    each = max(FEWEST, min(MOST, MISTAKES * 2 // len(predictions.styles)))
    right = {
        bundle.label(style): sure_and_right(predictions, i, each)
        for i, style in enumerate(predictions.styles)
    }
    photos = collect(bundle, store, predictions, [*wrong, *chain(*right.values())])
    sure = {name: [photos[i] for i in indices] for name, indices in right.items()}
    return [photos[i] for i in wrong], sure


def collect(
    bundle: Bundle, store: Reads, predictions: Predictions, indices: Iterable[int]
) -> dict[int, Shown]:
    """Read the photos again, smaller, and ask the bundle where it looked."""
    wanted = sorted(set(indices))
    return {
        i: show(bundle, store, predictions.files[i], predictions.styles[predictions.labels[i]])
        for i in progress(wanted, "pictures", len(wanted))
    }


def show_answered(bundle: Bundle, raw: Path, outside: Outside | None) -> list[Shown]:
    """Return the photos of no such building that are answered all the same, the surest first."""
    if outside is None:
        return []
    store = PhotoStore(raw / OUTSIDE)
    return [
        show(bundle, store, outside.answers.files[i], None)
        for i in outside.answers.surest(outside.answers.answered, MISTAKES)
    ]


def show(bundle: Bundle, store: Reads, file: str, style: str | None) -> Shown:
    """Read a photo, smaller, and ask the bundle; `style` is its label, None for none of them."""
    content = store.read(file)
    answer = bundle.predict(content)
    return Shown(
        file=file,
        label=NO_STYLE if style is None else bundle.label(style),
        predicted=bundle.label(answer.style),
        probability=answer.probability,
        of_label=0.0 if style is None else answer.probabilities[style],
        answered=answer.answered,
        photo=thumbnail(content, THUMBNAIL),
        heat=None if answer.map is None else heat_layer(answer.map, HEAT_SIDE, HEAT_SIDE),
    )
