"""What several test modules share."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

# Before anything imports them: no test calls home.
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ["DO_NOT_TRACK"] = "true"
os.environ["DVC_NO_ANALYTICS"] = "1"
os.environ["GIT_ALLOW_PROTOCOL"] = "file:http"  # nor downloads a sample of other styles by https
# A run of the tests must not write into somebody's store.
os.environ.pop("MLFLOW_TRACKING_URI", None)
os.environ.pop("MLFLOW_RUN_ID", None)
os.environ.pop("ARCHSTYLE_OUTSIDE", None)
os.environ.pop("ARCHSTYLE_OTHERS", None)
os.environ["ARCHSTYLE_RELEASED"] = "nowhere"  # what a fresh clone answers with has its own tests
# A shell's background job and nohup leave these ignored, and every server that a test starts would.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

ROOT = Path(__file__).parents[1]
# What `make test-fast` leaves out: files that import TensorFlow or run whole stages, servers and
# browsers, and tests that need a trained bundle, a project with a store, or the real photos.
SLOW_FILES = {
    f"test_{name}.py"
    for name in (
        *("any_folder", "audit", "augmentation", "browser", "datareport", "distance", "encoding"),
        *("evaluate", "gate", "inspected", "make", "networks", "pipeline", "previous", "report"),
        *("quantization", "results", "resume", "serving_process", "sweep", "training"),
    )
}
SLOW_FIXTURES = {"empty_database", "photos", "tiny_bundle"}


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Do not even import what is left out."""
    left_out = config.option.markexpr == "not slow" and collection_path.name in SLOW_FILES
    return True if left_out else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("ray") and config.option.markexpr != "ray":
            item.add_marker(pytest.mark.skip(reason="`make test-ray` runs it, with nothing beside"))
        if item.path.name in SLOW_FILES or SLOW_FIXTURES & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def tiny_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real bundle, trained on drawn facades: EfficientNet-Lite0 at 128 pixels, head only."""
    directory = tmp_path_factory.mktemp("tiny") / "bundle"
    command = [sys.executable, "-m", "tests.make_tiny_bundle", str(directory)]
    made = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    return directory


@pytest.fixture(scope="session")
def photos() -> Path:
    """The folder of real photos that ARCHSTYLE_PHOTOS names."""
    named = os.environ.get("ARCHSTYLE_PHOTOS")
    if not named:
        pytest.skip("ARCHSTYLE_PHOTOS is unset: it names the folder of real photos to test on")
    return (ROOT / named).resolve()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A new folder with this project's settings, which is the current one."""
    folder = tmp_path / "project"
    folder.mkdir()
    for name in ("conf", "params.yaml"):
        (folder / name).symlink_to(ROOT / name)
    monkeypatch.chdir(folder)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    return folder
