"""Near duplicates: `python -m benchmarks.duplicates`, with ARCHSTYLE_PHOTOS=... for all of it.

Groups up to a million hashes with planted near duplicates and draws how that grows, in
docs/duplicates.png. Then changes 1,000 of the photos as photos are changed on the web, and counts
which of them fall into their original's group, and what else is joined that was apart.
"""

import argparse
import io
import multiprocessing
import os
import resource
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from archstyle.common.console import progress, say
from archstyle.config import compose
from archstyle.config.schema import Duplicates, Source
from archstyle.data.duplicates.groups import find_duplicates, join_close
from archstyle.data.duplicates.hash import BITS, GREY_SIDE, mirrored
from archstyle.data.inspection import Inspection, inspect, inspect_all
from archstyle.errors import ArchstyleError
from archstyle.photos.packing import pack
from archstyle.photos.reader import open_photo
from archstyle.photos.sources import choose
from archstyle.photos.store import PhotoStore
from benchmarks.changes import CHANGES, middle_square, two_of_them

ROOT = Path(__file__).parents[1]
SIZES = (10_000, 30_000, 100_000, 300_000, 1_000_000)
PLANTED = 0.02  # of the hashes
PIXELS = 100_000_000
KINDS = {**CHANGES, "two of them": two_of_them, "middle square, grey": middle_square}
AIMS = {"seconds": 60.0, "megabytes": 2048.0, "found": 0.97}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--largest", type=int, default=SIZES[-1], help="hashes")
    parser.add_argument("--photos", type=int, default=1000, help="photos to change")
    arguments = parser.parse_args()
    rule = replace(compose(ROOT).duplicates, crops=True)
    group_hashes([size for size in SIZES if size <= arguments.largest], rule)
    if os.environ.get("ARCHSTYLE_PHOTOS"):
        photos = (Path.cwd() / os.environ["ARCHSTYLE_PHOTOS"]).resolve()
        change_photos(photos, arguments.photos, rule)
    else:
        say("\nARCHSTYLE_PHOTOS is unset: no photos are changed.")


@dataclass(frozen=True)
class Grouped:
    """What it took to group some hashes; everything is measured in one process."""

    hashes: int
    seconds: float
    processor: float  # seconds on all cores together
    megabytes: float  # peak of the process
    found: float  # share of the planted pairs that is in one group
    wrong: int  # hashes in a group in which they do not belong
    compared: float  # seconds that comparing every hash with every other would take


def group_hashes(sizes: Sequence[int], rule: Duplicates) -> None:
    say(
        f"\nhashes, {PLANTED:.0%} of them near duplicates or mirror images of another, up to "
        f"{rule.distance} bits apart\n{'':>10}{'seconds':>9}{'aim':>5}{'processor':>11}"
        f"{'all compared':>14}{'times faster':>14}{'peak MB':>9}{'aim':>6}{'found':>8}{'wrong':>7}"
    )
    results = []
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        for size in sizes:
            took = pool.apply(group_some, (size, rule.distance))
            results.append(took)
            aims = (f"{AIMS['seconds']:.0f}", f"{AIMS['megabytes']:.0f}")
            seconds, memory = aims if size == SIZES[-1] else ("", "")
            say(
                f"{size:10,}{took.seconds:9.1f}{seconds:>5}{took.processor:11.1f}"
                f"{took.compared:14.1f}{took.compared / took.seconds:14.1f}"
                f"{took.megabytes:9.0f}{memory:>6}{took.found:8.4f}{took.wrong:7}"
            )
    draw(results)


def group_some(count: int, distance: int) -> Grouped:
    """Group random hashes; a warming-up of faiss goes before."""
    hashes, partners = plant(count, distance)
    join_close(hashes[:1000], distance)
    start, processor = time.perf_counter(), time.process_time()
    roots, _ = join_close(hashes, distance)
    seconds, processor = time.perf_counter() - start, time.process_time() - processor
    planted = len(partners)
    expected = np.arange(count)
    expected[count - planted :] = partners
    return Grouped(
        hashes=count,
        seconds=seconds,
        processor=processor,
        megabytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        found=float((roots[count - planted :] == roots[partners]).mean()),
        wrong=int((roots != expected).sum()),
        compared=compare_all(hashes, distance),
    )


