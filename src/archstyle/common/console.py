"""What a person at a terminal sees: one line a fact, progress bars, one sentence an error."""

import errno
import faulthandler
import io
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import TypeVar

from archstyle.errors import ArchstyleError

Item = TypeVar("Item")
DISK = dict.fromkeys((errno.ENOSPC, errno.EDQUOT), "is full{}: free some space")
DISK[errno.EIO] = "does not work{}: look at it"


def say(text: str) -> None:
    """Print one line of what was done."""
    print(text, flush=True)


@cache
def warn(text: str) -> None:
    """Print one line on stderr, once, of what may not be as it was meant."""
    print(f"warning: {text}", file=sys.stderr, flush=True)


def table(rows: Sequence[Sequence[str]]) -> str:
    """Return rows of text in columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = (zip(row, widths, strict=True) for row in rows)
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in line).rstrip() for line in lines
    )


def progress(items: Iterable[Item], description: str, total: int | None = None) -> Iterable[Item]:
    """Iterate with a progress bar on a terminal, after two seconds, and silently elsewhere."""
    from tqdm import tqdm  # a fifth of the time in which the command line starts

    return tqdm(items, desc=description, total=total, disable=None, delay=2, dynamic_ncols=True)


def print_any_letters() -> None:
    """Let any name be printed, with escapes where the terminal does not know its letters."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


@contextmanager
def full_disk_told() -> Iterator[None]:
    """Turn a disk that is full, to its user or to all, or does not work into an ArchstyleError."""
    try:
        yield
    except OSError as error:
        where = f" at {error.filename}" if error.filename else ""
        for number, told in DISK.items():
            # shutil.copytree tells what it could not copy in words.
            if error.errno == errno.EIO and not error.filename:
                break  # of a terminal that is gone, perhaps
            if number == error.errno or os.strerror(number) in str(error):
                raise ArchstyleError(
                    f"The disk {told.format(where)} and run this again."
                ) from error
        raise


def run(main: Callable[[Sequence[str]], None]) -> None:
    """Run a stage or tool; an expected failure is one sentence on stderr and exit status 1."""
    print_any_letters()
    faulthandler.enable(2)  # where a library was when it ended the process
    try:
        with full_disk_told():
            main(sys.argv[1:])
    except ArchstyleError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
