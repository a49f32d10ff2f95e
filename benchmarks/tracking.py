"""What tracking costs of the pipeline: `ARCHSTYLE_PHOTOS=... python -m benchmarks.tracking`.

Runs the stages of the default recipe in a fresh copy of the project while py-spy looks twenty
times a second at what their main thread does; what is below MLflow (its import too) or
`archstyle.tracking` is tracking. The stages that track run once with a new sqlite file, and once
with `mlflow server` on PostgreSQL on the same cores. The cost is tracking beside all the rest.
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from archstyle.common.console import progress, run, say, table
from archstyle.errors import ArchstyleError
from benchmarks.pipeline import copy
from benchmarks.registry import team

ROOT = Path(__file__).parents[1]
BEFORE, TRACKED = ("fetch", "prepare", "describe", "augment"), ("train", "evaluate", "register")
RATE = 20  # looks a second; each stops all threads
OURS = re.compile(r"\((mlflow|archstyle/tracking)/")
AIMS = {"sqlite": 0.03, "server": 0.06}


def main(_: object) -> None:
    if not os.environ.get("ARCHSTYLE_PHOTOS"):
        raise ArchstyleError("Set ARCHSTYLE_PHOTOS to the folder of photos to measure on.")
    os.environ["ARCHSTYLE_PHOTOS"] = str(Path(os.environ["ARCHSTYLE_PHOTOS"]).resolve())
    os.environ.pop("MLFLOW_TRACKING_URI", None)
    rows = [("stage", "all s", "tracking s", "cost", "aim")]
    with tempfile.TemporaryDirectory(prefix="tracking-") as folder:
        project = copy(ROOT, Path(folder))
        same = [watched(project, stage) for stage in progress(BEFORE, "stages")]
        found = {"sqlite": [watched(project, stage) for stage in progress(TRACKED, "stages")]}
        with team():
            found["server"] = [watched(project, stage) for stage in progress(TRACKED, "stages")]
    for store, seconds in found.items():
        for stage, (whole, ours) in zip(TRACKED, seconds, strict=True):
            rows.append((f"{stage}, {store}", f"{whole:.1f}", f"{ours:.1f}", "", ""))
        whole, ours = map(sum, zip(*same, *seconds, strict=True))
        cost = f"{ours / (whole - ours):.1%}"
        rows.append(
            (f"all seven, {store}", f"{whole:.1f}", f"{ours:.1f}", cost, f"{AIMS[store]:.0%}")
        )
    say("\n" + table(rows))


def watched(project: Path, stage: str) -> tuple[float, float]:
    """Run a stage; return the seconds of its main thread, and those of tracking among them."""
    looks = project / f"{stage}.looks"
    spy = (*("py-spy", "record", "--format", "raw", "--rate", str(RATE)), "--idle", "--threads")
    command = (*spy, "--output", str(looks), "--", sys.executable, "-m", f"pipeline.{stage}")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(project / "src")}
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True)
    if done.returncode or not looks.is_file():
        raise ArchstyleError(f"{stage} failed: {(done.stderr or done.stdout).strip()[-500:]}")
    whole = ours = 0
    for line in looks.read_text("utf-8").splitlines():
        stack, _, count = line.rpartition(" ")
        if "MainThread" in stack:
            whole += int(count)
            ours += int(count) if OURS.search(stack) else 0
    return whole / RATE, ours / RATE


if __name__ == "__main__":
    run(main)