def plant(count: int, distance: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return random hashes [count, 32], and of which one each of the last ones is a duplicate."""
    random = np.random.default_rng(count)
    hashes = random.integers(0, 256, (count, BITS // 8), dtype=np.uint8)
    planted = int(PLANTED * count)
    partners = random.choice(count - planted, planted, replace=False)
    for member, partner in enumerate(partners.tolist(), start=count - planted):
        flipped = np.zeros(BITS, dtype=bool)
        flipped[random.choice(BITS, random.integers(0, distance + 1), replace=False)] = True
        near = hashes[partner] ^ np.packbits(flipped)
        hashes[member] = mirrored(near) if member % 2 else near
    return hashes, partners


def compare_all(hashes: NDArray[np.uint8], distance: int) -> float:
    """Return how long faiss's exhaustive search would take, from a part of the queries."""
    import faiss

    index = faiss.IndexBinaryFlat(BITS)
    index.add(np.concatenate([hashes, mirrored(hashes)]))
    asked = hashes[:1024]
    start = time.perf_counter()
    index.range_search(asked, distance + 1)
    return (time.perf_counter() - start) * len(hashes) / len(asked)


def draw(results: Sequence[Grouped]) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    sizes = np.array([result.hashes for result in results])
    seconds = np.array([result.seconds for result in results])
    figure, axes = pyplot.subplots(figsize=(7, 4.5), layout="constrained")
    axes.loglog(
        sizes, [result.compared for result in results], "o:", c="#999", label="comparing all"
    )
    axes.loglog(sizes, seconds, "o-", c="#2a5db0", label="archstyle")
    straight = seconds[-1] * sizes / sizes[-1]
    axes.loglog(sizes, straight, "--", c="#2a5db0", alpha=0.4, label="in proportion to the hashes")
    axes.set(xlabel="hashes", ylabel="seconds", title="Finding near duplicates among hashes")
    axes.legend(frameon=False)
    axes.grid(alpha=0.2)
    path = ROOT / "docs/duplicates.png"
    figure.savefig(path, dpi=120, metadata={"Software": None})
    say(f"drawn in {path.relative_to(ROOT)}")


def change_photos(photos: Path, count: int, rule: Duplicates) -> None:
    with tempfile.TemporaryDirectory() as folder:
        source = Source(kind="folder", location=str(photos))
        pack(choose([source], 1, Path(folder))[0], Path(folder), None, 100_000_000)
        store = PhotoStore(Path(folder))
        files, seen = [], []
        for entry, inspection in inspect_all(store, PIXELS):
            if not inspection.reason:
                files.append(entry.file)
                seen.append(inspection)
        before, _ = group(seen, rule)
        chosen, names, changed = change_some(store, files, before, count)
        start = time.perf_counter()
        after, pairs = group(seen + changed, rule)
        took = time.perf_counter() - start
        hash_alone, _ = group(seen + changed, Duplicates(40, 1.0, 1.0, crops=False))
    say(
        f"\n{len(files):,} photos of {len(set(before)):,} photographs and {len(changed):,} changed "
        f"ones, grouped in {took:.1f} s with {pairs:,} pairs noted\n"
        f"{'':40}{'photos':>8}{'in their group':>16}{'aim':>7}{'by a hash within 40 bits':>26}"
    )
    tallies: dict[str, list[tuple[bool, bool]]] = defaultdict(list)
    for number, (original, name) in enumerate(zip(chosen, names, strict=True), start=len(seen)):
        found = (after[number] == after[original], hash_alone[number] == hash_alone[original])
        tallies[name].append(found)
        tallies["all"].append(found)
    for name in (*KINDS, "all"):
        right, alone = np.mean(tallies[name], axis=0)
        aim = f"{AIMS['found']:.2f}" if name == "all" else ""
        say(f"{name:40}{len(tallies[name]):8}{right:16.3f}{aim:>7}{alone:26.3f}")
    say(f"photographs that were joined through changed photos: {joined(before, after)}")


def group(seen: Sequence[Inspection], rule: Duplicates) -> tuple[list[int], int]:
    hashes = np.frombuffer(b"".join(one.phash for one in seen), np.uint8).reshape(-1, BITS // 8)
    pixels = np.frombuffer(b"".join(one.grey for one in seen), np.uint8)
    roots, pairs = find_duplicates(hashes, pixels.reshape(-1, 2, GREY_SIDE, GREY_SIDE), rule)
    return roots.tolist(), len(pairs)


def change_some(
    store: PhotoStore, files: Sequence[str], roots: Sequence[int], count: int
) -> tuple[list[int], list[str], list[Inspection]]:
    """Change photos of different photographs, each kind of change as often as the others."""
    random = np.random.default_rng(1)
    photographs = sorted(set(roots))
    chosen = random.permutation(photographs)[:count].tolist()
    names, changed = [], []
    for number, original in enumerate(progress(chosen, "change")):
        name = list(KINDS)[number % len(KINDS)]
        image = KINDS[name](open_photo(store.read(files[original])), random)
        memory = io.BytesIO()
        # What was recompressed is kept as it then was.
        image.save(memory, "PNG" if name.startswith("recompressed") else "JPEG", quality=90)
        names.append(name)
        changed.append(inspect(memory.getvalue(), PIXELS))
    return chosen, names, changed


def joined(before: Sequence[int], after: Sequence[int]) -> int:
    """Return how many groups lie in a larger one now."""
    return len(set(before)) - len(set(after[: len(before)]))


if __name__ == "__main__":
    try:
        began = time.perf_counter()
        main()
        say(f"measured in {time.perf_counter() - began:.0f} s")
    except ArchstyleError as error:
        sys.exit(f"error: {error}")
