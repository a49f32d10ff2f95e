"""Writes that are whole or not there at all, and locks that end with their process."""

import csv
import fcntl
import glob
import hashlib
import io
import json
import mmap
import os
import secrets
import shutil
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from archstyle.common.console import warn
from archstyle.errors import ArchstyleError


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
    """Yield a new temporary folder that takes the place of `path` only when the block succeeds.

    The old one is moved aside until the new one is there; where a process was killed between the
    two, the next one puts it back before its block.
    """
    aside = path.with_name(f".{path.name}.old")
    with scratch_directory(path.parent, f".{path.name}.partial-") as partial:
        with locked(path.parent):
            if aside.exists() and not path.exists():
                aside.replace(path)
        yield partial
        with locked(path.parent):
            shutil.rmtree(aside, ignore_errors=True)
            if path.exists():
                path.replace(aside)
            partial.replace(path)
        shutil.rmtree(aside, ignore_errors=True)


@contextmanager
def scratch_directory(parent: Path, prefix: str) -> Iterator[Path]:
    """Yield a new folder that is gone afterwards, and remove those that killed processes left."""
    parent.mkdir(parents=True, exist_ok=True)
    folder = parent / f"{prefix}{os.getpid()}-{secrets.token_hex(4)}"
    with ExitStack() as ours:
        with locked(parent):
            for other in parent.glob(f"{glob.escape(prefix)}*"):
                # Whoever still writes there holds the lock.
                with suppress(OSError), locked(other, wait=False) as nobody_writes:
                    if nobody_writes:
                        shutil.rmtree(other, ignore_errors=True)
            folder.mkdir()
            ours.callback(shutil.rmtree, folder, ignore_errors=True)
            ours.enter_context(locked(folder))
        yield folder


@contextmanager
def locked(
    path: Path, *, wait: bool = True, shared: bool = False, advice: str = ""
) -> Iterator[bool]:
    """Hold the lock of a file, which is made where it is missing with its folder, or of a folder.

    Yields whether it is held: on a drive without locks the block runs without one. Raises
    BlockingIOError where another process holds it and `wait` is false; where it cannot be made,
    OSError, or with an `advice` ArchstyleError, which ends with it.
    """
    flags = os.O_RDONLY if path.is_dir() else os.O_RDWR | os.O_CREAT
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, flags, 0o666)
    except OSError as error:
        if not advice:
            raise
        told = f"{path.parent} cannot be written ({error.strerror}): {advice}."
        raise ArchstyleError(told) from error
    try:
        kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        held = True
        try:
            fcntl.flock(descriptor, kind if wait else kind | fcntl.LOCK_NB)
        except BlockingIOError:
            raise
        except OSError:
            held = False
        yield held
    finally:
        os.close(descriptor)


def reserve(path: Path) -> None:
    """Take the disk space of a sparse file now; raises OSError (ENOSPC) where there is not enough.

    A mapped file that runs out of disk later kills the process without a word.
    """
    if hasattr(os, "posix_fallocate"):
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)


def let_go(array: Any) -> None:
    """Give back the memory of an array that is mapped from a file; it is read again when needed.

    What was written stays in the file. Does nothing where there is nothing to give back.
    """
    mapped = getattr(array, "_mmap", None)
    if mapped is not None and hasattr(mmap, "MADV_DONTNEED"):
        mapped.madvise(mmap.MADV_DONTNEED)


def write_json(path: Path, values: Mapping[str, Any], indent: int = 1) -> None:
    """Write an object as JSON that is the same for the same values, whole or not at all."""
    text = json.dumps(values, indent=indent, ensure_ascii=False)
    with whole_file(path) as partial:
        partial.write_text(text + "\n", encoding="utf-8")


def read_json(
    path: Path, advice: str = "run `dvc repro`", raises: type[ArchstyleError] = ArchstyleError
) -> dict[str, Any]:
    """Read a JSON object; `raises` an error, which ends with the advice, where it is none."""
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        reason = getattr(error, "strerror", None) or "it is no JSON object"
        raise raises(f"{path} cannot be read ({reason}): {advice}.") from error


def digest_of(root: Path, files: Iterable[Path]) -> str:
    """Return the SHA-256 over the names below `root` and the contents of files."""
    digest = hashlib.sha256()
    for file in sorted(files):
        content = hashlib.sha256(file.read_bytes()).hexdigest()
        digest.update(f"{file.relative_to(root).as_posix()}\0{content}\n".encode())
    return digest.hexdigest()


def code_digest(root: Path, stages: Sequence[str]) -> str:
    """Return the digest of the Python files among the `deps` of these stages in dvc.yaml.

    A result that was kept under another digest is not comparable with one of today's code.
    """
    import yaml  # which answering photos does not need

    told = yaml.safe_load((root / "dvc.yaml").read_text("utf-8"))["stages"]
    deps = [root / dep for stage in stages for dep in told[stage]["deps"]]
    code = [dep for dep in deps if dep.is_relative_to(root / "src") or dep.suffix == ".py"]
    return digest_of(root, {file for dep in code for file in [*dep.rglob("*.py")] or [dep]})


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Iterable[Any]]) -> None:
    """Write a table in UTF-8, as the rows come."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


def read_table(
    data: bytes, path: object, columns: Sequence[str], meaning: str, *, whole: bool = False
) -> Iterator[tuple[str, list[str]]]:
    """Yield the lines of a table that a person wrote, as any spreadsheet saves it.

    Each as its place in words and the values of the columns. UTF-8, UTF-16 or Windows-1252;
    commas, semicolons or tabs; the columns in any order, and others beside them; blank lines are
    left out. Raises ArchstyleError where it is no such table, whose first line must be `meaning`,
    and for a `whole` one where a line has other than as many values as the first.
    """
    encodings = ("utf-16",) if data[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig", "cp1252")
    for encoding in encodings:
        with suppress(UnicodeDecodeError):
            text = data.decode(encoding).removeprefix("\ufeff")
            break
    else:
        raise ArchstyleError(f"{path} cannot be read as text: save it as CSV in UTF-8.")
    if encoding == "cp1252":
        warn(f"{path} is not in UTF-8, so it was read as Windows-1252: look at its umlauts.")
    first = text.partition("\n")[0]
    # What spreadsheets write depends on the country.
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=first.count))
    try:
        header = [" ".join(name.split()).casefold() for name in next(lines, [])]
        if any(header.count(column) != 1 for column in columns):
            raise ArchstyleError(f"The first line of {path} must be {meaning}.")
        places = [header.index(column) for column in columns]
        for line in lines:
            if not any(line):
                continue
            where = f"Line {lines.line_num} of {path}"
            if whole and len(line) != len(header):
                raise ArchstyleError(f"{where} has {len(line)} values in place of {len(header)}.")
            padded = [" ".join(value.split()) for value in line] + [""] * len(header)
            yield where, [unicodedata.normalize("NFC", padded[place]) for place in places]
    except csv.Error as error:
        raise ArchstyleError(
            f"{path} cannot be read as a table ({error}): save it as CSV in UTF-8."
        ) from None
