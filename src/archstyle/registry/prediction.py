"""Chooses the model that the command line answers with."""

import sys
import tempfile
from pathlib import Path

from archstyle.bundle import Bundle
from archstyle.errors import ArchstyleError


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
