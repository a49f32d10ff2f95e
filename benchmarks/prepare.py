"""prepare against a bare loop, and on 100,000 photos: `ARCHSTYLE_PHOTOS=... python -m ...`.

`python -m benchmarks.prepare --photos 1000` draws fewer. The bare loop does no more than decode
and resize the same files with Pillow, on as many threads as there are cores; both are whole
processes, imports included, and take turns.
"""

import argparse
import hashlib
import io
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from archstyle.common.console import say
from archstyle.common.files import whole_directory
from archstyle.common.parallel import parallel_map
from archstyle.errors import ArchstyleError
from archstyle.photos.names import Found
from archstyle.photos.packing import pack
from benchmarks.pipeline import copy, watched

ROUNDS = 3
STYLES = ("baroque", "byzantine", "egyptian", "gothic")
BARE = """
import csv, io, os
from concurrent.futures import ThreadPoolExecutor
from PIL import Image
archive = os.open("data/raw/photos.zip", os.O_RDONLY)
def look(row):
    data = os.pread(archive, int(row["bytes"]), int(row["offset"]))
    try:
        image = Image.open(io.BytesIO(data))
        DRAFT
        image.convert("RGB").resize((64, 64), Image.Resampling.BICUBIC)
    except OSError:
        pass
with open("data/raw/files.csv", newline="") as file:
    rows = [row for row in csv.DictReader(file) if not row["reason"]]
with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
    list(pool.map(look, rows))
"""
INSPECTED = ".archstyle/inspected.sqlite"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=100_000, help="how many photos are drawn")
    count = parser.parse_args().photos
    os.environ.pop("DVC_ROOT", None)
    root = Path(__file__).parents[1]
    with tempfile.TemporaryDirectory() as folder:
        project = copy(root, Path(folder))
        say(f"{'':44}{'seconds':>9}{'of bare loop':>14}{'aim':>8}{'peak MB':>9}{'aim':>7}")
        if os.environ.get("ARCHSTYLE_PHOTOS"):
            against_a_bare_loop(project, str(Path(os.environ["ARCHSTYLE_PHOTOS"]).resolve()))
        else:
            say("ARCHSTYLE_PHOTOS is unset: nothing is compared with a bare loop.")
        on_many(project, count)


def against_a_bare_loop(project: Path, photos: str) -> None:
    watched(project, photos, sys.executable, "-m", "pipeline.fetch")
    draft = 'image.draft("RGB", (128, 128))'
    runs = {
        "bare loop: decode and resize": [sys.executable, "-c", BARE.replace("DRAFT", "")],
        "bare loop that decodes JPEGs at half size": [
            *(sys.executable, "-c", BARE.replace("DRAFT", draft))
        ],
        "prepare": [sys.executable, "-m", "pipeline.prepare"],
        "prepare again": [sys.executable, "-m", "pipeline.prepare"],
    }
    best: dict[str, tuple[float, float]] = {}
    for _ in range(ROUNDS):
        for name, command in runs.items():
            if name == "prepare":
                forget(project)
            best[name] = min(best.get(name, (1e9, 0)), watched(project, photos, *command))
    bare = best["bare loop: decode and resize"][0]
    for name, (seconds, peak) in best.items():
        aim = "1.5" if name == "prepare" else ""
        say(f"{name:44}{seconds:9.1f}{seconds / bare:14.2f}{aim:>8}{peak:9.0f}")


def on_many(project: Path, count: int) -> None:
    with whole_directory(project / "data/raw") as directory:
        pack(DrawnPhotos(count), directory, None, 10_000_000)
    forget(project)
    for name in (f"prepare on {count:,} drawn photos", "prepare on them again"):
        seconds, peak = watched(project, "", sys.executable, "-m", "pipeline.prepare")
        say(f"{name:44}{seconds:9.1f}{'':14}{'':8}{peak:9.0f}{'1000':>7}")


def forget(project: Path) -> None:
    shutil.rmtree(project / "data/prepared", ignore_errors=True)
    for path in (project / ".archstyle").glob("inspected.sqlite*"):
        path.unlink()


@dataclass
class DrawnPhotos:
    """Coloured clouds of 96 x 72 pixels, no two alike, but every fiftieth is saved once more."""

    count: int
    kind: str = "facades"
    location: str = "drawn clouds"

    def files(self, max_bytes: int) -> Iterator[Found]:
        yield from parallel_map(draw, range(self.count), self.count, "draw")

    def stamps(self) -> Iterator[str]:
        yield str(self.count)


def draw(number: int) -> Found:
    again = number % 50 == 49
    name = f"{STYLES[number // 50 % 4]}/{number:07d}.jpg"
    digest = hashlib.sha256(b"%d" % (number - again)).digest()
    cells = np.random.default_rng(list(digest)).integers(0, 256, (18, 18, 3), dtype=np.uint8)
    image = Image.fromarray(cells).resize((96, 72), Image.Resampling.BICUBIC)
    memory = io.BytesIO()
    image.save(memory, "JPEG", quality=60 if again else 85)
    return Found(name, memory.getvalue())


if __name__ == "__main__":
    try:
        start = time.perf_counter()
        main()
        say(f"measured in {time.perf_counter() - start:.0f} s")
    except ArchstyleError as error:
        sys.exit(f"error: {error}")
