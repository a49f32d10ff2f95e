"""Whether a photo shows what models are measured on."""

from pathlib import Path

import numpy as np

from archstyle.config import compose
from archstyle.data.duplicates.groups import find_duplicates
from archstyle.data.duplicates.hash import GREY_SIDE
from archstyle.data.inspection import INSPECTED, Inspected, inspect, inspect_all, recipe
from archstyle.data.manifest import read_manifest, read_others
from archstyle.photos.store import OTHERS, PhotoStore


def find_in_test(root: Path, photo: bytes) -> str:
    """Return a test photo of the project in `root` that shows the same photograph, or nothing.

    Raises ArchstyleError where data/raw and data/prepared are not whole.
    """
    config, raw = compose(root), root / "data/raw"
    manifest, most = root / "data/prepared/manifest.csv", int(config.data.max_megapixels * 1e6)
    files, looked = [], []
    both = read_manifest(manifest), read_others(manifest)
    for rows, folder in zip(both, (raw, raw / OTHERS), strict=True):
        groups = {row.group for row in rows if row.split == "test"}
        held = {row.file for row in rows if row.group in groups}
        if not held:
            continue
        store = PhotoStore(folder)
        store.entries = [entry for entry in store.entries if entry.file in held]
        with Inspected(root / INSPECTED, recipe(most), sum(map(len, both))) as known:
            for entry, seen in inspect_all(store, most, known=known):
                files.append(entry.file)
                looked.append(seen)
    looked.append(inspect(photo, most))
    hashes = np.frombuffer(b"".join(seen.phash for seen in looked), np.uint8)
    greys = np.frombuffer(b"".join(seen.grey for seen in looked), np.uint8)
    thumbnails = greys.reshape(-1, 2, GREY_SIDE, GREY_SIDE)
    every, rule = hashes.reshape(len(looked), -1), config.duplicates
    roots, _ = find_duplicates(every, thumbnails, rule, first=len(files))
    return str([*files, ""][roots[-1]])
