"""The photos worth looking at: confident mistakes, and confident answers that are right."""

from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from PIL import Image

from archstyle.bundle import Bundle
from archstyle.common.console import progress
from archstyle.metrics.evaluation import Outside
from archstyle.metrics.predictions import Predictions, Reads
from archstyle.photos.heatmap import heat_layer
from archstyle.photos.store import OUTSIDE, PhotoStore
from archstyle.reports.contact_sheet import Tile
from archstyle.reports.page import thumbnail

MISTAKES = 24
NO_STYLE = "none of its styles"
FEWEST, MOST = 3, 6  # right answers of each style
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
    def tile(self) -> Tile:
        """The photo beside itself under its heat map, for a contact sheet."""
        pictures = [self.photo]
        if self.heat is not None:
            layer = self.heat.resize(self.photo.size, Image.Resampling.BICUBIC)
            over = Image.alpha_composite(self.photo.convert("RGBA"), layer)
            pictures.append(over.convert("RGB"))
        said = f"{self.predicted} {self.probability:.0%}"
        caption = said if self.right else f"{said}, labelled {self.label}"
        return Tile(pictures, caption, self.file, self.right)


def pick(
    bundle: Bundle, store: Reads, predictions: Predictions
) -> tuple[list[Shown], dict[str, list[Shown]]]:
    """Return the most confident mistakes, and {style's name: most confident right answers}."""
    wrong = predictions.surest(~predictions.correct, MISTAKES)
    each = max(FEWEST, min(MOST, MISTAKES * 2 // len(predictions.styles)))
    right = {
        bundle.label(style): predictions.surest(
            predictions.correct & (predictions.labels == i), each
        )
        for i, style in enumerate(predictions.styles)
    }
    wanted = sorted({*wrong, *chain(*right.values())})
    photos = {
        i: show(bundle, store, predictions.files[i], predictions.styles[predictions.labels[i]])
        for i in progress(wanted, "pictures", len(wanted))
    }
    sure = {name: [photos[i] for i in indices] for name, indices in right.items()}
    return [photos[i] for i in wrong], sure


def show_answered(bundle: Bundle, raw: Path, outside: Outside | None) -> list[Shown]:
    """Return the out-of-distribution photos that get an answer, the most confident first."""
    if outside is None:
        return []
    answers = outside.answers
    store = PhotoStore(raw / OUTSIDE)
    shown = answers.surest(answers.answered, MISTAKES)
    return [show(bundle, store, answers.files[i], None) for i in shown]


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
