"""What visitors correct: the folder, the command, and how prepare takes it."""

import errno
import io
import os
import re
import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from PIL import Image

from archstyle.cli import main
from archstyle.common.console import warn
from archstyle.data.manifest import read_manifest, read_others
from archstyle.errors import ArchstyleError
from archstyle.feedback import Store, StoreError, hash_of
from pipeline import fetch, prepare
from tests.photo_folders import fill, jpeg, photo
from tests.test_prepare import load

ANSWER = {
    "style": "gothic",
    "probability": 0.7,
    "probabilities": {"gothic": 0.7, "baroque": 0.2, "Art Deco": 0.1},
}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "kept", 5, 100_000, 3)


def keep(store: Store, content: bytes = b"pixels", style: str = "baroque", who: str = "a") -> str:
    return store.keep(content, ANSWER, "3", style, who.encode())


def numbers(store: Store) -> list[int]:
    return [row["id"] for row in store.run("SELECT id FROM photos ORDER BY id")]


def run(store: Store, *arguments: object) -> Result:
    environment = {"ARCHSTYLE_FEEDBACK": str(store.folder)}
    return CliRunner().invoke(main, ["feedback", *map(str, arguments)], env=environment)


def test_a_photo_is_kept_with_its_answer_and_deleted_by_its_token_alone(store: Store) -> None:
    token = keep(store)
    [row] = store.run("SELECT * FROM photos")
    assert store.path(row["id"]).read_bytes() == b"pixels"
    assert (row["version"], row["correction"], row["style"]) == ("3", "baroque", "")
    assert row["token"] == hash_of(token)
    everything = b"".join(path.read_bytes() for path in store.folder.iterdir())
    assert token.encode() not in everything
    assert (store.folder / ".gitignore").read_text() == "*\n"
    assert store.folder.stat().st_mode & 0o077 == 0
    store.delete(row["id"])
    assert numbers(store) == [] and not store.path(row["id"]).exists()
    assert b"Art Deco" not in (store.folder / "feedback.sqlite").read_bytes()


def test_one_sender_may_send_so_many_an_hour_and_is_forgotten_after_it(store: Store) -> None:
    for _ in range(3):
        keep(store)
    with pytest.raises(StoreError, match="within the hour"):
        keep(store)
    keep(store, who="b")
    store.run("UPDATE senders SET sent = datetime('now', '-61 minutes')")
    keep(store)
    assert len(store.run("SELECT * FROM senders")) == 1


def test_neither_more_photos_nor_more_bytes_than_allowed(store: Store) -> None:
    for who in "abcd":
        keep(store, who=who)
    with pytest.raises(StoreError, match="as much as it may"):
        keep(store, b"x" * 100_000)
    keep(store)
    with pytest.raises(StoreError, match="as much as it may"):
        keep(store)
    assert len(numbers(store)) == 5


def test_workers_that_keep_at_once_keep_the_limit(store: Store) -> None:
    refused: list[Exception] = []

    def one(who: int) -> None:
        try:
            keep(store, who=str(who))
        except StoreError as error:
            refused.append(error)

    store.sweep()
    threads = [threading.Thread(target=one, args=(who,)) for who in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(numbers(store)), len(refused)) == (5, 7)
    assert len(list(store.folder.glob("*.jpg"))) == 5


def test_what_a_kill_left_half_is_swept_away_and_nothing_else(store: Store) -> None:
    for who in "abc":
        keep(store, who=who)
    store.path(1).unlink()  # deleted, and the row not yet
    store.path(2).write_bytes(b"")  # never reached the disk
    store.path(77).write_bytes(b"pixels")  # written, and the row not yet
    (store.folder / "notes.jpg").write_bytes(b"the operator's")
    store.path(3).write_bytes(b"blur")  # by the operator, before it is accepted
    store.sweep()
    assert numbers(store) == [3] and store.path(3).read_bytes() == b"blur"
    assert {path.name for path in store.folder.glob("*.jpg")} == {"feedback-3.jpg", "notes.jpg"}
    assert store.run("SELECT * FROM senders") == []


