"""The augmented photos of trials: made once for trials that augment alike, and bounded."""

import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path

from archstyle.common.code import code_digest
from archstyle.common.files import locked, whole_directory
from archstyle.config import Config
from archstyle.data.arrays import write_arrays
from archstyle.data.manifest import digest, read_manifest
from archstyle.photos.store import PhotoStore

KEPT_BYTES = 4_000_000_000


@contextmanager
def augmented(root: Path, folder: Path, config: Config) -> Iterator[Path]:
    """Yield a folder like data/augmented for this configuration, made where it is missing.

    It stays while the block runs; after that it goes when younger ones need its place. Trials in
    other processes that need the same one wait for it and share it.
    """
    rows = read_manifest(root / "data/prepared/manifest.csv")
    facts = [
        digest(rows),
        code_digest(root, ["augment"]),
        config.seed,
        asdict(config.augment),
        config.model.image_size,
        config.model.read_size,
    ]
    key = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / key
    lock = folder / f"{key}.lock"
    while True:
        with locked(lock, shared=True):
            if path.is_dir():
                lock.touch()  # the time of its lock is when a set was last used
                make_room(folder, KEPT_BYTES)
                yield path
                return
        with locked(lock):
            if not path.is_dir():
                with whole_directory(path) as partial:
                    store = PhotoStore(root / "data/raw")
                    write_arrays(
                        partial,
                        store,
                        rows,
                        config.model,
                        config.augment,
                        config.seed,
                        crops=True,
                    )


def make_room(folder: Path, most_bytes: int) -> None:
    """Remove sets that no trial uses, the longest unused first, until the rest is small enough.

    With 0 all of them go, and what killed trials left.
    """
    locks = sorted(folder.glob("*.lock"), key=lambda lock: lock.stat().st_mtime)
    sizes = {lock: _bytes(lock.with_suffix("")) for lock in locks}
    for lock in locks:
        if most_bytes and sum(sizes.values()) <= most_bytes:
            return
        with suppress(BlockingIOError), locked(lock, wait=False) as unused:
            if unused:
                # A killed trial may have left half a set, too.
                for path in (lock.with_suffix(""), *folder.glob(f".{lock.stem}.partial-*")):
                    shutil.rmtree(path, ignore_errors=True)
                sizes[lock] = 0


def _bytes(path: Path) -> int:
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
