import logging
import shutil
from pathlib import Path

import pytest

from archstyle.registry.cache import install
from serving.models import RETRY_LOOKS, Model, Models
from tests.serving_project import altered


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def used(models: Models) -> Model:
    assert models.latest is not None
    return models.latest


def test_nothing_cached_is_no_model(cache: Path) -> None:
    models = Models()
    models.look(cache, 1)
    assert models.latest is None


def test_first_and_newer_bundle_are_taken_up(
    cache: Path, tmp_path: Path, tiny_bundle: Path
) -> None:
    models = Models()
    install(tiny_bundle, "1", "run", cache)
    models.look(cache, 1)
    first = used(models)
    assert (first.version, first.run_id) == ("1", "run")
    models.look(cache, 1)
    assert models.latest is first
    install(altered(tiny_bundle, tmp_path / "b", name="better"), "2", "run 2", cache)
    models.look(cache, 1)
    assert (used(models).version, used(models).bundle.card.name) == ("2", "better")
    assert first.bundle.card.name != "better"


@pytest.mark.parametrize("damage", ["card.json", "model.tflite", "golden"])
def test_damaged_bundle_leaves_the_old_one(
    cache: Path, tmp_path: Path, tiny_bundle: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    models = Models()
    install(tiny_bundle, "1", None, cache)
    models.look(cache, 1)
    broken = shutil.copytree(tiny_bundle, tmp_path / "broken")
    if damage == "golden":
        shutil.rmtree(broken / "golden")
    else:
        (broken / damage).write_text("x")
    install(broken, "2", None, cache)
    with caplog.at_level(logging.ERROR):
        models.look(cache, 1)
    assert used(models).version == "1"
    assert "version 2 is not used" in caplog.text


def test_refused_bundle_is_tried_again_only_now_and_then(
    cache: Path, tmp_path: Path, tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tiny_bundle, "1", None, cache)
    tried = []

    def full(*_: object) -> None:
        tried.append(1)
        raise MemoryError

    models = Models()
    with monkeypatch.context() as patch:
        patch.setattr("serving.models.Bundle.load", full)
        for _ in range(RETRY_LOOKS):
            models.look(cache, 1)
        assert len(tried) == 1
        models.look(cache, 1)
        assert len(tried) == 2
    for _ in range(RETRY_LOOKS):
        models.look(cache, 1)
    assert used(models).version == "1"
