"""A bundle that tells styles by colour, and a project to measure it in."""

import colorsys
import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from archstyle.bundle import Answer, Bundle, Card, Outputs
from archstyle.bundle.card import PredictionSets
from archstyle.config import Split
from archstyle.data.manifest import Row, write_manifest
from archstyle.data.preparation import summarize
from archstyle.metrics.evaluation import Evaluation, measure
from archstyle.metrics.predictions import Labels, Predictions
from archstyle.photos.heatmap import heat_layer
from archstyle.photos.names import Found
from archstyle.photos.packing import pack
from archstyle.photos.reader import Preprocessing, read_photo
from archstyle.photos.store import PhotoStore
from archstyle.reports.evaluation import Report, Shown
from archstyle.reports.evaluation_charts import NUMBERS

HISTORY = """epoch,phase,loss,accuracy,validation_loss,validation_accuracy
1,head,1.5,0.4,1.4,0.45
2,head,1.2,0.5,,
3,network,0.9,0.7,1.0,0.65
"""
STYLES = ("baroque", "byzantine", "egyptian", "gothic")
SUMMARY = {
    "styles": list(STYLES),
    "counts": {s: {"train": 5 + i, "validation": 2, "test": 2} for i, s in enumerate(STYLES)},
    "status": {"used": 43, "duplicate": 7, "broken": 1},
    "digest": "d",
    "source": {"kind": "folder", "location": "photos", "drawn": False, "digest": "s"},
}
CONFIG = {"seed": 1, "model": {"name": "colours"}}


def colours(k: int) -> NDArray[np.float64]:
    """Return k colours [k, 3] in 0..255, far from one another."""
    return np.array([colorsys.hsv_to_rgb(i / k, 0.8, 0.8) for i in range(k)]) * 255


def card(styles: Sequence[str] = STYLES, drawn: bool = False, digest: str = "d") -> Card:
    return Card(
        name="colours",
        styles=tuple(styles),
        preprocessing=Preprocessing(32),
        temperature=1.0,
        threshold=0.6,
        drawn=drawn,
        source={},
        data_digest=digest,
        counts={},
        config=CONFIG,
        metrics={"validation": {"accuracy": 0.9}},
        lineage={"git_commit": "abc"},
        prediction_sets=PredictionSets(0.95, 0.01, (0.9,) * len(styles)),
    )


class ColourBundle(Bundle):
    """Has what evaluate uses of a Bundle; answers the style whose colour the photo has."""

    digest = "b" * 64

    def __init__(self, card: Card, maps: bool = True):
        self.card, self.styles, self.maps = card, card.styles, maps
        self.seen = 0

    def run(self, images: NDArray[np.uint8]) -> Outputs:
        self.seen += len(images)
        mean = images.mean((1, 2))[:, None]
        apart = np.linalg.norm(mean - colours(len(self.styles)), axis=2)
        logits = -apart / 30
        odds = np.exp(logits - logits.max(1, keepdims=True))
        probabilities = (odds / odds.sum(1, keepdims=True)).astype(np.float32)
        known = self.card.distance_threshold is not None
        distances = apart.min(1).astype(np.float32) if known else None
        embeddings = np.zeros((len(images), 2), np.float32)
        return Outputs(probabilities, None, embeddings, distances=distances)

    def predict(self, source: bytes | Path) -> Answer:
        row = self.run(read_photo(source, self.card.preprocessing)[None]).probabilities[0]
        best = int(row.argmax())
        return Answer(
            style=self.styles[best],
            probability=float(row[best]),
            answered=bool(row[best] >= self.card.threshold),
            probabilities=dict(zip(self.styles, map(float, row), strict=True)),
            map=np.linspace(0, 1, 49, dtype=np.float32).reshape(7, 7) if self.maps else None,
        )

    def label(self, style: str, language: str = "en") -> str:
        return style.capitalize()


class Photos:
    """Photos in memory, for `pack` and in the place of a PhotoStore."""

    location = "photos"

    def __init__(self, photos: dict[str, bytes], kind: str = "folder"):
        self.photos, self.kind = photos, kind

    def files(self, max_bytes: int) -> Iterator[Found]:
        for name, data in self.photos.items():
            yield Found(name, data)

    def stamps(self) -> Iterator[str]:
        yield from self.photos

    def read(self, file: str) -> bytes:
        return self.photos[file]


