import itertools
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from archstyle.bundle import Bundle
from archstyle.errors import ArchstyleError
from archstyle.registry.cache import cache_directory, current, install
from archstyle.registry.journal import Change
from archstyle.registry.versions import Version
from serving import follower
from serving.follower import (
    CHAMPIONS,
    INCOMING,
    LONGEST_PAUSE,
    STARTED,
    STATUS,
    FollowerStatus,
    follow,
    look,
    read_champions,
    read_status,
    tidy,
)
from tests.conftest import ROOT
from tests.serving_project import altered


class Registry:
    """Stands in for archstyle.tracking, which has tests of its own."""

    def __init__(self) -> None:
        self.bundles: dict[str, Path] = {}
        self.champion: str | None = None
        self.run = "run"
        self.downloads = 0
        self.journal: list[Change] = []

    def now(self) -> Version | None:
        if self.champion is None:
            return None
        return Version(self.champion, f"{self.run} {self.champion}", ("champion",), 0, {}, "")

    def changes(self) -> list[Change]:
        return self.journal

    def download_bundle(self, address: str, target: Path) -> tuple[Path, None]:
        self.downloads += 1
        version = address.rsplit("/", 1)[-1]
        return shutil.copytree(self.bundles[version], target / "bundle"), None


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny_bundle: Path) -> Registry:
    registry = Registry()
    registry.bundles["1"] = tiny_bundle
    monkeypatch.setenv("ARCHSTYLE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://registry.example:5000")
    monkeypatch.setattr(follower, "champion", registry.now)
    monkeypatch.setattr(follower, "changes", registry.changes)
    monkeypatch.setattr(follower, "download_bundle", registry.download_bundle)
    cache_directory().mkdir(parents=True)
    return registry


def version_in_use() -> str | None:
    cached = current()
    return cached.version if cached else None


def test_champion_is_brought_once(registry: Registry) -> None:
    assert look(cache_directory(), {}).state == "none"
    registry.champion = "1"
    for _ in range(2):
        assert look(cache_directory(), {}).state == "following"
    cached = current()
    assert cached is not None
    assert (cached.version, cached.run_id) == ("1", "run 1")
    assert registry.downloads == 1
    assert not list(cache_directory().glob(f"{INCOMING}*"))


def test_champions_so_far_are_kept_for_the_workers_without_names_and_reasons(
    registry: Registry,
) -> None:
    look(cache_directory(), {})
    assert read_champions() == []
    assert not (cache_directory() / CHAMPIONS).exists()
    registry.champion, time = "1", "2026-01-02T03:04:05.000006Z"
    registry.journal = [
        Change(time, "register", "challenger", "2", None, "ada"),
        Change(time, "register", "champion", "1", None, "ada", ("better",)),
        Change(time, "rollback", "champion", None, "1", "ada"),
    ]
    look(cache_directory(), {})
    assert read_champions() == [{"time": time, "action": "register", "version": "1"}]
    assert "ada" not in (cache_directory() / CHAMPIONS).read_text()
    (cache_directory() / CHAMPIONS).write_text("{")
    assert read_champions() == []
    look(cache_directory(), {})
    assert len(read_champions()) == 1


