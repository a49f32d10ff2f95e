"""Answers any number of photos, in their order, on all cores."""

import sys
from collections import Counter
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from archstyle.bundle import UNFAMILIAR, Bundle
from archstyle.bundle.bundle import NOT_SURE
from archstyle.common.console import progress
from archstyle.common.parallel import cores, spread
from archstyle.errors import ArchstyleError
from archstyle.photos.reader import PhotoError
from archstyle.predict.inputs import Photo, find_photos
from archstyle.predict.output import Row, open_output

BECAME = ("answered", NOT_SURE, UNFAMILIAR, "broken", "done before")


def predict_many(
    bundle: Bundle,
    paths: Iterable[str],
    form: str,
    path: Path | None = None,
    resume: bool = False,
    jobs: int | None = None,
) -> None:
    """Write a row for each photo in their order, but for those that the output has.

    By threads: the reader and the graph let go of Python's lock, and share one bundle's memory.
    Few photos are taken ahead, so that any number needs no more memory. What became of them is told
    on stderr, where there are several. Raises ArchstyleError where none could be read.
    """
    told = Counter[str]()
    try:
        with open_output(form, bundle, path, resume) as output:
            told["done before"] = len(output.done)
            new = (photo for photo in find_photos(paths) if photo[0] not in output)
            rows: Iterable[Row] = spread(partial(answer, bundle), new, jobs or cores(), 1)
            # A bar only where the answers do not go to the same terminal.
            for row in rows if output.stream.isatty() else progress(rows, "predict"):
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
        return {"file": name, "error": source}
    try:
        return bundle.predict(source).as_dict(name)
    except PhotoError as error:
        return {"file": name, "error": str(error)}
