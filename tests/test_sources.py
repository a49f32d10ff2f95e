import csv
import os
import socket
import subprocess
import sys
import time
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from archstyle.config.schema import Source
from archstyle.errors import ArchstyleError
from archstyle.photos.names import Photos, member_name, printable, style_of
from archstyle.photos.packing import pack
from archstyle.photos.sources import announce_drawn, choose, find_problems
from archstyle.photos.sources.collection import Collection
from archstyle.photos.sources.folders import FolderPhotos
from archstyle.photos.sources.git import can_be_reached
from archstyle.photos.store import COLUMNS, Origin, PhotoStore
from pipeline import fetch
from tests.photo_folders import fill, jpeg, photo

BIG = 10_000_000
VARIABLE = Source(kind="environment", location="PHOTOS")


def packed(photos: Photos, target: Path, limit: int | None = None, most: int = BIG) -> PhotoStore:
    target.mkdir(parents=True)
    pack(photos, target, limit, most)
    return PhotoStore(target)


def reasons(store: PhotoStore) -> dict[str, str]:
    return {entry.file: entry.reason for entry in store.entries if entry.reason}


def from_variable(value: Path | str, **more: str) -> Collection:
    return choose([VARIABLE], 1, Path("unused"), {"PHOTOS": str(value), **more})[0]


def test_the_parent_folder_is_the_style() -> None:
    assert style_of("gothic/1.jpg") == style_of("photos/train/gothic/1.jpg") == "gothic"
    assert style_of("1.jpg") is None
    assert style_of("train/1.jpg") is style_of("photos/Val/1.jpg") is None
    assert style_of("art-de\u0301co/1.jpg") == style_of("art-d\u00e9co/1.jpg")


def test_a_folder_comes_back_byte_for_byte(tmp_path: Path) -> None:
    root = fill(tmp_path / "photos", {"gothic": 3, "baroque": 2})
    store = packed(FolderPhotos(root, location="photos"), tmp_path / "raw")
    assert store.files() == sorted(
        path.relative_to(root).as_posix() for path in root.rglob("*.jpg")
    )
    for file in store.files():
        assert store.read(file) == (root / file).read_bytes()
    assert store.source == Origin("folder", "photos", False, 5, store.source.digest)
    with zipfile.ZipFile(tmp_path / "raw/photos.zip") as archive:
        assert archive.namelist() == store.files() and archive.testzip() is None


