import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from archstyle.data import inspection
from archstyle.data.inspection import DECIDING, RECIPES, Inspected, Inspection, inspect_all, recipe
from archstyle.photos.packing import pack
from archstyle.photos.sources.folders import FolderPhotos
from archstyle.photos.store import PhotoStore
from tests.conftest import ROOT
from tests.photo_folders import fill
from tests.test_stages import imported_files

PIXELS = 1_000_000
KEY = "ab" * 32
SEEN = Inspection(b"h" * 32, 30, 20, "JPEG", b"g" * 100)


@pytest.fixture
def store(tmp_path: Path) -> PhotoStore:
    root = fill(tmp_path / "photos", {"gothic": 40, "baroque": 20})
    (root / "gothic/text.jpg").write_text("no photo")
    (tmp_path / "raw").mkdir()
    pack(FolderPhotos(root), tmp_path / "raw", None, 10_000_000)
    return PhotoStore(tmp_path / "raw")


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> Counter[bytes]:
    """Counts what is decoded from now on."""
    counts: Counter[bytes] = Counter()
    inspect = inspection.inspect

    def counting(data: bytes, max_pixels: int) -> Inspection:
        counts[data] += 1
        return inspect(data, max_pixels)

    monkeypatch.setattr(inspection, "inspect", counting)
    return counts


def looked(store: PhotoStore, path: Path, name: str = "one") -> dict[str, Inspection]:
    with Inspected(path, name, len(store.entries)) as known:
        return {
            entry.file: seen for entry, seen in inspect_all(store, PIXELS, workers=2, known=known)
        }


def test_what_is_known_is_not_decoded_again(
    store: PhotoStore, tmp_path: Path, decoded: Counter[bytes]
) -> None:
    path = tmp_path / "new" / "inspected.sqlite"
    plain = {entry.file: seen for entry, seen in inspect_all(store, PIXELS)}
    decoded.clear()
    assert looked(store, path) == plain and decoded.total() == 61
    decoded.clear()
    assert looked(store, path) == plain
    assert list(decoded) == [b"no photo"]  # what cannot be read is tried again
    looked(store, path, "another recipe")
    assert decoded.total() == 1 + 61


KILLED = """
import sys, time
from pathlib import Path
from archstyle.data import inspection
from archstyle.data.inspection import Inspected
from archstyle.photos.store import PhotoStore
inspect = inspection.inspect
def slow(data, max_pixels):
    time.sleep(0.05)
    return inspect(data, max_pixels)
inspection.inspect = slow
store = PhotoStore(Path(sys.argv[1]))
with Inspected(Path(sys.argv[2]), "one", len(store.entries)) as known:
    for _ in inspection.inspect_all(store, 1_000_000, workers=1, known=known):
        pass
"""


def test_a_killed_run_is_gone_on_with(
    store: PhotoStore, tmp_path: Path, decoded: Counter[bytes]
) -> None:
    path = tmp_path / "inspected.sqlite"
    command = [sys.executable, "-c", KILLED, str(store.archive.parent), str(path)]
    with subprocess.Popen(command, cwd=ROOT) as process:
        while process.poll() is None and kept(path) < 5:
            time.sleep(0.02)
        os.kill(process.pid, signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    before = kept(path)
    assert 5 <= before < 60
    plain = {entry.file: seen for entry, seen in inspect_all(store, PIXELS)}
    decoded.clear()
    assert looked(store, path) == plain
    assert decoded.total() == 61 - before


def kept(path: Path) -> int:
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            return int(connection.execute("SELECT count(*) FROM inspections").fetchone()[0])
    except sqlite3.OperationalError:
        return 0  # not there yet


def test_two_runs_share_a_file(tmp_path: Path) -> None:
    path = tmp_path / "inspected.sqlite"
    with Inspected(path, "one", 1) as first, Inspected(path, "two", 1) as second:
        first.keep(KEY, SEEN)
        second.keep("cd" * 32, SEEN)
        assert first.find(KEY) == second.find("cd" * 32) == SEEN
        assert first.find("cd" * 32) is None
    with Inspected(path, "one", 1) as first:
        assert first.find(KEY) == SEEN and first.find("cd" * 32) is None


def overwrite(path: Path) -> None:
    path.write_bytes(b"no database at all" * 1000)


def damage(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[100:] = b"\xff" * (len(data) - 100)
    path.write_bytes(data)


@pytest.mark.parametrize("harm", [overwrite, damage, Path.unlink])
def test_a_damaged_file_is_made_anew(tmp_path: Path, harm: Callable[[Path], None]) -> None:
    path = tmp_path / "inspected.sqlite"
    for _ in range(2):
        with Inspected(path, "one", 1) as known:
            known.keep(KEY, SEEN)
    harm(path)
    with Inspected(path, "one", 1) as known:
        assert known.find(KEY) is None
        known.keep(KEY, SEEN)
    with Inspected(path, "one", 1) as known:
        assert known.find(KEY) == SEEN


def test_without_a_place_for_the_file_nothing_is_kept_and_nothing_fails(
    store: PhotoStore, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    plain = {entry.file: seen for entry, seen in inspect_all(store, PIXELS)}
    for path in (tmp_path / "file/inspected.sqlite", tmp_path):
        assert looked(store, path) == plain


def test_old_recipes_and_photos_of_long_ago_are_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "inspected.sqlite"
    for number in range(RECIPES + 2):
        with Inspected(path, f"recipe {number}", 1) as known:
            known.keep(KEY, SEEN)
    assert kept(path) == RECIPES
    monkeypatch.setattr("archstyle.data.inspection.SPARE", 3)
    with Inspected(path, "crowded", 10) as known:
        for number in range(20):
            known.keep(f"{number:064x}", SEEN)
    for photos, left in ((10, 20), (4, 0)):
        with Inspected(path, "crowded", photos) as known:
            assert sum(known.find(f"{number:064x}") is not None for number in range(20)) == left


def test_a_recipe_follows_from_all_code_that_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    assert recipe(PIXELS) == recipe(PIXELS) != recipe(PIXELS + 1)
    # These bring the bytes and spread the work: they have no say in what an inspection finds.
    carrying = {"store.py", "files.py", "parallel.py", "cluster.py", "console.py", "errors.py"}
    carrying.add("__init__.py")
    imported = imported_files(Path(inspection.__file__), set())
    assert {file for file in imported if file.name not in carrying} == set(map(Path, DECIDING))
    before = recipe(PIXELS)
    monkeypatch.setattr("PIL.__version__", "0")
    assert recipe.__wrapped__(PIXELS) != before
