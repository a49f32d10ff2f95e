"""Writes that are whole or not there at all."""

import fcntl
import glob
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path that takes the place of `path` only when the block succeeds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial-{os.getpid()}")
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def whole_directory(path: Path) -> Iterator[Path]:
    """Yield a new temporary folder that takes the place of `path` only when the block succeeds."""
    with scratch_directory(path.parent, f".{path.name}.partial-") as partial:
        yield partial
        if path.exists():
            shutil.rmtree(path)
        partial.replace(path)


@contextmanager
def scratch_directory(parent: Path, prefix: str) -> Iterator[Path]:
    """Yield a new folder that is gone afterwards, and remove those that killed processes left."""
    parent.mkdir(parents=True, exist_ok=True)
    folder = parent / f"{prefix}{os.getpid()}-{secrets.token_hex(4)}"
    with ExitStack() as ours:
        with _locked(parent):
            for other in parent.glob(f"{glob.escape(prefix)}*"):
                # Whoever still writes there holds the lock, which ends with the process.
                with suppress(OSError), _locked(other, wait=False):
                    shutil.rmtree(other, ignore_errors=True)
            folder.mkdir()
            ours.callback(shutil.rmtree, folder, ignore_errors=True)
            ours.enter_context(_locked(folder))
        yield folder


@contextmanager
def _locked(folder: Path, wait: bool = True) -> Iterator[None]:
    """Hold a folder's lock; raises OSError where another process has it and `wait` is false."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except OSError:
            # A drive without locks: write there all the same, but remove nobody else's.
            if not wait:
                raise
        yield
    finally:
        os.close(descriptor)


def reserve(path: Path) -> None:
    """Take the disk space of a sparse file now; raises OSError (ENOSPC) where there is not enough.

    A mapped file that runs out of disk later kills the process without a word.
    """
    if hasattr(os, "posix_fallocate"):
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)


def write_json(path: Path, values: dict[str, Any]) -> None:
    """Write JSON that is the same for the same values."""
    path.write_text(json.dumps(values, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