def test_packing_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    root = fill(tmp_path / "photos", {"gothic": 3})
    packed(FolderPhotos(root), tmp_path / "one")
    for path in root.rglob("*.jpg"):
        os.utime(path, (0, 0))
    packed(FolderPhotos(root), tmp_path / "two")
    for name in ("photos.zip", "files.csv", "source.json"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_every_file_that_is_not_taken_is_listed_with_its_reason(tmp_path: Path) -> None:
    root = fill(tmp_path / "photos", {"gothic": 1, ".secret": 1, "__MACOSX": 1})
    (tmp_path / "outside.jpg").write_bytes(b"private")
    gothic = root / "gothic"
    (gothic / "out.jpg").symlink_to(tmp_path / "outside.jpg")
    (gothic / "in.jpg").symlink_to("00000.jpg")
    (gothic / "loop.jpg").symlink_to("loop.jpg")
    (gothic / "gone.jpg").symlink_to("nothing.jpg")
    (root / "linked").symlink_to(root)
    (gothic / "Thumbs.db").write_bytes(b"x")
    (gothic / ".hidden.jpg").write_bytes(b"x")
    (gothic / "huge.jpg").write_bytes(bytes(20_001))
    (gothic / "empty.jpg").touch()
    (root / "loose.jpg").write_bytes(b"x")
    os.mkfifo(gothic / "pipe")
    store = packed(FolderPhotos(root), tmp_path / "raw", most=20_000)
    found = reasons(store)
    assert store.files() == ["gothic/00000.jpg", "gothic/empty.jpg", "gothic/in.jpg"]
    assert "larger than" in found.pop("gothic/huge.jpg")
    assert found.pop("gothic/loop.jpg").startswith("cannot be read")
    assert found.pop("gothic/gone.jpg") == "cannot be read: No such file or directory"
    assert found == {
        ".secret": "a hidden folder",
        "__MACOSX/00000.jpg": "a hidden file",
        "gothic/.hidden.jpg": "a hidden file",
        "gothic/Thumbs.db": "a file of the operating system",
        "gothic/out.jpg": "a link that leads out of the folder",
        "gothic/pipe": "no ordinary file",
        "linked": "a link to a folder in which it lies",
        "loose.jpg": "lies in no style's folder",
    }
    assert store.read("gothic/in.jpg") == store.read("gothic/00000.jpg")


def test_a_style_folder_that_is_a_link_is_followed_inside_the_folder_and_refused_aloud_outside(
    tmp_path: Path,
) -> None:
    root = fill(tmp_path / "photos", {"all/gothic": 2, "baroque": 1})
    (root / "gothic").symlink_to("all/gothic")
    (root / "all/gothic/back").symlink_to(root / "all")
    (root / "baroque/there").symlink_to(root / "all/gothic")
    photos = FolderPhotos(root, location="photos")
    store = packed(photos, tmp_path / "raw")
    assert store.files() == [
        f"{folder}/0000{number}.jpg"
        for folder in ("all/gothic", "baroque", "baroque/there", "gothic")
        for number in range(1 if folder == "baroque" else 2)
    ]
    before = list(photos.stamps())
    (root / "all/gothic/00000.jpg").write_bytes(b"changed")
    assert list(photos.stamps()) != before
    fill(tmp_path / "elsewhere", {"egyptian": 2})
    (root / "egyptian").symlink_to(tmp_path / "elsewhere/egyptian")
    with pytest.raises(ArchstyleError, match="egyptian is a link that leads out of photos"):
        packed(photos, tmp_path / "raw2")
    with pytest.raises(ArchstyleError, match="egyptian is a link"):
        list(photos.stamps())


def test_the_most_frequent_reason_is_named_where_no_photo_is_taken(tmp_path: Path) -> None:
    root = fill(tmp_path / "photos", {"gothic": 3})
    with pytest.raises(ArchstyleError, match=r"3 of 3 files, because: beyond data\.limit=0\."):
        packed(FolderPhotos(root), tmp_path / "raw", limit=0)
    for path in root.rglob("*.jpg"):
        path.write_bytes(b"no photo")
    with pytest.raises(ArchstyleError, match=r"3 of 3 files, because: no photo in a format"):
        packed(FolderPhotos(root), tmp_path / "raw2")
    with pytest.raises(ArchstyleError, match=r"3 of 3 files, because: larger than 4e-06 MB\."):
        packed(FolderPhotos(root), tmp_path / "raw3", most=4)


def test_a_style_of_which_no_photo_can_be_used_is_warned_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = fill(tmp_path / "photos", {"gothic": 2, "baroque": 2})
    (root / "baroque/00000.jpg").write_bytes(b"")
    (root / "baroque/00001.jpg").unlink()
    (root / "baroque/00001.jpg").symlink_to("/not/mounted/00001.jpg")
    packed(FolderPhotos(root, location="photos"), tmp_path / "raw")
    said = capsys.readouterr().err
    assert said.startswith("warning: No photo of baroque in photos can be used. Not taken: 1 of 2")


def test_a_style_folder_that_is_a_link_to_an_unmounted_disk_is_warned_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = fill(tmp_path / "photos", {"baroque": 1})
    (root / "unmounted").symlink_to("/not/mounted/gothic")
    packed(FolderPhotos(root), tmp_path / "raw")
    assert capsys.readouterr().err.startswith("warning: unmounted is a link to something that is")


def test_odd_names_are_kept_apart_and_written_as_text(tmp_path: Path) -> None:
    root = tmp_path / "photos"
    folder = os.fsencode(root / "gothic")
    (root / "gothic").mkdir(parents=True)
    names = [b"a.jpg", b"A.jpg", '\U0001f3db [caf\u00e9] (1), "x".jpg'.encode(), b"new\nline.jpg"]
    for number, name in enumerate([*names, b"\xff\xfe.jpg"]):
        with open(os.path.join(folder, name), "wb") as file:  # noqa: PTH118, PTH123
            file.write(jpeg(photo(number)))
    store = packed(FolderPhotos(root), tmp_path / "raw")
    expected = {f"gothic/{name.decode()}" for name in names[:3]}
    expected |= {"gothic/new\\nline.jpg", "gothic/\\xff\\xfe.jpg"}
    assert set(store.files()) == expected
    assert len({store.read(file) for file in store.files()}) == 5


def test_limit_takes_a_stable_sample_of_each_style(tmp_path: Path) -> None:
    root = fill(tmp_path / "photos", {"gothic": 30, "baroque": 3})
    few = packed(FolderPhotos(root), tmp_path / "few", limit=5)
    more = packed(FolderPhotos(root), tmp_path / "more", limit=8)
    assert len(few.files()) == 5 + 3 and len(more.files()) == 8 + 3
    assert set(few.files()) < set(more.files())
    assert reasons(few)[next(iter(reasons(few)))] == "beyond data.limit=5"
    assert len(few.entries) == 33


def test_a_changed_store_is_noticed(tmp_path: Path) -> None:
    root = fill(tmp_path / "photos", {"gothic": 1})
    store = packed(FolderPhotos(root), tmp_path / "raw")
    data = bytearray(store.archive.read_bytes())
    data[200] ^= 1
    store.archive.write_bytes(data)
    with pytest.raises(ArchstyleError, match="was changed"):
        store.read("gothic/00000.jpg")
    with pytest.raises(ArchstyleError, match="does not hold nothing"):
        store.read("nothing.jpg")
    with pytest.raises(ArchstyleError, match="dvc repro fetch"):
        PhotoStore(tmp_path)


def test_a_variable_that_names_nothing_is_an_error_and_an_unset_one_is_not(tmp_path: Path) -> None:
    facades = Source(kind="facades", count=8)
    photos, passed = choose([VARIABLE, facades], 1, tmp_path, {})
    assert photos.kind == "facades" and passed == ["PHOTOS is not set"]
    (tmp_path / "text.txt").write_text("no photo")
    for value, problem in ((tmp_path / "none", "does not exist"), (tmp_path / "text.txt", "no .z")):
        with pytest.raises(ArchstyleError, match=problem):
            choose([VARIABLE, facades], 1, tmp_path, {"PHOTOS": str(value)})
    with pytest.raises(ArchstyleError, match="no photos to be had"):
        choose([VARIABLE], 1, tmp_path, {})
    (tmp_path / "empty").mkdir()
    (tmp_path / "texts/gothic").mkdir(parents=True)
    (tmp_path / "texts/gothic/1.jpg").write_text("no photo")
    for name in ("empty", "texts"):
        with pytest.raises(ArchstyleError, match="holds no photo"):
            packed(from_variable(tmp_path / name), tmp_path / f"raw-{name}")


def test_relative_paths_start_at_the_project_even_in_an_experiments_copy(tmp_path: Path) -> None:
    fill(tmp_path / "project/photos", {"gothic": 1})
    photos = from_variable("photos", DVC_ROOT=str(tmp_path / "project")).parts[0].photos
    assert isinstance(photos, FolderPhotos) and photos.root == tmp_path / "project/photos"


def test_stamps_change_with_the_folder_and_only_with_it(tmp_path: Path) -> None:
    root = fill(tmp_path / "photos", {"gothic": 2})
    photos = FolderPhotos(root)
    before = list(photos.stamps())
    assert list(photos.stamps()) == before
    os.utime(root / "gothic/00000.jpg", (0, 0))
    touched = list(photos.stamps())
    fill(root, {"baroque": 1})
    assert before != touched != list(photos.stamps())


@pytest.fixture
def repository(tmp_path: Path) -> tuple[Path, str]:
    folder = tmp_path / "repository"
    fill(folder / "data", {"gothic": 2, "baroque": 2})
    fill(folder / "other", {"gothic": 1})

    def git(*arguments: str) -> str:
        identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        command = ["git", "-C", str(folder), *identity, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    git("init", "--quiet")
    git("config", "uploadpack.allowFilter", "true")
    git("config", "uploadpack.allowAnySHA1InWant", "true")
    git("add", ".")
    git("commit", "--quiet", "-m", "photos")
    commit = git("rev-parse", "--short=7", "HEAD")
    (folder / "data/gothic/00000.jpg").write_bytes(jpeg(photo(999)))
    git("commit", "--quiet", "-a", "-m", "later")
    return folder, commit


def test_git_takes_the_folder_at_a_short_commit(
    repository: tuple[Path, str], tmp_path: Path
) -> None:
    folder, commit = repository
    source = Source(kind="git", location=folder.as_uri(), commit=commit, folder="data")
    photos, passed = choose([VARIABLE, source], 20, tmp_path / "clone", {})
    store = packed(photos, tmp_path / "raw", limit=2)
    assert passed == ["PHOTOS is not set"]
    assert len(store.files()) == 4 and store.source.location == f"{folder.as_uri()}@{commit}"
    assert store.read("gothic/00000.jpg") != jpeg(photo(999))
    assert not (tmp_path / "clone/0/other").exists()


def test_git_names_a_commit_or_folder_that_is_not_there(
    repository: tuple[Path, str], tmp_path: Path
) -> None:
    folder, commit = repository
    for key, match in (({"commit": "abcdef1"}, "no commit"), ({"folder": "no"}, "no folder")):
        source = Source("git", folder.as_uri(), commit=commit, folder="data")
        photos, _ = choose([replace(source, **cast(Any, key))], 20, tmp_path / "clone", {})
        with pytest.raises(ArchstyleError, match=match):
            list(photos.files(BIG))


def test_an_address_that_never_answers_is_given_up_in_time(tmp_path: Path) -> None:
    assert can_be_reached((tmp_path / "none").as_uri(), 5)
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}/photos.git"
        started = time.monotonic()
        assert "no answer within 0.5 seconds" in can_be_reached(address, 0.5)
        assert time.monotonic() - started < 30
        source = Source(kind="git", location=address, commit="1", folder="")
        photos, passed = choose([source, Source(kind="facades", count=4)], 0.5, tmp_path, {})
        # Any number of them takes as long as one.
        many = [replace(source, location=f"{address}?{number}") for number in range(30)]
        started = time.monotonic()
        assert len(find_problems([many[:9], many[5:]], 0.5, {})) == 30
        assert time.monotonic() - started < 10
    assert photos.kind == "facades" and "cannot be reached" in passed[0]


def test_drawn_facades_are_announced_and_recorded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    announce_drawn(["PHOTOS is not set"])
    loud = capsys.readouterr().err
    assert "NO PHOTOS" in loud and "PHOTOS is not set" in loud and "ARCHSTYLE_PHOTOS=" in loud
    photos, _ = choose([Source(kind="facades", count=8)], 1, tmp_path, {})
    store = packed(photos, tmp_path / "raw")
    assert store.source.drawn and len(store.files()) == 8


def test_names_from_anywhere_become_text() -> None:
    assert member_name("./a/../b//c.jpg") == "a/b/c.jpg"
    assert printable("\udcff.jpg") == "\\xff.jpg"


PROJECT = Path(__file__).parents[1]


def changed() -> bool:
    with pytest.raises(SystemExit) as ended:
        fetch.main(["--changed"])
    return ended.value.code == 0


def test_the_stage_sees_a_changed_folder_and_keeps_what_it_has_on_failure(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = fill(tmp_path / "photos", {"gothic": 2})
    monkeypatch.setenv("ARCHSTYLE_PHOTOS", str(photos))
    assert changed()
    fetch.main([])
    assert not changed()
    fill(photos, {"gothic": 1}, first=7)
    assert changed()

    before = (project / "data/raw/source.json").read_bytes()
    (tmp_path / "texts").mkdir()
    for name in ("none", "texts"):
        monkeypatch.setenv("ARCHSTYLE_PHOTOS", str(tmp_path / name))
        with pytest.raises(ArchstyleError):
            fetch.main([])
    assert (project / "data/raw/source.json").read_bytes() == before
    assert [path.name for path in (project / "data").iterdir()] == ["raw"]
    assert [path.name for path in (project / ".archstyle").iterdir()] == ["fetched.json"]
    with (project / "data/raw/files.csv").open(newline="") as file:
        assert next(csv.reader(file)) == list(COLUMNS)


def test_photos_of_no_such_building_are_packed_beside_and_a_change_of_theirs_is_seen(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARCHSTYLE_PHOTOS", str(fill(tmp_path / "photos", {"gothic": 2})))
    fetch.main(["data.limit=1"])
    plain = PhotoStore(project / "data/raw").source.digest
    assert not (project / "data/raw/outside").exists()
    outside = fill(tmp_path / "outside", {"cats": 2, "": 1})
    monkeypatch.setenv("ARCHSTYLE_OUTSIDE", str(outside))
    with pytest.raises(SystemExit) as ended:
        fetch.main(["--changed", "data.limit=1"])
    assert ended.value.code == 0
    fetch.main(["data.limit=1"])
    # All of them, and the photos that are trained on are the same as before.
    assert len(PhotoStore(project / "data/raw/outside").files()) == 3
    assert PhotoStore(project / "data/raw").source.digest == plain
    fill(outside, {"cats": 1}, first=7)
    assert changed()
    monkeypatch.setenv("ARCHSTYLE_OUTSIDE", str(tmp_path / "none"))
    with pytest.raises(ArchstyleError, match=r"ARCHSTYLE_OUTSIDE says .*none"):
        fetch.main([])


def test_the_stage_says_one_sentence_and_fails_without_photos(project: Path) -> None:
    environment = os.environ | {"ARCHSTYLE_PHOTOS": "/none", "PYTHONPATH": str(PROJECT)}
    failed = subprocess.run(
        [sys.executable, "-m", "pipeline.fetch"], env=environment, capture_output=True, text=True
    )
    assert failed.returncode == 1
    assert failed.stderr.startswith("error: ARCHSTYLE_PHOTOS says /none")
    assert failed.stderr.count("\n") == 1
