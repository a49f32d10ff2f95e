"""The Makefile: an error is no answer, and an environment belongs to one folder."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.photo_folders import fill
from tests.test_pipeline import copy_of_the_project, environment

# Makes an environment in no time, in place of Python: what is installed is written down.
PYTHON = """#!/bin/sh
if [ "$1" = -c ]; then exec {python} "$@"; fi
[ -e {broken} ] && {{ mkdir -p .venv/bin; exit 1; }}
mkdir -p .venv/bin
printf '#!/bin/sh\\necho "$0 $@" >> {log}\\n[ ! -e {stop} ]' > .venv/bin/python
cp .venv/bin/python .venv/bin/uv
chmod +x .venv/bin/*
"""


def make(folder: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", *arguments],
        cwd=folder,
        env=environment(**more),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


class Setup:
    """A project folder, and a Python that makes environments and can be stopped."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "project"
        self.folder.mkdir(parents=True)
        for name in ("Makefile", "requirements.lock", "pyproject.toml"):
            (self.folder / name).write_bytes((ROOT / name).read_bytes())
        (self.folder / ".git").mkdir()
        subprocess.run(["git", "init", "-q"], cwd=self.folder, check=True)
        self.log, self.stop, self.broken = folder / "log", folder / "stop", folder / "broken"
        self.python = folder / "python"
        self.python.write_text(
            PYTHON.format(python=sys.executable, log=self.log, stop=self.stop, broken=self.broken)
        )
        self.python.chmod(0o755)

    def make(self) -> subprocess.CompletedProcess[str]:
        return make(self.folder, "setup", f"PYTHON={self.python}")

    def installs(self) -> int:
        return self.log.read_text().count("--editable") if self.log.exists() else 0


@pytest.fixture
def setup(tmp_path: Path) -> Setup:
    return Setup(tmp_path)


def test_setup_is_done_once(setup: Setup) -> None:
    assert setup.make().returncode == 0
    assert setup.make().returncode == 0
    assert setup.installs() == 1


def test_setup_that_was_interrupted_begins_anew(setup: Setup) -> None:
    setup.stop.touch()
    assert setup.make().returncode != 0
    # As Ctrl-C leaves it: an environment in which Python is, but not yet pip.
    (setup.folder / ".venv/bin/half").touch()
    setup.stop.unlink()
    assert setup.make().returncode == 0
    assert not (setup.folder / ".venv/bin/half").exists()


def test_setup_without_venv_says_what_to_install_and_works_afterwards(setup: Setup) -> None:
    setup.broken.touch()
    failed = setup.make()
    assert failed.returncode != 0
    assert "apt install python3-venv" in failed.stderr
    assert not (setup.folder / ".venv").exists()
    setup.broken.unlink()
    assert setup.make().returncode == 0


@pytest.mark.parametrize("how", ["moved", "copied"])
def test_a_project_that_was_moved_or_copied_gets_an_environment_of_its_own(
    how: str, setup: Setup
) -> None:
    setup.make()
    old, setup.folder = setup.folder, setup.folder.with_name("it's a copy")
    if how == "moved":
        old.rename(setup.folder)
    else:
        subprocess.run(["cp", "-a", old, setup.folder], check=True)
    assert setup.make().returncode == 0
    assert setup.installs() == 2


@pytest.mark.parametrize(
    ("name", "git", "said"), [("a:b", True, "colon"), ("plain", False, "not in a git repository")]
)
def test_a_folder_in_which_it_cannot_work_is_told_at_once(
    tmp_path: Path, name: str, git: bool, said: str
) -> None:
    setup = Setup(tmp_path / name)
    if not git:
        subprocess.run(["rm", "-rf", setup.folder / ".git"], check=True)
    failed = make(
        setup.folder, "setup", f"PYTHON={setup.python}", GIT_CEILING_DIRECTORIES=str(tmp_path)
    )
    assert failed.returncode != 0
    assert said in failed.stderr
    assert not (setup.folder / ".venv").exists()


def test_clean_leaves_the_released_model(setup: Setup) -> None:
    for name in ("models/bundle", "models/released", "reports", "data/raw"):
        (setup.folder / name).mkdir(parents=True)
    assert make(setup.folder, "clean").returncode == 0
    assert [path.name for path in (setup.folder / "models").iterdir()] == ["released"]
    assert not (setup.folder / "reports").exists() and not (setup.folder / "data/raw").exists()
    assert make(setup.folder, "clean").returncode == 0


def test_a_collection_that_is_not_there_is_not_released(setup: Setup) -> None:
    failed = make(setup.folder, "release", "DATA=moon", f"PYTHON={setup.python}")
    assert failed.returncode != 0
    assert "There is no conf/data/moon.yaml" in failed.stderr


@pytest.mark.parametrize("machine", ["Intel Mac", "musl"])
def test_a_machine_without_packages_is_told_at_once(setup: Setup, machine: str) -> None:
    patch = {
        "Intel Mac": "platform.system = lambda: 'Darwin'; platform.machine = lambda: 'x86_64'",
        "musl": "platform.libc_ver = lambda *_: ('', '')",
    }[machine]
    site = setup.folder / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(f"import platform\n{patch}\n")
    failed = make(setup.folder, "setup", f"PYTHON={setup.python}", PYTHONPATH=str(site))
    assert failed.returncode != 0
    assert "TensorFlow has no packages for" in failed.stderr
    assert "Traceback" not in failed.stderr


@pytest.mark.pipeline
def test_photos_that_are_gone_or_damaged_stop_make_and_nothing_runs(tmp_path: Path) -> None:
    project = copy_of_the_project(tmp_path / "project")
    # The environment that runs this test, found on the PATH.
    (project / ".venv").mkdir()
    (project / ".venv/ready").write_text(f"{project.resolve()}\n")
    photos = fill(tmp_path / "photos", {"gothic": 10, "baroque": 10})
    done = make(project, "data", ARCHSTYLE_PHOTOS=str(photos))
    assert done.returncode == 0, done.stdout + done.stderr
    whole = Path(shutil.make_archive(str(tmp_path / "whole"), "zip", photos))
    cut = tmp_path / "cut.zip"
    cut.write_bytes(whole.read_bytes()[:-1000])
    gone = Path("/not/mounted")
    for target, named in (("run", gone), ("sweep", gone), ("data", cut), ("results", cut)):
        failed = make(project, target, ARCHSTYLE_PHOTOS=str(named))
        assert failed.returncode != 0, target
        assert "error: " in failed.stderr
        assert named.name in failed.stderr
        assert "Running stage" not in failed.stdout
        assert "up to date" not in failed.stdout
