"""A small project as the stages leave it, and an empty MLflow database, for tests of tracking."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest

from archstyle.bundle import Bundle, Card
from archstyle.common.files import write_json
from archstyle.data.manifest import Row, write_manifest
from archstyle.photos.names import Found
from archstyle.photos.packing import pack
from facades import STYLES, draw_facade

CONFIG = {"seed": 1, "model": {"name": "tiny", "image_size": 16}, "train": {"epochs": 2}}
RUN_ID = "0123456789abcdef0123456789abcdef"
HISTORY = """epoch,phase,loss,accuracy,validation_loss,validation_accuracy,learning_rate
1,head,1.5,0.4,1.4,0.45,0.01
2,head,1.2,0.5,,,0.01
1,network,0.9,0.7,1.0,0.65,0.0005
"""


class Drawn:
    """Photos in memory, for `pack`."""

    kind = "folder"
    location = "photos"

    def __init__(self, photos: dict[str, bytes]):
        self.photos = photos

    def files(self, max_bytes: int) -> Iterator[Found]:
        for name, data in self.photos.items():
            yield Found(name, data)

    def stamps(self) -> Iterator[str]:
        yield from self.photos


@pytest.fixture(scope="session")
def facades() -> dict[str, bytes]:
    """Twelve facades as PNG files."""
    drawn = {}
    for style in STYLES:
        for seed in range(3):
            buffer = BytesIO()
            draw_facade(style, seed, 96, 64).save(buffer, "PNG")
            drawn[f"photos/{style}-{seed}.png"] = buffer.getvalue()
    return drawn


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sqlite file with MLflow's tables, which take seconds to make."""
    from archstyle.tracking.store import connect

    folder = tmp_path_factory.mktemp("database")
    with pytest.MonkeyPatch.context() as patch:
        clean(patch, folder)
        connect(create=True)
    return folder / "mlflow.db"


@pytest.fixture
def project(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    empty_database: Path,
    tiny_bundle: Path,
    facades: dict[str, bytes],
) -> Path:
    """A project after evaluate, with an MLflow database that knows nothing of it.

    Every test photo bears the style that the bundle answers, so that it is right on all of them.
    """
    root = tmp_path / "project"
    root.mkdir()
    clean(monkeypatch, root)
    shutil.copy(empty_database, root / "mlflow.db")
    install_bundle(root, tiny_bundle)
    (root / "models" / "history.csv").write_text(HISTORY, "utf-8")
    write_json(root / "models" / "run.json", {"run_id": RUN_ID, "git.commit": "c0ffee"})
    label_photos(root, facades, root / "models" / "bundle")
    reports = root / "reports"
    (reports / "figures").mkdir(parents=True)
    (reports / "figures" / "confusion.png").write_bytes(next(iter(facades.values())))
    page = '<!doctype html><title>report</title><object data="promotion.html"></object>'
    (reports / "index.html").write_text(page, "utf-8")
    (reports / "model-card.md").write_text("# Model card", "utf-8")
    metrics = {
        "accuracy": 0.9,
        "accuracy_low": 0.85,
        "accuracy_high": 0.94,
        "macro_f1": 0.89,
        "test_photos": 100,
    }
    write_json(reports / "metrics.json", metrics)
    return root


def clean(patch: pytest.MonkeyPatch, root: Path) -> None:
    """Work in `root` with nothing of the surroundings' settings."""
    patch.chdir(root)
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_RUN_ID", "DVC_ROOT", "DVC_STAGE", "DVC_EXP_NAME"):
        patch.delenv(name, raising=False)
    patch.setenv("ARCHSTYLE_CACHE", str(root / "cache" / "registry"))


def install_bundle(
    root: Path, bundle: Path, styles: tuple[str, ...] | None = None, drawn: bool | None = None
) -> None:
    """Put a bundle into models/; other `styles` in the card make another, worse model of it."""
    target = root / "models" / "bundle"
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(bundle, target)
    card = Card.from_dict(json.loads((target / "card.json").read_text("utf-8")))
    source = {**card.source, "drawn": False, "location": "photos"}
    card = replace(card, name="tiny", drawn=False, source=source, config=CONFIG)
    if styles is not None:
        card = replace(card, styles=styles, counts={style: {"train": 1} for style in styles})
        labels = {"en": {style: style.title() for style in styles}}
        write_json(target / "labels.json", labels)
    if drawn is not None:
        card = replace(card, drawn=drawn, source={**card.source, "drawn": drawn})
    write_json(target / "card.json", card.as_dict())


def label_photos(root: Path, facades: dict[str, bytes], bundle: Path) -> None:
    """Write data/raw and data/prepared with what the bundle answers as every photo's style."""
    (root / "data" / "raw").mkdir(parents=True)
    (root / "data" / "prepared").mkdir(parents=True)
    pack(Drawn(facades), root / "data" / "raw", None, 10**9)
    judge = Bundle.load(bundle, verify=False)
    rows = [
        Row(name, judge.predict(data).style, "0" * 64, "0" * 64, name, "test", "used", "")
        for name, data in facades.items()
    ]
    write_manifest(root / "data" / "prepared" / "manifest.csv", rows)
    card = judge.card
    summary = {"counts": card.counts, "digest": card.data_digest, "source": card.source}
    write_json(root / "data" / "prepared" / "summary.json", summary)


def rotated(styles: tuple[str, ...]) -> tuple[str, ...]:
    """Return the styles in an order in which every answer is wrong."""
    return (*styles[1:], styles[0])
