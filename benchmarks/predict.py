"""How fast the command line answers many photos: `python -m benchmarks.predict [BUNDLE] [FOLDER]`.

`archstyle predict` as a whole, with its start, against the bare loop: the same reader and the same
graph in threads, of which nothing is written. FOLDER has photos, else they are drawn; 2,000 of them
are linked, more than once where it has fewer. With `--million` instead: the memory for a million
files that are not there, and to go on after them.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice
from pathlib import Path

from archstyle.bundle import Bundle
from archstyle.bundle.bundle import GRAPH
from archstyle.bundle.graph import Graph
from archstyle.common.console import progress, run, say
from archstyle.common.parallel import cores
from archstyle.photos.reader import is_photo, read_photo
from benchmarks.serving import jpeg

PHOTOS, ROUNDS = 2000, 3
TARGET_FASTER, TARGET_BARE, TARGET_MEMORY = 1.8, 1.15, 150


def main(arguments: Sequence[str]) -> None:
    if "--million" in arguments:
        return million()
    given = [Path(argument) for argument in arguments]
    bundle_path = given[0] if given else Path("models/released")
    with tempfile.TemporaryDirectory() as folder:
        photos = laid_out(Path(folder), given[1] if len(given) > 1 else None)
        found: dict[str, list[float]] = {}
        memory = 0.0
        for _ in progress(range(ROUNDS), "rounds", ROUNDS):  # in turn: all see the same neighbours
            for jobs in (1, cores()):
                found.setdefault(f"bare loop, {jobs} threads", []).append(
                    bare(bundle_path, photos, jobs)
                )
                seconds, used = command(bundle_path, ["photos", "--jobs", str(jobs)], folder)
                found.setdefault(f"archstyle predict --jobs {jobs}", []).append(seconds)
                memory = max(memory, used)
            start = command(bundle_path, [f"photos/{photos[0].name}"], folder)[0]
            found.setdefault("archstyle predict of one photo: its start", []).append(start)
    median = {name: statistics.median(seconds) for name, seconds in found.items()}
    say(f"\n{bundle_path}, {PHOTOS} photos, {cores()} cores, the median of {ROUNDS} rounds")
    say(f"{'':44}{'seconds':>10}{'a second':>10}")
    for name, seconds in median.items():
        count = 1 if "one photo" in name else PHOTOS
        say(f"{name:44}{seconds:10.2f}{count / seconds:10.1f}")
    bare_one, one, loop, many, start = median.values()
    say(f"{cores()} jobs against one: {one / many:.2f} times as fast (aim {TARGET_FASTER})")
    say(f"  without the start: {(one - start) / (many - start):.2f}, bare {bare_one / loop:.2f}")
    say(f"against the bare loop: {many / loop:.2f} times its time (aim {TARGET_BARE})")
    say(f"  without the start: {(many - start) / loop:.2f}")
    say(f"largest memory (PSS): {memory:.0f} MB (aim {TARGET_MEMORY})")


def laid_out(folder: Path, source: Path | None) -> list[Path]:
    """Link PHOTOS photos in `folder`/photos."""
    target = folder / "photos"
    target.mkdir()
    if source is None:
        (folder / "drawn.jpg").write_bytes(jpeg())
        files = [folder / "drawn.jpg"]
    else:
        files = [file for file in sorted(source.rglob("*")) if file.is_file()]
        files = [file for file in files[:PHOTOS] if is_photo(file.read_bytes())]
    for number, file in enumerate(islice(cycle(files), PHOTOS)):
        (target / f"{number:04}{file.suffix}").symlink_to(file.resolve())
    return sorted(target.iterdir())


def bare(bundle_path: Path, photos: list[Path], threads: int) -> float:
    """Return the seconds of reader and graph for all photos, loaded before."""
    preprocessing = Bundle.load(bundle_path).card.preprocessing
    graph = Graph(bundle_path / GRAPH, threads)
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda photo: graph.run_one(read_photo(photo, preprocessing)), photos[:20]))
        start = time.perf_counter()
        list(pool.map(lambda photo: graph.run_one(read_photo(photo, preprocessing)), photos))
        return time.perf_counter() - start


def command(
    bundle_path: Path, arguments: list[str], folder: str, paths: bytes = b""
) -> tuple[float, float]:
    """Return the seconds of an `archstyle predict`, and its largest memory in MB."""
    arguments = ["--model", str(bundle_path.resolve()), "--format", "jsonl", *arguments]
    process = subprocess.Popen(
        [sys.executable, "-m", "archstyle.cli", "predict", *arguments],
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    start, largest = time.perf_counter(), 0.0
    with ThreadPoolExecutor(1) as pool:
        fed = pool.submit(process.communicate, paths)
        while not fed.done():
            largest = max(largest, pss(process.pid))
            time.sleep(0.05)
    return time.perf_counter() - start, largest


def pss(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:  # it has ended
        return 0.0
    return sum(int(line.split()[1]) / 1e3 for line in lines if line.startswith("Pss:"))


def million() -> None:
    listed = b"\0".join(os.fsencode(f"photos/{number:07}.jpg") for number in range(1_000_000))
    with tempfile.TemporaryDirectory() as folder:
        for what, extra in (("a million files that are not there", []), ("again", ["--resume"])):
            arguments = ["-", "--output", "answers.jsonl", *extra]
            seconds, largest = command(Path("models/released"), arguments, folder, listed)
            say(f"{what}: {seconds:.0f} s, {largest:.0f} MB (aim {TARGET_MEMORY})")


if __name__ == "__main__":
    run(main)
