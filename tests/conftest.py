"""What several test modules share."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

# Before anything imports them: no test calls home.
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ["DO_NOT_TRACK"] = "true"
os.environ["DVC_NO_ANALYTICS"] = "1"
# A run of the tests must not write into somebody's store.
os.environ.pop("MLFLOW_TRACKING_URI", None)
os.environ.pop("MLFLOW_RUN_ID", None)
os.environ.pop("ARCHSTYLE_OUTSIDE", None)

ROOT = Path(__file__).parents[1]


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
