"""Trainings that are killed, repeated, or run twice at a time: the result is the same."""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from archstyle.models.checkpoint import DAYS_KEPT, Checkpoint, State, open_checkpoint
from tests.conftest import ROOT


def train(folder: Path, *tasks: str, status: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "tests.train_tiny", str(folder), *tasks],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout


def files(folder: Path) -> dict[str, bytes]:
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    assert len(paths) > 10
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def test_a_killed_training_goes_on_and_ends_as_if_it_had_not_been(tmp_path: Path) -> None:
    """Two clean runs from the same seed give the same bytes too; that is what `cnn` shows."""
    train(tmp_path, "cnn", "efficientnet_lite0")
    killed = train(tmp_path, "efficientnet_lite0:dies-at-2", status=-9)
    assert "Epoch 1 of 3" in killed
    assert "Epoch 2 of 3" not in killed
    told = train(tmp_path, "efficientnet_lite0", "cnn")
    assert "efficientnet_lite0 resumed" in told
    assert told.index("Epoch 2 of 3") < told.index("resumed")
    assert "Epoch 1 of 3" not in told[: told.index("resumed")]
    for network, again in (("cnn", "1"), ("efficientnet_lite0", "2")):
        assert files(tmp_path / network / "0") == files(tmp_path / network / again)
    assert list((tmp_path / "training").iterdir()) == []


def test_a_state_is_read_as_it_was_written(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    state = State(
        rows=[{"epoch": 1, "phase": "head", "loss": 0.1 + 0.2}],
        epoch=3,
        learner=[rng.random((3, 4), np.float32), np.array(7, np.int64), rng.random(5)],
    )
    checkpoint = Checkpoint(tmp_path)
    assert checkpoint.load() is None
    checkpoint.save(state)
    loaded = checkpoint.load()
    assert loaded is not None
    assert (loaded.rows, loaded.epoch) == (state.rows, 3)
    for kept, given in zip(loaded.learner, state.learner, strict=True):
        assert kept.dtype == given.dtype
        assert (kept == given).all()


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_half_a_state_is_none(tmp_path: Path, share: float) -> None:
    checkpoint = Checkpoint(tmp_path)
    checkpoint.save(State(learner=[np.zeros(100)]))
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    assert checkpoint.load() is None


def test_another_training_has_another_folder_and_success_removes_it(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), open_checkpoint(tmp_path, seed=1) as interrupted:
        raise KeyboardInterrupt
    with open_checkpoint(tmp_path, seed=2) as other:
        assert other.directory != interrupted.directory
    with open_checkpoint(tmp_path, seed=1) as again:
        assert again.directory == interrupted.directory
    assert list(tmp_path.iterdir()) == []


def test_the_same_training_twice_at_a_time_does_not_share_a_folder(tmp_path: Path) -> None:
    with open_checkpoint(tmp_path, seed=1) as first, open_checkpoint(tmp_path, seed=1) as second:
        assert first.directory != second.directory
        second.save(State(epoch=1))
        assert first.load() is None


def test_what_nobody_came_back_to_is_removed(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), open_checkpoint(tmp_path, seed=1) as left:
        raise KeyboardInterrupt
    old = time.time() - (DAYS_KEPT + 1) * 86400
    os.utime(left.directory, (old, old))
    with open_checkpoint(tmp_path, seed=2):
        assert not left.directory.exists()
