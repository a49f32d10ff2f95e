"""How long `make run` takes: `ARCHSTYLE_PHOTOS=... python -m benchmarks.pipeline`.

Runs the six stages one by one in a fresh copy of the project, then with nothing changed, and
prints a table of time and of the largest process's memory.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from archstyle.common.console import progress, say
from archstyle.errors import ArchstyleError

STAGES = ("fetch", "prepare", "augment", "train", "evaluate", "register")
AIMS = {"train": 360.0, "all six": 600.0, "nothing changed": 5.0}
# Waits for one command and says how long it took and the peak memory of its largest process.
WATCH = """
import resource, subprocess, sys, time
start = time.perf_counter()
status = subprocess.run(sys.argv[1:], stdout=sys.stderr).returncode
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
print(time.perf_counter() - start, peak / 1024, status)
"""


def main() -> None:
    root = Path(__file__).parents[1]
    if not os.environ.get("ARCHSTYLE_PHOTOS"):
        raise ArchstyleError("Set ARCHSTYLE_PHOTOS to the folder of photos to measure on.")
    photos = str((Path.cwd() / os.environ["ARCHSTYLE_PHOTOS"]).resolve())
    with tempfile.TemporaryDirectory() as folder:
        project = copy(root, Path(folder))
        times = {
            stage: watched(project, photos, "dvc", "repro", "--single-item", stage)
            for stage in progress(STAGES, "stages")
        }
        seconds = sum(taken for taken, _ in times.values())
        times["all six"] = seconds, max(peak for _, peak in times.values())
        times["nothing changed"] = watched(project, photos, "dvc", "repro")
        metrics = json.loads((project / "reports/metrics.json").read_text())
    say(f"\n{'':18}{'seconds':>9}{'aim':>7}{'peak MB':>9}")
    for name, (taken, peak) in times.items():
        aim = f"{AIMS[name]:.0f}" if name in AIMS else ""
        say(f"{name:18}{taken:9.1f}{aim:>7}{peak:9.0f}")
    low, high = metrics["accuracy_low"], metrics["accuracy_high"]
    say(f"test accuracy {metrics['accuracy']:.3f} ({low:.3f} to {high:.3f})")


def copy(root: Path, target: Path) -> Path:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=root, capture_output=True, check=True, text=True
    )
    for name in filter(None, listed.stdout.split("\0")):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(root / name, target / name)
    subprocess.run(["git", "init", "-q"], cwd=target, check=True)
    return target


def watched(project: Path, photos: str, *command: str) -> tuple[float, float]:
    environment = {
        **os.environ,
        "ARCHSTYLE_PHOTOS": photos,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    environment.pop("MLFLOW_TRACKING_URI", None)
    done = subprocess.run(
        [sys.executable, "-c", WATCH, *command],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    seconds, peak, status = done.stdout.split()
    if status != "0":
        raise ArchstyleError(f"`{' '.join(command)}` failed: {done.stderr.strip()[-500:]}")
    return float(seconds), float(peak)


if __name__ == "__main__":
    try:
        start = time.perf_counter()
        main()
        say(f"measured in {time.perf_counter() - start:.0f} s")
    except ArchstyleError as error:
        sys.exit(f"error: {error}")
