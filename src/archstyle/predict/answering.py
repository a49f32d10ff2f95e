"""Answers any number of photos, in their order, on all cores.

As a table for people, or as rows of a file that goes on after a break.
"""

import csv
import errno
import json
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from archstyle.bundle import UNFAMILIAR, Bundle
from archstyle.bundle.bundle import NOT_SURE
from archstyle.bundle.card import in_words
from archstyle.common.cluster import LOST, spread_over
from archstyle.common.console import progress
from archstyle.common.files import locked, whole_file
from archstyle.common.parallel import cores, spread
from archstyle.errors import ArchstyleError
from archstyle.photos.names import printable
from archstyle.photos.reader import PhotoError
from archstyle.predict.inputs import Photo, find_photos

AWAY = os.strerror(errno.ENOENT)
BECAME = ("answered", NOT_SURE, UNFAMILIAR, "broken", "done before")
COLUMNS = ("file", "style", "probability", "answered", "reason", "styles", "error")
WIDTH = 32  # of the table's column of styles: two of them
BATCH = 4096  # rows that become Parquet at once
Row = dict[str, Any]  # file and the keys of `Answer.as_dict`, or file and error


class Output:
    """A stream that gets whole rows; `name in output` where those in `done` have that photo."""

    def __init__(self, form: str, bundle: Bundle, stream: TextIO, done: Iterable[str] = ()):
        """Write what is above the rows, if there are none in `done` yet."""
        self.stream, self._form, self._bundle = stream, form, bundle
        # 8 bytes a photo, where a set of names takes over 100.
        self.done = np.sort(np.fromiter(map(hash, done), np.int64))
        # In a locale of ASCII alone, JSON escapes what is in a name.
        self._ascii = (stream.encoding or "").lower().replace("-", "") != "utf8"
        self._csv = csv.writer(stream, lineterminator="\n")
        if form == "csv" and not len(self.done):
            self._csv.writerow([*COLUMNS, *(f"p_{style}" for style in bundle.styles)])
        elif form == "table":
            print(f"{'style':<{WIDTH}} {'sure':>6}  file", file=stream, flush=True)

    def __contains__(self, name: str) -> bool:
        at = int(self.done.searchsorted(hash(name)))
        return at < len(self.done) and int(self.done[at]) == hash(name)

    def add(self, row: Row) -> None:
        """Write a row."""
        if self._form == "csv":
            shown = {**row, "styles": " ".join(row.get("styles", ()))}
            shown["answered"] = str(row.get("answered", "")).lower()
            given = row.get("probabilities", {})
            cells = [shown.get(name) for name in COLUMNS]
            self._csv.writerow([*cells, *map(given.get, self._bundle.styles)])
        elif self._form == "table":
            print(self._for_people(row), file=self.stream)
        else:
            print(json.dumps(row, ensure_ascii=self._ascii), file=self.stream)
        self.stream.flush()

    def _for_people(self, row: Row) -> str:
        """Return style or styles, or why it is not answered, how sure, file."""
        sets = self._bundle.card.prediction_sets
        if "error" in row:
            return f"{'-':<{WIDTH}} {'-':>6}  {row['file']}: {row['error']}"
        style, sure = row["style"], row["probability"]
        if sets and len(row["styles"]) > 1:
            style, sure = in_words(row["styles"]), sets.coverage
        elif not row["answered"]:
            style = row["reason"] + ("" if row["reason"] == UNFAMILIAR else f" ({style})")
        return f"{style:<{WIDTH}} {sure:>6.1%}  {row['file']}"


@contextmanager
def open_output(
    form: str, bundle: Bundle, path: Path | None = None, resume: bool = False
) -> Iterator[Output]:
    """Yield standard output or the file `path`, which `resume` goes on with.

    Whatever ends the process, only the last row of the file may be in part. FILE.model has the
    digest of the bundle that answers. Parquet, which is unreadable before its end is written, is
    made when the block succeeds, of FILE.jsonl. Raises ArchstyleError, and leaves the file as it
    is, where it cannot be gone on with.
    """
    if path is None:
        yield Output(form, bundle, sys.stdout)
        return
    if form == "parquet":
        import pyarrow.parquet  # noqa: F401  # before the first photo, not after the last
    rows = path.with_name(f"{path.name}.jsonl") if form == "parquet" else path
    stamp, ours = path.with_name(f"{path.name}.model"), f"{bundle.digest} {form}\n"
    begun = path.exists() or rows.exists()
    if begun and not resume:
        raise ArchstyleError(f"{path} is there already: go on with it by --resume, or remove it.")
    if begun and (not stamp.is_file() or stamp.read_text("utf-8") != ours):
        told = f"{path} was begun with another model or format, or {stamp.name} is lost"
        raise ArchstyleError(f"{told}: go on with the same, or name another file.")
    with ExitStack() as opened:
        try:
            opened.enter_context(locked(stamp, wait=False, advice="name another file"))
            if not begun:  # called when the file is closed
                opened.callback(_remove_empty, rows, stamp, form == "csv")
            file = opened.enter_context(rows.open("a", encoding="utf-8"))
            stamp.write_text(ours, "utf-8")
            output = Output(form, bundle, file, _cut(rows, form == "csv"))
        except (BlockingIOError, PermissionError) as error:
            told = f"{path} cannot be written ({error.strerror}): does another process write it?"
            raise ArchstyleError(told) from error
        yield output
        if rows != path:
            _to_parquet(rows, path, bundle.styles)


