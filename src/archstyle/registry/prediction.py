"""Answers files and folders of photos, one after the other, for the command line."""

import json
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from archstyle.bundle import UNFAMILIAR, Bundle
from archstyle.bundle.card import in_words
from archstyle.bundle.prediction_sets import PredictionSets
from archstyle.common.console import progress
from archstyle.errors import ArchstyleError
from archstyle.photos.reader import PhotoError

WIDTH = 32  # of the column of styles: two of them


def load_model(model: str | None) -> Bundle:
    """Load a bundle's folder, a registered version or, for None, what the server answers with.

    That is the champion if it was trained on photos, else the released model, else the champion.
    The champion comes out of the cache where that is current. Raises ArchstyleError.
    """
    from archstyle.registry.versions import download_bundle

    if model is None:
        return _first()
    with tempfile.TemporaryDirectory(prefix="archstyle-") as temporary:
        return Bundle.load(download_bundle(model, Path(temporary))[0])


def predict_paths(bundle: Bundle, paths: Sequence[Path], form: str) -> int:
    """Print an answer for every photo; return how many could be read.

    `form` is `jsonl` or `table`. In a folder, files that are no photos are told like any other
    that cannot be read.
    """
    files, sets = list(find_files(paths)), bundle.card.prediction_sets
    if form == "table":
        print(f"{'style':<{WIDTH}} {'sure':>6}  file", flush=True)
    answered = 0
    ascii_only = (sys.stdout.encoding or "").lower().replace("-", "") != "utf8"
    # A bar only where the answers do not go to the same terminal.
    bar: Iterable[Path] = files if sys.stdout.isatty() else progress(files, "predict", len(files))
    for file in bar:
        result = predict_file(bundle, file)
        answered += "error" not in result
        as_json = form == "jsonl"
        said = json.dumps(result, ensure_ascii=ascii_only) if as_json else table_line(result, sets)
        print(said)
        sys.stdout.flush()
    return answered


def find_files(paths: Sequence[Path]) -> Iterator[Path]:
    """Yield files as given, and those below folders sorted, but hidden ones."""
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        for file in sorted(path.rglob("*")):
            if file.is_file() and "/." not in f"/{file.relative_to(path).as_posix()}":
                yield file


def predict_file(bundle: Bundle, file: Path) -> dict[str, Any]:
    """Return file and the keys of `Answer.as_dict`, or file and error."""
    # In a locale of ASCII alone, and where it is no UTF-8, Python escapes what is in a name.
    name = os.fsencode(file).decode("utf-8", "backslashreplace")
    try:
        return bundle.predict(file).as_dict(name)
    except PhotoError as error:
        return {"file": name, "error": str(error)}
    except OSError as error:
        return {"file": name, "error": f"It cannot be opened: {error.strerror or error}."}


def table_line(result: dict[str, Any], sets: PredictionSets | None) -> str:
    """Return a line for people: style or styles, or why it is not answered, how sure, file."""
    if "error" in result:
        return f"{'-':<{WIDTH}} {'-':>6}  {result['file']}: {result['error']}"
    style, sure = result["style"], result["probability"]
    if sets and len(result["styles"]) > 1:
        style, sure = in_words(result["styles"]), sets.coverage
    elif not result["answered"]:
        style = result["reason"] + ("" if result["reason"] == UNFAMILIAR else f" ({style})")
    return f"{style:<{WIDTH}} {sure:>6.1%}  {result['file']}"


def _first() -> Bundle:
    from archstyle.registry.cache import RELEASED, current, not_used, released
    from archstyle.tracking.store import sqlite_file, tracking_uri

    in_the_box = released()
    if in_the_box is None:
        return _champion()
    champion, why, database = None, "", sqlite_file(tracking_uri())
    # Else nothing was trained here yet.
    if database is None or database.is_file() or current():
        try:
            champion = _champion()
        except ArchstyleError as error:
            why = f"{error} "
    if champion and not champion.card.drawn:
        return champion
    try:
        bundle = Bundle.load(in_the_box.path)
    except Exception as error:  # damage takes any form
        if champion is None:
            raise ArchstyleError(f"{why}{not_used(RELEASED, error)}") from error
        print(not_used(RELEASED, error), file=sys.stderr)
        return champion
    print(f"{why}Answering with the released model.", file=sys.stderr)
    return bundle


def _champion() -> Bundle:
    from archstyle.registry import cache as registry_cache
    from archstyle.tracking.store import sqlite_file, tracking_uri

    cached = registry_cache.current()
    database = sqlite_file(tracking_uri())
    link = registry_cache.cache_directory() / "current"
    # Current where nothing was written to the registry since this was laid into the cache.
    written = database.stat().st_mtime_ns if database and database.is_file() else None
    if cached and written and written <= link.lstat().st_mtime_ns:
        return Bundle.load(cached.path)
    from archstyle.registry.versions import champion, download_bundle

    try:
        found = champion()
    except ArchstyleError as error:
        if cached is None:
            raise
        print(f"{error} Answering with version {cached.version} from the cache.", file=sys.stderr)
        return Bundle.load(cached.path)
    with tempfile.TemporaryDirectory(prefix="archstyle-") as temporary:
        # A registry that was set up anew counts from 1 again, so a number is not enough.
        numbered = found and (found.version, found.run_id)
        if cached and numbered == (cached.version, cached.run_id) and cached.is_whole():
            path = cached.path
        else:
            path, found = download_bundle("champion", Path(temporary))
        bundle = Bundle.load(path)
        if found:
            registry_cache.install(path, found.version, found.run_id)
    return bundle
