"""The released model, asked about the same photos in other forms."""

import os
from pathlib import Path

import numpy as np
import pytest

from archstyle.bundle import Bundle
from archstyle.bundle.bundle import read_seen
from archstyle.data.manifest import never_learned, read_manifest
from archstyle.photos.store import PhotoStore
from benchmarks.formats import FORMS, answers, largest_moves
from pipeline import fetch, prepare
from tests.conftest import ROOT

POINTS, MOVE = 0.06, 0.05  # what grey or small may cost, and how far a style's share may move


@pytest.mark.slow
def test_grey_and_small_photos_get_the_answers_of_the_same_photos_in_colour(
    photos: Path, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = Bundle.load(ROOT / "models/released")
    seen = read_seen(bundle.path)
    if seen is None:
        pytest.skip("models/released does not say what it was trained on")
    monkeypatch.setenv("ARCHSTYLE_PHOTOS", os.fspath(photos))
    (project / "data").mkdir()
    for name in ("corrections.csv", "buildings.csv"):
        (project / "data" / name).symlink_to(ROOT / "data" / name)
    fetch.main([])
    prepare.main([])
    rows = never_learned(read_manifest(Path("data/prepared/manifest.csv")), seen)
    given, labels = answers(bundle, PhotoStore(Path("data/raw")), rows)
    assert len(given) >= 100
    right = (given == labels[:, np.newaxis]).mean(axis=0)
    moves = largest_moves(given, len(bundle.styles))
    for number, name in enumerate(FORMS):
        if name in ("grey", "128 pixels a side"):
            assert right[number] >= right[0] - POINTS and moves[number] <= MOVE, name