def stored(photos: dict[str, bytes]) -> PhotoStore:
    """Return photos in memory as what reads data/raw."""
    return cast(PhotoStore, Photos(photos))


def photo(colour: NDArray[np.float64], seed: int) -> bytes:
    """Return a PNG of the colour with noise, so that no two are the same."""
    noise = np.random.default_rng(seed).normal(0, 12, (30, 40, 3))
    buffer = BytesIO()
    Image.fromarray(np.clip(colour + noise, 0, 255).astype(np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def rows_and_photos(wrong: int = 2) -> tuple[list[Row], dict[str, bytes]]:
    """Return four styles with nine photos each, three a split; `wrong` have another's colour."""
    rows, photos = [], {}
    for i, style in enumerate(STYLES):
        for n in range(9):
            split = ("train", "validation", "test")[n % 3]
            file = f"{style}/{n}.png"
            mistaken = split == "test" and n == 2 and i < wrong
            photos[file] = photo(colours(4)[(i + mistaken) % 4], 10 * i + n)
            rows.append(Row(file, style, f"sha-{file}", "", f"group-{file}", split, "used", ""))
    return rows, photos


def make_project(root: Path, kind: str = "folder") -> ColourBundle:
    """Lay out what the stages before evaluate leave; return the bundle that belongs there."""
    repository = Path(__file__).parents[1]
    shutil.copytree(repository / "conf", root / "conf")
    shutil.copy(repository / "params.yaml", root)
    rows, photos = rows_and_photos()
    for folder in ("data/raw", "data/prepared", "models"):
        (root / folder).mkdir(parents=True)
    pack(Photos(photos, kind), root / "data/raw", None, 10**9)
    source = json.loads((root / "data/raw/source.json").read_text("utf-8"))
    summary = summarize(rows, source, Split(0.3, 0.3))
    write_manifest(root / "data/prepared/manifest.csv", rows)
    (root / "data/prepared/summary.json").write_text(json.dumps(summary), "utf-8")
    (root / "models/history.csv").write_text(HISTORY, "utf-8")
    (root / "models/run.json").write_text('{"run_id": "0123abc"}', "utf-8")
    return ColourBundle(card(digest=summary["digest"], drawn=kind == "facades"))


def evaluation(k: int = 4, n: int = 200, threshold: float = 0.6, skill: float = 2.5) -> Evaluation:
    """Return the evaluation of made-up answers."""
    random = np.random.default_rng(k)
    labels = random.integers(0, k, n)
    logits = random.normal(size=(n, k)) + skill * np.eye(k)[labels]
    probabilities = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    styles = STYLES if k == len(STYLES) else tuple(f"style number {i}" for i in range(k))
    predictions = Predictions(
        card=replace(card(styles), threshold=threshold),
        files=tuple(f"{styles[label]}/{i}.jpg" for i, label in enumerate(labels)),
        labels=labels.astype(np.int64),
        probabilities=probabilities.astype(np.float32),
    )
    return measure(predictions, dict.fromkeys(styles, 10), samples=500, seed=1)


def shown(heat: bool = True, right: bool = False) -> Shown:
    picture = Image.open(BytesIO(photo(np.array([90.0, 120, 200]), 1))).convert("RGB")
    layer = heat_layer(np.eye(7, dtype=np.float32), 64, 64) if heat else None
    answer = "Gothic" if right else "Baroque"
    return Shown("gothic/a.jpg", "Gothic", answer, 0.9, 0.05, True, picture, layer)


def report(**changes: Any) -> Report:
    whole = Report(
        labelled=evaluation(),
        corrected=evaluation(),
        labels=Labels([], {}, {}),
        answers=evaluation().predictions,
        names=[style.capitalize() for style in STYLES],
        card=card(),
        bundle_digest="b" * 64,
        summary=SUMMARY,
        run={"run_id": "0123abc"},
        history=pd.DataFrame(
            np.linspace(0.5, 1, 15).reshape(5, 3).T, columns=["epoch", *NUMBERS]
        ).assign(phase="head"),
        mistakes=[shown(), shown(heat=False)],
        sure={"Gothic": [shown(right=True)], "Baroque": []},
    )
    return replace(whole, **changes)
