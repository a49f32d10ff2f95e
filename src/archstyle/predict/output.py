"""Answers as a table for people, or as rows of a file that goes on after a break."""

import csv
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from archstyle.bundle import UNFAMILIAR, Bundle
from archstyle.bundle.card import in_words
from archstyle.common.files import locked, whole_file
from archstyle.errors import ArchstyleError

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
    rows = path.with_name(f"{path.name}.jsonl") if form == "parquet" else path
    stamp, ours = path.with_name(f"{path.name}.model"), f"{bundle.digest} {form}\n"
    begun = path.exists() or rows.exists()
    if begun and not resume:
        raise ArchstyleError(f"{path} is there already: go on with it by --resume, or remove it.")
    if begun and (not stamp.is_file() or stamp.read_text("utf-8") != ours):
        raise ArchstyleError(
            f"{path} was begun with another model or format, or {stamp.name}, which says with "
            "which, is lost: go on with the same, or name another file."
        )
    with ExitStack() as opened:
        try:
            opened.enter_context(locked(stamp, wait=False, advice="name another file"))
            file = opened.enter_context(rows.open("a", encoding="utf-8"))
            stamp.write_text(ours, "utf-8")
            output = Output(form, bundle, file, _cut(rows, form == "csv"))
        except (BlockingIOError, PermissionError) as error:
            told = f"{path} cannot be written ({error.strerror}): does another process write it?"
            raise ArchstyleError(told) from error
        yield output
        if rows != path:
            _to_parquet(rows, path, bundle.styles)


def _cut(rows: Path, is_csv: bool) -> Iterator[str]:
    """Yield the files of the rows of a run before; a last one that is not whole is cut off."""
    with rows.open("rb+") as lines:
        end = kept = 0
        for line in lines:
            end += len(line)
            if not line.endswith(b"\n"):
                break
            if not is_csv or end > len(line):  # not what is above the rows
                yield next(csv.reader([line.decode()]))[0] if is_csv else json.loads(line)["file"]
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
