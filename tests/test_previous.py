"""A photo never changes its split, whatever is lost or damaged in between."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from archstyle.data.manifest import read_manifest
from archstyle.data.previous import renew_test_photos
from archstyle.errors import ArchstyleError
from pipeline import fetch, prepare
from tests.conftest import ROOT
from tests.photo_folders import fill

MANIFEST, MEMORY = Path("data/prepared/manifest.csv"), Path(".archstyle/splits/0.15-0.15.csv")
Prepared = Callable[..., dict[str, str]]


@pytest.fixture
def prepared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Prepared:
    """Prepare the photos of a project with a large and a small style; returns their splits."""
    for name in ("conf", "params.yaml"):
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    monkeypatch.setenv(
        "ARCHSTYLE_PHOTOS", str(fill(tmp_path / "photos", {"art": 6, "baroque": 40}))
    )

    def run(*overrides: str) -> dict[str, str]:
        fetch.main([])
        prepare.main(overrides)
        return {row.file: row.split for row in read_manifest(MANIFEST)}

    return run


def lose_prepared() -> None:
    shutil.rmtree("data/prepared")


def make_clean() -> None:
    for name in ("raw", "prepared"):
        shutil.rmtree(f"data/{name}")


def lose_memory() -> None:
    shutil.rmtree(".archstyle")


@pytest.mark.parametrize("lose", [lose_prepared, make_clean, lose_memory])
def test_ten_photos_more_move_none_of_six_whatever_was_lost(
    prepared: Prepared, lose: Callable[[], None]
) -> None:
    before = prepared()
    for first in range(100, 140, 10):
        lose()
        fill(Path("photos"), {"art": 10}, first=first)
        after = prepared()
        assert {file: after[file] for file in before} == before


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-300])


def drop_lines(path: Path) -> None:
    path.write_bytes(b"\n".join(path.read_bytes().split(b"\n")[:20]) + b"\n")


def misspell(path: Path) -> None:
    path.write_text(path.read_text("utf-8").replace("train", "trian"), "utf-8")


@pytest.mark.parametrize("harm", [cut, drop_lines, misspell])
def test_a_damaged_manifest_stops_and_without_it_every_photo_keeps_its_split(
    prepared: Prepared, harm: Callable[[Path], None]
) -> None:
    before = prepared()
    harm(MANIFEST)
    with pytest.raises(ArchstyleError, match=r"46 photos are kept in 0.15-0.15.csv") as caught:
        prepared()
    assert "remove data/prepared" in str(caught.value) and "\n" not in str(caught.value)
    lose_prepared()
    assert prepared() == before
    lose_memory()
    harm(MANIFEST)
    with pytest.raises(ArchstyleError, match="split anew"):
        prepared()


@pytest.mark.parametrize("harm", [cut, misspell])
def test_a_damaged_memory_stops(prepared: Prepared, harm: Callable[[Path], None]) -> None:
    before = prepared()
    harm(MEMORY)
    with pytest.raises(ArchstyleError, match=r"no list of splits.*bring it back"):
        prepared()
    MEMORY.unlink()
    assert prepared() == before


def test_a_memory_that_cannot_be_written_stops_and_changes_nothing(prepared: Prepared) -> None:
    before = prepared()
    content = MANIFEST.read_bytes()
    shutil.rmtree(MEMORY.parent)
    MEMORY.parent.touch()  # no folder
    fill(Path("photos"), {"art": 10}, first=100)
    with pytest.raises(ArchstyleError, match=r"cannot be kept in .*: make it writable"):
        prepared()
    assert MANIFEST.read_bytes() == content
    MEMORY.parent.unlink()
    after = prepared()
    assert {file: after[file] for file in before} == before


def test_a_trial_of_other_settings_decides_nothing(prepared: Prepared) -> None:
    before = prepared()
    assert prepared("split.test=0.4") != before
    prepared("duplicates.distance=100", "duplicates.likeness=0.3", "duplicates.agreement=0.5")
    assert prepared() == before


def test_it_is_said_which_photos_the_memory_alone_holds(
    prepared: Prepared, capsys: pytest.CaptureFixture[str]
) -> None:
    prepared()
    said = capsys.readouterr().out
    assert "of the photos of art lie does not follow" in said and str(MEMORY) in said


def test_an_experiment_in_a_copy_remembers_what_the_project_does(
    prepared: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = prepared()
    fill(Path("photos"), {"art": 10}, first=100)
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in ("conf", "params.yaml"):
        (copy / name).symlink_to(ROOT / name)
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.chdir(copy)
    after = prepared()
    assert {file: after[file] for file in before} == before


def look_at_test_photos(splits: dict[str, str]) -> set[str]:
    """Write what evaluate writes; returns the files."""
    seen = {file for file, split in splits.items() if split == "test"}
    Path("reports").mkdir(exist_ok=True)
    Path("reports/predictions.csv").write_text("\n".join(["file,style", *(f"{f},x" for f in seen)]))
    return seen


def test_photos_that_were_looked_at_are_learned_from_and_later_ones_tested_on(
    prepared: Prepared,
) -> None:
    seen = look_at_test_photos(prepared())
    for first in range(100, 400, 60):  # photos that come later
        fill(Path("photos"), {"art": 60, "baroque": 60}, first=first)
    before = prepared()
    said = renew_test_photos(Path.cwd())
    assert f"{len(seen)} test photos that were looked at are for training now" in said
    after = prepared()
    assert {file for file in before if before[file] != after[file]} == seen
    assert {after[file] for file in seen} == {"train"} and "test" in after.values()
    lose_prepared()
    assert prepared() == after


def test_a_test_split_is_not_renewed_without_new_photos(prepared: Prepared) -> None:
    before = prepared()
    with pytest.raises(ArchstyleError, match="No test photo was looked at yet"):
        renew_test_photos(Path.cwd())
    look_at_test_photos(before)
    with pytest.raises(ArchstyleError, match=r"no new test photo of art, baroque: add photos"):
        renew_test_photos(Path.cwd())
    lose_prepared()
    assert prepared() == before
