"""What answers: the last good champion, kept as files, or the released model of the project.

    <cache>/<registry>/current               a link to the folder of the version in use
    <cache>/<registry>/versions/<version>-<digest>/bundle/
    <cache>/<registry>/versions/<version>-<digest>/registered.json
    <cache>/<registry>/follower.json         the follower status (serving only)
    <cache>/<registry>/champions.json        the champions so far (serving only)

Register puts a new champion here when it promotes it, and the server's follower when it finds one,
so that the server answers without asking the registry. The released model, which git brings, stays
in its own folder.
"""

import atexit
import hashlib
import json
import os
import shutil
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from archstyle.bundle import Bundle, BundleError
from archstyle.bundle.bundle import CARD, bundle_digest
from archstyle.common.files import locked, whole_directory, whole_file, write_json
from archstyle.errors import ArchstyleError
from archstyle.tracking.store import (
    MODEL_NAME,
    last_written,
    main_root,
    sqlite_file,
    tracking_uri,
)

KEPT_VERSIONS = 3
RELEASED = "released"  # what the released model has for a version


@dataclass(frozen=True)
class CachedBundle:
    """A bundle that may answer and where it came from; `path` is the bundle's own folder.

    `digest` is the SHA-256 of its files as they were installed; of the released model, which every
    look of the server asks for, only the time at which its folder was changed. `precedence` is 0
    for a champion trained on photos, 1 for the released model, 2 for a champion of drawings.
    """

    path: Path
    version: str
    run_id: str | None
    digest: str
    precedence: int

    def is_whole(self) -> bool:
        """Say whether the files are still those that were installed (reads them all)."""
        return self.path.is_dir() and bundle_digest(self.path) == self.digest


def told(version: str) -> str:
    """Return what people call a version."""
    return "the released model" if version == RELEASED else f"version {version}"


def not_used(version: str, error: Exception) -> str:
    """Return the sentence for a bundle that does not load."""
    restore = " `git checkout models/released` restores it, `make run` trains one of your own."
    advice = restore if version == RELEASED else ""
    return f"{told(version)} is not used: {error}{advice}"


def cache_directory() -> Path:
    """Return this registry's folder: under ARCHSTYLE_CACHE, or cache/ in the main project folder.

    Each registry has a folder of its own, so that no server answers with another registry's model.
    """
    root = Path(os.environ.get("ARCHSTYLE_CACHE") or main_root() / "cache" / "registry")
    return root.resolve() / hashlib.sha256(tracking_uri().encode()).hexdigest()[:12]


def install(
    bundle_path: Path,
    version: str,
    run_id: str | None = None,
    directory: Path | None = None,
    written: int | None = None,
) -> CachedBundle:
    """Copy a verified bundle into the cache and make it the current one, whole or not at all.

    `written`: what `last_written` said before the registry was asked for its champion; as long as
    it says the same, `archstyle predict` need not ask again.

    The caller has loaded the bundle, and so checked its golden photos. Older versions go, but for
    the last few, which a rollback or a worker in mid-load may want.
    """
    directory = directory or cache_directory()
    digest = bundle_digest(bundle_path)
    folder = directory / "versions" / f"{version}-{digest[:12]}"
    with locked(directory / ".lock", advice="set ARCHSTYLE_CACHE to a folder that can"):
        cached = _read(folder)
        if cached is None or cached.run_id != run_id or not cached.is_whole():
            with whole_directory(folder) as partial:
                shutil.copytree(bundle_path, partial / "bundle")
                order = _precedence(bundle_path)
                cached = CachedBundle(folder / "bundle", version, run_id, digest, order)
                values = {"version": version, "run_id": run_id, "digest": digest}
                write_json(partial / "registered.json", values)
        with whole_file(directory / "current") as link:
            link.symlink_to(folder.relative_to(directory), target_is_directory=True)
            if written:
                os.utime(link, ns=(written, written), follow_symlinks=False)
        os.utime(folder)
        folders = sorted((directory / "versions").iterdir(), key=lambda f: f.stat().st_mtime)
        for old in folders[:-KEPT_VERSIONS]:
            if old != folder:
                shutil.rmtree(old, ignore_errors=True)
    return cached


def current(directory: Path | None = None) -> CachedBundle | None:
    """Return the bundle to serve, or None where no champion was ever cached."""
    directory = directory or cache_directory()
    try:
        target = (directory / "current").readlink()
    except OSError:
        return None
    return _read(directory / target)


def released() -> CachedBundle | None:
    """Return the released model, in ARCHSTYLE_RELEASED or models/released; None where it is not."""
    folder = Path(os.environ.get("ARCHSTYLE_RELEASED") or main_root() / "models" / RELEASED)
    try:
        changed = folder.stat().st_ctime_ns
    except OSError:
        return None
    return CachedBundle(folder.resolve(), RELEASED, None, str(changed), 1)


def candidates(directory: Path | None = None) -> list[CachedBundle]:
    """Return what may answer, the first that loads: champion of photos, released, of drawings."""
    found = [one for one in (current(directory), released()) if one is not None]
    return sorted(found, key=lambda one: one.precedence)


def answering() -> str:
    """Return what people call the model that goes first."""
    return next((told(one.version) for one in candidates()), "the champion")


def _read(folder: Path) -> CachedBundle | None:
    bundle = folder / "bundle"
    try:
        values = json.loads((folder / "registered.json").read_text("utf-8"))
        version, run_id, digest = str(values["version"]), values["run_id"], str(values["digest"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return CachedBundle(bundle, version, run_id, digest, _precedence(bundle))


def _precedence(bundle: Path) -> int:
    """Return a champion's; 0 of a damaged card, which whoever loads it tells."""
    try:
        return 2 if json.loads((bundle / CARD).read_text("utf-8"))["drawn"] else 0
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def load_model(model: str | None) -> Bundle:
    """Load a bundle's folder, a registered version or, for None, what the server answers with.

    That is the champion if it was trained on photos, else the released model, else the champion.
    The champion comes out of the cache where that is current. Raises ArchstyleError.
    """
    from archstyle.registry.versions import download_bundle

    if model is None:
        return _first()
    temporary = tempfile.TemporaryDirectory(prefix="archstyle-")
    atexit.register(temporary.cleanup)  # not sooner: the bundle may be sent on to other machines
    return Bundle.load(download_bundle(model, Path(temporary.name))[0])


def _first() -> Bundle:
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
    cached, written = current(), last_written()
    link = cache_directory() / "current"
    with suppress(OSError, BundleError):  # damaged, or just taken away: it is fetched again
        if cached and written == link.lstat().st_mtime_ns:
            return Bundle.load(cached.path)
    from archstyle.registry.versions import champion, download_bundle

    try:
        found = champion()
    except ArchstyleError as error:
        if cached is None:
            raise
        print(f"{error} Answering with version {cached.version} from the cache.", file=sys.stderr)
        return Bundle.load(cached.path)
    temporary = tempfile.TemporaryDirectory(prefix="archstyle-")
    atexit.register(temporary.cleanup)
    # A registry that was set up anew counts from 1 again, so a number is not enough.
    numbered = found and (found.version, found.run_id)
    if cached and numbered == (cached.version, cached.run_id) and cached.is_whole():
        path = cached.path
    else:
        path, found = download_bundle(f"models:/{MODEL_NAME}@champion", Path(temporary.name))
    bundle = Bundle.load(path)
    if found:
        install(path, found.version, found.run_id, written=written)
    return bundle