def _remove_empty(rows: Path, stamp: Path, above: int) -> None:
    """Remove an output of no row, so that the command can be given again as it was."""
    with suppress(OSError), rows.open("rb") as lines:
        if len([*islice(lines, above + 1)]) <= above:
            rows.unlink()
            stamp.unlink()


def _cut(rows: Path, is_csv: bool) -> Iterator[str]:
    """Yield the files of the rows of a run before; a last one that is not whole is cut off."""
    with rows.open("rb+") as lines:
        end = kept = 0
        for number, line in enumerate(lines, 1):
            end += len(line)
            if not line.endswith(b"\n"):
                break
            if is_csv and number == 1:  # what is above the rows
                continue
            try:
                cells = next(csv.reader([line.decode()])) if is_csv else [json.loads(line)["file"]]
                yield str.__str__(cells[0])  # raises where it is no text
            except (ValueError, LookupError, TypeError, csv.Error) as error:
                told = f"{rows} is damaged in line {number}: mend it, or name another file."
                raise ArchstyleError(told) from error
            kept = end
        lines.truncate(kept)


def _to_parquet(rows: Path, path: Path, styles: Sequence[str]) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    kinds = {"probability": pa.float64(), "answered": pa.bool_(), "styles": pa.list_(pa.string())}
    schema = pa.schema(
        [(name, kinds.get(name, pa.string())) for name in COLUMNS]
        + [("probabilities", pa.struct([(style, pa.float64()) for style in styles]))]
    )
    with (
        whole_file(path) as partial,
        parquet.ParquetWriter(partial, schema) as writer,
        rows.open(encoding="utf-8") as lines,
    ):
        while some := [json.loads(line) for line in islice(lines, BATCH)]:
            writer.write_table(pa.Table.from_pylist(some, schema))


def predict_many(
    bundle: Bundle,
    paths: Iterable[str],
    form: str,
    path: Path | None = None,
    resume: bool = False,
    jobs: int | None = None,
    cluster: str | None = None,
) -> None:
    """Write a row for each photo in their order, but for those that the output has.

    By threads: the reader and the graph let go of Python's lock, and share one bundle's memory. Or
    by the Ray cluster at an address, whose machines see photos in folders under the same paths.
    Few photos are taken ahead, so that any number needs no more memory. What became of them is told
    on stderr, where there are several. Raises ArchstyleError where none could be read.
    """
    told = Counter[str]()
    try:
        with open_output(form, bundle, path, resume) as output:
            told["done before"] = len(output.done)
            new = (photo for photo in find_photos(paths) if photo[0] not in output)
            work = partial(answer, bundle)
            rows: Iterable[Row] = spread(work, new, jobs or cores(), 1)
            if cluster:
                rows = spread_over(cluster, work, new, _broken, jobs or 2)
            # A bar only where the answers do not go to the same terminal.
            for row in rows if output.stream.isatty() else progress(rows, "predict"):
                if cluster and AWAY in row.get("error", "") and Path(row["file"]).exists():
                    raise ArchstyleError(f"Not all machines of the cluster see {row['file']}.")
                output.add(row)
                told["broken" if "error" in row else row["reason"] or "answered"] += 1
    except KeyboardInterrupt:
        print("\nStopped." + " Go on by --resume." * bool(path), file=sys.stderr)
        raise
    finally:
        if told.total() > 1:
            parts = ", ".join(f"{told[what]} {what}" for what in BECAME if told[what])
            advice = " Each broken one has its reason in its row." * bool(told["broken"])
            print(f"{told.total()} photos: {parts}.{advice}", file=sys.stderr)
    if told.total() == told["broken"]:
        raise ArchstyleError("Nothing could be read: give photos or folders with photos.")


def answer(bundle: Bundle, photo: Photo) -> Row:
    """Return file and the keys of `Answer.as_dict`, or file and error."""
    name, source = photo
    if isinstance(source, str):
        return _broken(photo, source)
    try:
        return bundle.predict(source() if callable(source) else source).as_dict(name)
    except PhotoError as error:
        return _broken(photo, str(error))


def _broken(photo: Photo, error: str = LOST) -> Row:
    return {"file": photo[0], "error": printable(error)}