@pytest.mark.parametrize("full", [OSError(errno.ENOSPC, "No space left"), "sqlite"])
def test_full_disk_is_said_and_leaves_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch, full: Any
) -> None:
    store.sweep()

    def write(path: Path, data: bytes) -> None:
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY))
        if full == "sqlite":
            error = sqlite3.OperationalError("database or disk is full")
            error.sqlite_errorcode = sqlite3.SQLITE_FULL
            raise error
        raise full

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", write)
        with pytest.raises(StoreError, match="disk is full"):
            keep(store)
    store.sweep()
    assert numbers(store) == [] and not list(store.folder.glob("*.jpg"))


def test_folder_that_cannot_be_used_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("a file")
    with pytest.raises(ArchstyleError, match="cannot hold feedback"):
        Store(tmp_path / "kept").sweep()
    store = Store(tmp_path / "other")
    store.folder.mkdir()
    (store.folder / "feedback.sqlite").write_bytes(b"no database" * 200)
    shown = run(store, "list")
    assert shown.exit_code == 1 and "cannot hold feedback" in shown.output


def test_the_command_lists_accepts_rejects_and_exports(store: Store, project: Path) -> None:
    warn.cache_clear()
    keep(store, b"one", "baroque", "a")
    keep(store, b"two", "art deco", "b")
    keep(store, b"three", "", "c")
    shown = run(store, "list").output
    assert "gothic 70%" in shown and "art deco" in shown and "feedback-3.jpg" in shown
    assert "no data/prepared" in run(store, "accept", 1).output
    assert "accepted as Art Deco" in run(store, "accept", 2).output
    unnamed = run(store, "accept", 3)
    assert unnamed.exit_code == 1 and "accept 3 Art Deco" in unnamed.output
    for wrong in ("../etc", ".hidden", "train", "a/b", "a\nb"):
        assert run(store, "accept", 3, wrong).exit_code == 1
    assert "does not know rococo" in run(store, "accept", 3, "rococo").output
    assert "There is no photo 9" in run(store, "accept", 9).output

    target = project / "corrections"
    assert "3 photos" in run(store, "export", target).output
    ours = f"train-only-{store.run('SELECT id FROM store')[0]['id']}"
    assert (target / f"baroque/{ours}-1.jpg").read_bytes() == b"one"
    others = {"baroque/mine.jpg", "baroque/train-only-1.jpg", "gothic/train-only-00ff00ff-3.jpg"}
    for name in others:
        (target / name).parent.mkdir(exist_ok=True)
        (target / name).write_bytes(b"mine")
    assert run(store, "reject", 1).exit_code == 0
    assert run(store, "accept", 3, "gothic").exit_code == 0
    assert "2 photos" in run(store, "export", target).output
    left = {path.relative_to(target).as_posix() for path in target.rglob("*.jpg")}
    assert left == {*others, f"Art Deco/{ours}-2.jpg", f"gothic/{ours}-3.jpg"}
    assert all((target / name).read_bytes() == b"mine" for name in others)


