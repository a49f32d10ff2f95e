"""Photos a second here and on a cluster, and what millions take: `python -m benchmarks.cluster`.

`python -m benchmarks.cluster --photos 200 FOLDER` takes fewer. FOLDER has photos, else they are
drawn. One core, two, and a Ray cluster of two nodes of one core each on this machine; a rate is
that of PHOTOS photos beyond a tenth of them, so that no start is in it. Then what one machine of
the cluster does alone: handing out and writing answers, and the manifest with its duplicates.
Prints tables in Markdown; the last ones are worked out of the first.
"""

import argparse
import hashlib
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from archstyle.bundle import Bundle
from archstyle.common.cluster import spread_over
from archstyle.common.console import say
from archstyle.common.parallel import cores
from archstyle.config import compose
from archstyle.data.duplicates.hash import GREY_SIDE
from archstyle.data.inspection import Inspection, inspect_all
from archstyle.data.preparation import make_manifest
from archstyle.errors import ArchstyleError
from archstyle.photos.names import Found
from archstyle.photos.packing import pack
from archstyle.photos.store import Packed, PhotoStore
from archstyle.predict.answering import open_output
from benchmarks import predict as many
from benchmarks.duplicates import plant
from benchmarks.prepare import STYLES

MODEL = Path("models/released")
PIXELS = 100_000_000
MILLIONS = (10, 100)
CORES = 100  # of the cluster on paper
PRICE = 0.04  # US dollars for a core and an hour, memory included, as a small cloud machine costs
SIZES = (5_000, 10_000, 20_000, 40_000)  # photos of a manifest


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=2000)
    parser.add_argument("--largest", type=int, default=SIZES[-1], help="of the manifests")
    parser.add_argument("folder", nargs="?", type=Path)
    given = parser.parse_args()
    model, many.PHOTOS = MODEL.resolve(), given.photos
    with tempfile.TemporaryDirectory() as folder:
        files = many.laid_out(Path(folder), given.folder and given.folder.resolve())
        store = packed(Path(folder), files)
        started = time.perf_counter()
        with two_nodes() as address:
            say(f"The cluster has started in {time.perf_counter() - started:.0f} s.\n")
            rates = measure(model, files, store, address)
            asked = alone(Bundle.load(model), address, 10 * given.photos)
    sizes = [size for size in SIZES if size <= given.largest] or [given.largest]
    with ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=1) as pool:
        found = {size: pool.submit(manifest, size).result() for size in sizes}
    paper(rates, asked, found)


@contextmanager
def two_nodes() -> Iterator[str]:
    """A head without a core, and two nodes of one core each."""
    import ray
    from ray.cluster_utils import Cluster

    small: dict[str, Any] = {"object_store_memory": 200_000_000, "include_dashboard": False}
    cluster = Cluster(True, head_node_args={**small, "num_cpus": 0})
    try:
        for _ in range(2):
            cluster.add_node(num_cpus=1, **small)
        yield cluster.address
    finally:
        ray.shutdown()
        cluster.shutdown()


@dataclass
class Laid:
    """Photos as a source of them."""

    paths: Sequence[Path]
    kind: str = "folder"
    location: str = "laid out"

    def files(self, max_bytes: int) -> Iterator[Found]:
        yield from (Found(f"gothic/{path.name}", path.read_bytes()) for path in self.paths)

    def stamps(self) -> Iterator[str]:
        yield from map(str, self.paths)


def packed(folder: Path, files: Sequence[Path]) -> PhotoStore:
    (folder / "raw").mkdir()
    pack(Laid(files), folder / "raw", None, 10**9)
    return PhotoStore(folder / "raw")


