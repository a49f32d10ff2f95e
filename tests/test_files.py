"""What is written is whole or not there, and a full disk is one sentence."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.lib.format import open_memmap

from archstyle.common.console import full_disk_told
from archstyle.common.files import (
    let_go,
    locked,
    read_json,
    reserve,
    scratch_directory,
    whole_directory,
    whole_file,
    write_json,
)
from archstyle.errors import ArchstyleError
from tests.conftest import ROOT


def test_a_failed_write_leaves_what_was_there(tmp_path: Path) -> None:
    write_json(tmp_path / "file.json", {"is": "old"})
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/part").write_text("old")
    with pytest.raises(RuntimeError), whole_file(tmp_path / "file.json") as path:
        path.write_text("half")
        raise RuntimeError
    with pytest.raises(RuntimeError), whole_directory(tmp_path / "folder") as path:
        (path / "part").write_text("half")
        raise RuntimeError
    assert (tmp_path / "file.json").read_text() == '{\n "is": "old"\n}\n'
    assert (tmp_path / "folder/part").read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file.json", "folder"]


def test_a_finished_write_takes_the_place(tmp_path: Path) -> None:
    for content in ("first", "second"):
        with whole_directory(tmp_path / "deep/folder") as path:
            (path / content).write_text(content)
        with whole_file(tmp_path / "deep/file") as path:
            path.write_text(content)
    assert [path.name for path in (tmp_path / "deep/folder").iterdir()] == ["second"]
    assert (tmp_path / "deep/file").read_text() == "second"


def test_a_killed_stage_leaves_nothing_that_looks_whole(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path;"
        "from archstyle.common.files import whole_directory\n"
        "with whole_directory(Path(sys.argv[1])) as path:\n"
        "    (path / 'part').write_text('half')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    target = tmp_path / "out"
    done = subprocess.run([sys.executable, "-c", code, str(target)], check=False)
    assert done.returncode == -9
    assert not target.exists()


@pytest.mark.parametrize("moment", [1, 2])
def test_a_kill_while_a_folder_takes_its_place_loses_neither_the_old_nor_the_new(
    tmp_path: Path, moment: int
) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path;"
        "from archstyle.common.files import whole_directory\n"
        "replace, moves = Path.replace, []\n"
        "def killed(self, target):\n"
        "    replace(self, target)\n"
        "    moves.append(target)\n"
        f"    len(moves) == {moment} and os.kill(os.getpid(), signal.SIGKILL)\n"
        "with whole_directory(Path(sys.argv[1])) as path:\n"
        "    (path / 'new').touch()\n"
        "    Path.replace = killed\n"
    )
    target = tmp_path / "prepared"
    target.mkdir()
    (target / "old").touch()
    done = subprocess.run([sys.executable, "-c", code, str(target)], check=False)
    assert done.returncode == -9
    assert target.exists() == (moment == 2)
    with pytest.raises(RuntimeError), whole_directory(target):
        assert [path.name for path in target.iterdir()] == ["old" if moment == 1 else "new"]
        raise RuntimeError
    assert [path.name for path in target.iterdir()] == ["old" if moment == 1 else "new"]
    with whole_directory(target):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["prepared"]


def test_what_a_killed_process_left_is_removed_and_a_living_one_is_left_alone(
    tmp_path: Path,
) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path;"
        "from archstyle.common.files import scratch_directory\n"
        "with scratch_directory(Path(sys.argv[1]), 'fetch-[1]-') as path:\n"
        "    (path / 'part').write_text('half')\n"
        "    print(path.name, flush=True)\n"
        "    sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    (tmp_path / "fetched.json").touch()
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        theirs = tmp_path / process.stdout.readline().strip()
        with scratch_directory(tmp_path, "fetch-[1]-") as ours:
            assert ours.is_dir() and theirs.is_dir()
        assert not ours.exists()
        process.kill()
        process.wait()
    assert (theirs / "part").exists()
    with scratch_directory(tmp_path, "fetch-[1]-"):
        assert not theirs.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["fetched.json"]


def test_a_lock_is_shared_or_held_alone_and_is_free_after_an_error(tmp_path: Path) -> None:
    for path in (tmp_path / "lock", tmp_path):
        with locked(path, shared=True) as held, locked(path, shared=True, wait=False) as too:
            assert held and too
            with pytest.raises(BlockingIOError), locked(path, wait=False):
                pass
        with pytest.raises(RuntimeError), locked(path):
            raise RuntimeError
        with locked(path, wait=False) as held:
            assert held


def test_a_drive_without_locks_is_written_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def flock(descriptor: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("archstyle.common.files.fcntl.flock", flock)
    (tmp_path / ".out.partial-theirs").mkdir()
    with locked(tmp_path / "lock", wait=False) as held, whole_directory(tmp_path / "out") as path:
        (path / "part").touch()
    assert not held
    assert (tmp_path / "out/part").exists()
    assert (tmp_path / ".out.partial-theirs").exists()  # who writes there cannot be known


def test_json_that_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    write_json(path, {"style": "Gründerzeit"})
    assert read_json(path) == {"style": "Gründerzeit"}
    for content in (b"", b"{", b"[1]", b"\xff"):
        path.write_bytes(content)
        with pytest.raises(ArchstyleError, match=r"no JSON object.*: mend it"):
            read_json(path, "mend it")
    path.unlink()
    with pytest.raises(ArchstyleError, match=r"No such file.*: run `dvc repro`"):
        read_json(path)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is a Linux device")
@pytest.mark.parametrize(
    "writes",
    [
        "open('/dev/full', 'wb').write(b'x' * 100000)",
        "shutil.copytree('docs', sys.argv[1], copy_function=lambda *_: "
        "open('/dev/full', 'w').write('x' * 9999))",
    ],
)
def test_a_full_disk_is_one_sentence(writes: str, tmp_path: Path) -> None:
    code = (
        "import shutil, sys\n"
        "from archstyle.common.console import run\n"
        f"run(lambda arguments: {writes})\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "copy")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("error: The disk is full")
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("number", [errno.EDQUOT, errno.EIO])
def test_a_disk_without_room_for_its_user_or_that_fails_is_one_sentence(number: int) -> None:
    with pytest.raises(ArchstyleError, match=r"^The disk .* at photo:"), full_disk_told():
        raise OSError(number, os.strerror(number), "photo")


def test_reserving_takes_the_space_of_a_sparse_file(tmp_path: Path) -> None:
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(2**20)
    assert path.stat().st_blocks == 0
    reserve(path)
    assert path.stat().st_blocks * 512 >= 2**20
    assert path.stat().st_size == 2**20


def test_a_mapped_array_that_was_let_go_holds_what_was_written(tmp_path: Path) -> None:
    resident = Path("/proc/self/smaps_rollup")
    written = open_memmap(tmp_path / "a.npy", "w+", np.uint8, (1 << 24,))
    written[:] = 7
    before = resident.read_text(encoding="ascii") if resident.exists() else ""
    let_go(written)
    if before:
        after = resident.read_text(encoding="ascii")
        rss = [int(text.split("Rss:")[1].split()[0]) for text in (before, after)]
        assert rss[0] - rss[1] > (1 << 24) // 1024 * 0.9
    assert (written == 7).all()
    assert (np.load(tmp_path / "a.npy", mmap_mode="r") == 7).all()
    let_go(np.ones(3))  # not mapped: nothing to give back
