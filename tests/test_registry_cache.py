import os
import threading
from pathlib import Path

import pytest

from archstyle.errors import ArchstyleError
from archstyle.registry.cache import KEPT_VERSIONS, cache_directory, current, install


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ARCHSTYLE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def bundle(folder: Path, content: str) -> Path:
    """Files suffice: whether they make a bundle is checked by who installs and who loads."""
    (folder / "golden").mkdir(parents=True)
    (folder / "model.tflite").write_text(content)
    (folder / "golden" / "golden.json").write_text("{}")
    return folder


def test_nothing_is_cached_at_first() -> None:
    assert current() is None


def test_installed_bundle_is_current_and_whole(tmp_path: Path) -> None:
    installed = install(bundle(tmp_path / "a", "graph"), "3", "run")
    found = current()
    assert found == installed
    assert (found.version, found.run_id) == ("3", "run")
    assert (found.path / "golden" / "golden.json").is_file()
    assert found.is_whole()


def test_changed_file_is_noticed_and_mended_by_installing_again(tmp_path: Path) -> None:
    installed = install(bundle(tmp_path / "a", "graph"), "3")
    (installed.path / "model.tflite").write_text("grap")
    assert not installed.is_whole()
    install(tmp_path / "a", "3")
    assert installed.is_whole()


def test_same_version_of_another_content_is_another_bundle(tmp_path: Path) -> None:
    first = install(bundle(tmp_path / "a", "one"), "1", "old")
    second = install(bundle(tmp_path / "b", "two"), "1", "new")
    assert first.path != second.path
    assert current() == second


def test_same_bundle_of_another_run_names_the_new_run(tmp_path: Path) -> None:
    install(bundle(tmp_path / "a", "one"), "1", "old")
    install(tmp_path / "a", "1", "new")
    found = current()
    assert found is not None
    assert found.run_id == "new"
    assert found.is_whole()


def test_rollback_links_the_old_version_again(tmp_path: Path) -> None:
    first = install(bundle(tmp_path / "a", "one"), "1")
    install(bundle(tmp_path / "b", "two"), "2")
    install(tmp_path / "a", "1")
    assert current() == first


def test_only_the_last_versions_are_kept(tmp_path: Path) -> None:
    for number in range(KEPT_VERSIONS + 2):
        made = install(bundle(tmp_path / str(number), str(number)), str(number))
        os.utime(made.path.parent, (number, number))
    versions = sorted(p.name.split("-")[0] for p in (cache_directory() / "versions").iterdir())
    assert versions == [str(n) for n in range(2, KEPT_VERSIONS + 2)]


def test_failed_copy_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = install(bundle(tmp_path / "a", "one"), "1")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("shutil.copytree", full)
    with pytest.raises(OSError, match="No space"):
        install(bundle(tmp_path / "b", "two"), "2")
    assert current() == first
    assert first.is_whole()
    assert [p.name for p in (cache_directory() / "versions").iterdir()] == [first.path.parent.name]


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"version": "1"}'])
def test_damaged_note_counts_as_nothing_cached(tmp_path: Path, damage: str) -> None:
    installed = install(bundle(tmp_path / "a", "one"), "1")
    (installed.path.parent / "registered.json").write_text(damage)
    assert current() is None


def test_each_registry_has_its_own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(bundle(tmp_path / "a", "one"), "1")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://registry.example:5000")
    assert current() is None


def test_cache_that_cannot_be_made_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ARCHSTYLE_CACHE", str(tmp_path / "file"))
    with pytest.raises(ArchstyleError, match="ARCHSTYLE_CACHE"):
        install(bundle(tmp_path / "a", "one"), "1")


def test_link_always_leads_to_a_whole_bundle_while_others_install(tmp_path: Path) -> None:
    bundles = [bundle(tmp_path / str(n), f"graph {n}") for n in range(2)]
    install(bundles[0], "0")
    stop = threading.Event()

    def switch(number: int) -> None:
        while not stop.is_set():
            install(bundles[number], str(number))

    writers = [threading.Thread(target=switch, args=(n,)) for n in range(2)]
    for writer in writers:
        writer.start()
    try:
        found = [current() for _ in range(300)]
        assert all(one is not None and one.is_whole() for one in found)
    finally:
        stop.set()
        for writer in writers:
            writer.join()