def measure(
    model: Path, files: Sequence[Path], store: PhotoStore, address: str
) -> dict[str, dict[str, float]]:
    """Print and return photos a second, by what is done and where."""
    command = [sys.executable, "-m", "archstyle.cli", "predict", "-", "--format", "jsonl"]
    command += ["--model", str(model)]

    def on(cpus: set[int], *options: str) -> Callable[[int], None]:
        def run(count: int) -> None:
            subprocess.run(
                [*command, *options],
                input="\n".join(map(str, files[:count])).encode(),
                check=True,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                preexec_fn=lambda: os.sched_setaffinity(0, cpus),
            )

        return run

    def looked(workers: int, cluster: str = "") -> Callable[[int], None]:
        def run(count: int) -> None:
            part = PhotoStore(store.archive.parent)
            part.entries = store.entries[:count]
            os.environ["ARCHSTYLE_CLUSTER"] = cluster
            for _ in inspect_all(part, PIXELS, workers):
                pass

        return run

    every = sorted(os.sched_getaffinity(0))
    ways = {
        "one core": (on({every[0]}, "--jobs", "1"), looked(1)),
        "two cores": (on(set(every[:2]), "--jobs", "2"), looked(2)),
        "two nodes of one core": (
            on(set(every), "--cluster", address, "--jobs", "1"),
            looked(0, address),
        ),
    }
    few, count = max(1, len(files) // 10), len(files)
    say(f"| photos a second, of {count} | `archstyle predict` | its start | inspection |")
    say("| --- | ---: | ---: | ---: |")
    rates: dict[str, dict[str, float]] = {}
    for name, works in ways.items():
        rate, starts = [], []
        for work in works:
            some, all_of_them = seconds(work, few), seconds(work, count)
            rate.append((count - few) / (all_of_them - some))
            starts.append(some - few / rate[-1])
        rates[name] = {"predict": rate[0], "prepare": rate[1]}
        say(f"| {name} | {rate[0]:.1f} | {starts[0]:.1f} s | {rate[1]:.1f} |")
    return rates


def seconds(work: Callable[[int], None], count: int) -> float:
    start = time.perf_counter()
    work(count)
    return time.perf_counter() - start


def alone(bundle: Bundle, address: str, count: int) -> dict[str, float]:
    """What the one who asks can do: its photos a second, and the bytes of a row of each kind."""
    answer = bundle.predict(next((bundle.path / "golden").glob("*.png"))).as_dict("")
    bucket = "s3://photos/2026/11"

    def said(number: int) -> dict[str, object]:
        return {**answer, "file": f"{bucket}/{number:09}.jpg"}

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "answers.parquet"
        with open_output("parquet", bundle, path) as output:
            rows = spread_over(address, said, iter(range(count)), said)
            output.add(next(rows))
            start = time.perf_counter()
            for row in rows:
                output.add(row)
            took = time.perf_counter() - start
            start = time.perf_counter()  # Parquet is made at the end of the block
        asked = {
            "rate": count / took,
            "parquet": count / (time.perf_counter() - start),
            "bytes": path.with_name("answers.parquet.jsonl").stat().st_size / count,
            "kept": path.stat().st_size / count,
        }
    say(
        f"\nThe machine that asks hands out, takes back and writes {asked['rate']:,.0f} answers a "
        f"second and turns {asked['parquet']:,.0f} a second into Parquet; a row has "
        f"{asked['bytes']:.0f} bytes as JSON and {asked['kept']:.0f} as Parquet (all are alike)."
    )
    return asked


def manifest(count: int) -> tuple[float, float]:
    """Seconds and megabytes of what prepare does after it has looked at so many photos."""
    config = compose(Path(__file__).parents[1])
    hashes, _ = plant(count, config.duplicates.distance)
    random = np.random.default_rng(count)
    before = most_megabytes()

    def looked(entry: Packed, phash: bytes) -> tuple[Packed, Inspection]:
        cells = random.integers(0, 256, (2, 12, 12), dtype=np.uint8)
        grey = np.kron(cells, np.ones((1, GREY_SIDE // 12, GREY_SIDE // 12), np.uint8))
        return entry, Inspection(phash, 1024, 768, "JPEG", grey.tobytes())

    digests = (hashlib.sha256(b"%d" % number).hexdigest() for number in range(count))
    entries = [
        Packed(
            f"{STYLES[number % 4]}/{number:09}.jpg",
            200_000,
            digest,
            number,
            style=STYLES[number % 4],
        )
        for number, digest in enumerate(digests)
    ]
    inspections = map(looked, entries, (phash.tobytes() for phash in hashes))
    start = time.perf_counter()
    make_manifest(entries, inspections, [], config.duplicates, config.split)
    took = time.perf_counter() - start
    return took, most_megabytes() - before


def most_megabytes() -> float:
    """What this program has held at most; `ru_maxrss` would count what its parent has held."""
    lines = Path("/proc/self/status").read_text("utf-8").splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def paper(
    rates: dict[str, dict[str, float]],
    asked: dict[str, float],
    found: dict[int, tuple[float, float]],
) -> None:
    say("\n| the rest of `prepare` for | seconds | MB | grows with the power |")
    say("| ---: | ---: | ---: | ---: |")
    power, last = 1.0, (0, 0.0)
    for size, (took, memory) in found.items():
        power = math.log(took / last[1]) / math.log(size / last[0]) if last[0] else power
        say(f"| {size:,} photos | {took:.1f} | {memory:.0f} | {power if last[0] else '':.4} |")
        last = size, took
    size, (took, memory) = list(found.items())[-1]
    rate = {what: rates["two nodes of one core"][what] / 2 for what in ("predict", "prepare")}
    say(f"\n| on paper, {CORES} cores at {PRICE} dollars an hour each | time | cost | disk |")
    say("| --- | ---: | ---: | ---: |")
    for millions in MILLIONS:
        photos = millions * 10**6
        for what, each in rate.items():
            hours = photos / each / 3600
            wide = max(hours / CORES, photos / asked["rate"] / 3600 * (what == "predict"))
            disk = photos * (asked["bytes"] + asked["kept"] if what == "predict" else 5_000) / 1e9
            say(
                f"| {what}, {millions} million | {wide:.1f} h | {hours * PRICE:,.0f} dollars | "
                f"{disk:,.0f} GB |"
            )
        grown = took * (photos / size) ** power / 3600
        say(
            f"| the rest of prepare, {millions} million, on {cores()} cores | {grown:,.1f} h | "
            f"{grown * cores() * PRICE:,.0f} dollars | "
            f"{memory * photos / size / 1e3:,.0f} GB of memory |"
        )
    say(f"\nOne machine can keep {asked['rate'] / rate['predict']:.0f} cores busy with predict.")


if __name__ == "__main__":
    try:
        begun = time.perf_counter()
        main()
        say(f"\nMeasured in {time.perf_counter() - begun:.0f} s.")
    except ArchstyleError as error:
        sys.exit(f"error: {error}")