def test_a_photo_that_its_visitor_deletes_meanwhile(
    store: Store, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for who in "abc":
        keep(store, who=who)
    run(store, "accept", 1)
    run(store, "accept", 2)
    store.path(1).unlink()
    assert "1 photos" in run(store, "export", project / "out").output
    shown = run(store, "accept", 1)
    assert shown.exit_code == 1 and "was deleted" in shown.output
    read = Path.read_bytes

    def read_and_delete(path: Path) -> bytes:
        content = read(path)
        store.delete(3)
        return content

    monkeypatch.setattr(Path, "read_bytes", read_and_delete)
    shown = run(store, "accept", 3)
    assert shown.exit_code == 1 and "was deleted" in shown.output and "Next" not in shown.output


def test_what_may_not_be_used_is_one_sentence(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(store)
    run(store, "accept", 1)
    (tmp_path / "file").touch()
    shown = run(store, "export", tmp_path / "file" / "out")
    assert shown.exit_code == 1 and "cannot be used (Not a directory)" in shown.output
    shown = run(store, "accept", 1, "ü" * 150)
    assert shown.exit_code == 1 and "cannot be a style's folder" in shown.output
    for command in ("accept", "reject"):
        shown = run(store, command, 10**23)
        assert shown.exit_code == 1 and "There is no photo 1000" in shown.output

    def refuse(path: Path) -> bool:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "is_file", refuse)
    shown = run(store, "list")
    assert shown.exit_code == 1 and "cannot be used (Permission denied)" in shown.output


def test_without_a_folder_the_command_says_what_to_set() -> None:
    for folder in ("", "off", "OFF", "0", "1", "nowhere"):
        shown = CliRunner().invoke(main, ["feedback", "list"], env={"ARCHSTYLE_FEEDBACK": folder})
        assert shown.exit_code == 1 and "ARCHSTYLE_FEEDBACK" in shown.output
    assert CliRunner().invoke(main, ["feedback", "accept", "--help"]).exit_code == 0


def test_the_folder_may_be_in_ones_home(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(store)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert CliRunner().invoke(main, ["feedback", "list", "--folder=~/kept"]).exit_code == 0


def test_exported_photos_are_trained_on_and_change_nothing_else(
    store: Store, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = fill(tmp_path / "own", {"gothic": 20, "baroque": 20})
    others = fill(tmp_path / "strange", {"tudor": 12})
    monkeypatch.setenv("ARCHSTYLE_PHOTOS", str(own))
    monkeypatch.setenv("ARCHSTYLE_OTHERS", str(others))
    fetch.main([])
    prepare.main([])
    manifest = Path("data/prepared/manifest.csv")
    plain = {row.sha256: row for row in read_manifest(manifest)}
    test = next(row for row in plain.values() if row.split == "test")
    odd = next(row for row in read_others(manifest) if row.split == "test")

    resaved = jpeg(load(own / test.file), 60)
    keep(store, resaved, "gothic", "a")
    strange = load(others / odd.file.removeprefix("@others/"))
    keep(store, jpeg(strange, 60), "gothic", "b")
    fresh = jpeg(photo(7_000_001), 90)
    keep(store, fresh, "gothic", "c")
    for number, same in ((1, test.file), (2, odd.file)):
        refused = run(store, "accept", number)
        assert refused.exit_code == 1
        assert f"the test photo {same}" in refused.output
    assert run(store, "accept", 3).exit_code == 0

    target = tmp_path / "corrections"
    run(store, "export", target)
    again = Image.open(io.BytesIO(fresh)).resize((90, 70))
    for name, content in {
        "gothic/train-only-50.jpg": resaved,  # accepted where nobody could compare it
        "gothic/train-only-51.jpg": jpeg(again, 70),
        "rococo/train-only-52.jpg": jpeg(photo(7_000_002)),
        "gothic/train-only-53.jpg": b"broken",
        "gothic/train-only-54.jpg": jpeg(photo(7_000_003)),
        "baroque/train-only-55.jpg": jpeg(photo(7_000_003), 60),
    }.items():
        (target / name).parent.mkdir(exist_ok=True)
        (target / name).write_bytes(content)
    monkeypatch.setenv("ARCHSTYLE_PHOTOS", f"{own}{os.pathsep}{target}")
    for _ in range(2):  # the second time with what it remembers of the first
        fetch.main([])
        prepare.main([])
        rows = read_manifest(manifest)
        for row in rows:
            if row.source == "own":
                before = plain[row.sha256]
                assert (row.split, row.status, row.group) == (
                    (before.split, before.status, before.group)
                )
        came = {Path(r.file).stem: (r.status, r.split) for r in rows if r.source != "own"}
        became = {re.sub("-[0-9a-f]{8}", "", name): what for name, what in came.items()}
        assert became == {
            "train-only-3": ("used", "train"),
            "train-only-50": ("dropped", ""),
            "train-only-51": ("duplicate", ""),
            "train-only-52": ("dropped", ""),
            "train-only-53": ("broken", ""),
            "train-only-54": ("dropped", ""),
            "train-only-55": ("dropped", ""),
        }
    # Its own photo has gone from the source: it was measured on all the same.
    (own / test.file).unlink()
    fetch.main([])
    prepare.main([])
    rows = read_manifest(manifest)
    [left] = [row for row in rows if row.file.endswith("train-only-50.jpg")]
    assert (left.status, left.split, left.reason) == ("dropped", "", "was in test before")