def test_a_champion_of_drawings_is_told_to_come_after_the_released_model(
    registry: Registry, tmp_path: Path, tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARCHSTYLE_RELEASED", str(tiny_bundle))
    registry.champion = "1"
    for _ in range(2):
        assert "the released model goes first" in look(cache_directory(), {}).sentence
    registry.bundles["2"] = altered(tiny_bundle, tmp_path / "b", drawn=False)
    registry.champion = "2"
    assert look(cache_directory(), {}).sentence == "Version 2 is the champion."


def test_the_first_version_of_a_registry_set_up_anew_is_brought(
    registry: Registry, tmp_path: Path, tiny_bundle: Path
) -> None:
    registry.champion = "1"
    look(cache_directory(), {})
    registry.bundles["1"], registry.run = altered(tiny_bundle, tmp_path / "b", name="new"), "other"
    look(cache_directory(), {})
    cached = current()
    assert cached is not None and cached.run_id == "other 1"
    assert Bundle.load(cached.path, verify=False).card.name == "new"


def test_rollback_is_followed(registry: Registry, tmp_path: Path, tiny_bundle: Path) -> None:
    registry.bundles["2"] = altered(tiny_bundle, tmp_path / "b", name="better")
    for version in ("1", "2", "1"):
        registry.champion = version
        look(cache_directory(), {})
        assert version_in_use() == version


def test_bundle_that_fails_its_golden_photos_is_not_let_in(
    registry: Registry, tmp_path: Path, tiny_bundle: Path
) -> None:
    registry.champion = "1"
    look(cache_directory(), {})
    broken = shutil.copytree(tiny_bundle, tmp_path / "broken")
    golden = broken / "golden" / "golden.json"
    values = json.loads(golden.read_text("utf-8"))
    values["probabilities"] = {n: row[::-1] for n, row in values["probabilities"].items()}
    golden.write_text(json.dumps(values), "utf-8")
    registry.bundles["2"], registry.champion = broken, "2"
    refused: dict[tuple[str, str | None], FollowerStatus] = {}
    for _ in range(3):
        status = look(cache_directory(), refused)
        assert status.state == "refused"
        assert "Version 2 is not used" in status.sentence
        assert "golden photo" in status.reason
    assert registry.downloads == 2
    assert version_in_use() == "1"


def test_alias_that_goes_away_leaves_the_last_champion(registry: Registry) -> None:
    registry.champion = "1"
    look(cache_directory(), {})
    registry.champion = None
    assert look(cache_directory(), {}).state == "none"
    assert version_in_use() == "1"


def test_missing_sqlite_store_is_not_made_by_asking(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.champion = "1"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    assert look(cache_directory(), {}).state == "none"
    assert registry.downloads == 0
    assert not (tmp_path / "mlflow.db").exists()


def test_pauses_grow_while_the_registry_is_away_and_shrink_when_it_is_back(
    registry: Registry, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = itertools.chain([ArchstyleError("MLflow does not answer.")] * 7, ["back"])
    pauses: list[float] = []

    def looking() -> FollowerStatus:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return FollowerStatus("following", str(answer))

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 8:
            raise SystemExit

    with pytest.raises(SystemExit):
        follow(looking, cache_directory(), 3.0, sleep)
    assert pauses == [6, 12, 24, 48, LONGEST_PAUSE, LONGEST_PAUSE, LONGEST_PAUSE, 3]
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 2  # a change is said once
    assert "MLflow does not answer" in said[0]
    assert read_status() == {"state": "following", "sentence": "back"}


def test_damaged_cache_is_fetched_again(registry: Registry) -> None:
    registry.champion = "1"
    look(cache_directory(), {})
    cached = current()
    assert cached is not None
    (cached.path / "card.json").write_text("{}")
    (cache_directory() / f"{INCOMING}left").mkdir()
    tidy(cache_directory())
    assert version_in_use() is None
    look(cache_directory(), {})
    assert registry.downloads == 2
    assert not list(cache_directory().glob(f"{INCOMING}*"))
    assert cached.is_whole()


def test_whole_cache_is_left_alone(registry: Registry, tiny_bundle: Path) -> None:
    install(tiny_bundle, "1")
    tidy(cache_directory())
    assert version_in_use() == "1"


def test_cache_that_cannot_be_written_is_said_once_and_following_goes_on(
    registry: Registry, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    directory = tmp_path / "file" / "cache"  # root may write anything but this
    registry.champion = "1"
    pauses: list[float] = []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            raise SystemExit

    with pytest.raises(SystemExit):
        follow(lambda: look(directory, {}), directory, 3.0, sleep)
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 1
    assert "cannot be written" in said[0]
    assert "ARCHSTYLE_CACHE" in said[0]


def test_status_that_an_earlier_server_left_is_not_believed(registry: Registry) -> None:
    file = cache_directory() / STATUS
    file.write_text('{"state": "following", "sentence": "Version 1 is the champion."}')
    assert read_status() is not None
    os.utime(file, (STARTED - 60, STARTED - 60))
    assert read_status() is None


def test_a_worker_that_begins_later_knows_what_the_follower_wrote(registry: Registry) -> None:
    file, now = cache_directory() / STATUS, time.time()
    file.write_text('{"state": "none", "sentence": "The registry has no champion yet."}')
    os.utime(file, (now - 50, now - 50))
    code = "from serving.follower import read_status; print(read_status())"
    for began, believed in ((now - 100, True), (now - 20, False)):
        environment = {**os.environ, "SERVER_STARTED": str(began)}
        said = subprocess.check_output([sys.executable, "-c", code], env=environment, cwd=ROOT)
        assert (b"no champion yet" in said) == believed


def test_public_is_told_no_paths_and_no_hosts(registry: Registry) -> None:
    def looking() -> FollowerStatus:
        raise ArchstyleError("http://registry.example:5000 has lost /srv/mlflow.db")

    def sleep(_: float) -> None:
        raise SystemExit

    with pytest.raises(SystemExit):
        follow(looking, cache_directory(), 3.0, sleep)
    status = read_status()
    assert status is not None
    assert status["state"] == "away"
    assert "/" not in status["sentence"] and "example" not in status["sentence"]
