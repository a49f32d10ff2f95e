"""Where photos come from: all sources in the list that can be had."""

import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from archstyle.config.schema import Source
from archstyle.errors import ArchstyleError
from archstyle.photos.archives import ArchivePhotos, is_archive
from archstyle.photos.bucket import BucketPhotos, is_bucket
from archstyle.photos.names import Found, Photos, check_spelling, printable
from archstyle.photos.sources.collection import Collection, collect, with_labels
from archstyle.photos.sources.folders import FolderPhotos
from archstyle.photos.sources.git import RepositoryPhotos, can_be_reached


class NoPhotosError(ArchstyleError):
    """None of the sources can be had; `passed` says why."""

    passed: Sequence[str] = ()


UNREACHED = "cannot be reached"
# The drawings are data and not chance: another training seed must not draw others.
FACADE_SEED = 0


@dataclass
class FacadePhotos:
    """Drawn facades, for a first look without any photos."""

    count: int
    kind: str = "facades"
    location: str = "drawn facades"

    def files(self, max_bytes: int) -> Iterator[Found]:
        """Draw them."""
        from facades import draw_facades

        for name, data in draw_facades(self.count, FACADE_SEED):
            yield Found(name, data)

    def stamps(self) -> Iterator[str]:
        """Yield what they depend on."""
        yield f"facades\t{self.count}\t{FACADE_SEED}"


def choose(
    sources: Sequence[Source],
    timeout_seconds: float,
    workspace: Path,
    environment: Mapping[str, str] = os.environ,
    *,
    prefix: str = "",
    problems: Mapping[str, str] | None = None,
) -> tuple[Collection, list[str]]:
    """Return all folders and repositories that can be had, and why others cannot.

    A variable that is set replaces all sources; drawings are for where there is nothing else. A
    place that someone named but that is not there is an error, never a reason to go on.
    `workspace` is where repositories are downloaded to. With a `prefix`, which all files then
    begin with, files in no style's folder are of a style called as their source. `problems` are
    what `find_problems` found; without, it is asked.
    """
    passed: list[str] = []
    sources = [with_labels(source) for source in sources]
    check_spelling({style for source in sources for style in source.styles.values()})
    for source in sources:
        if source.kind == "environment":
            if value := environment.get(source.location):
                places = split_paths(value, environment)
                found = [_named(place, environment, source.location) for place in places]
                return collect([(photos, source) for photos in found], [], prefix), passed
            passed.append(f"{source.location} is not set")
    wanted = [source for source in sources if source.kind in ("folder", "git")]
    if problems is None:
        problems = find_problems([sources], timeout_seconds, environment)
    had: list[tuple[Photos | None, Source]] = []
    for number, source in enumerate(wanted):
        if problem := problems.get(source.location):
            passed.append(f"{source.location} {UNREACHED}: {problem}")
            had.append((None, source))
        elif source.kind == "git":
            place = workspace / str(number)
            had.append((RepositoryPhotos(source, place, timeout_seconds), source))
        else:
            had.append((_named(source.location, environment, "data.sources"), source))
    missing = [source.location for photos, source in had if photos is None]
    if len(missing) < len(wanted):
        return collect(had, missing, prefix), passed
    for source in sources:
        if source.kind == "facades":
            return collect([(FacadePhotos(source.count), source)], missing, prefix), passed
    error = NoPhotosError(
        f"There are no photos to be had ({'; '.join(passed) or 'data.sources is empty'}): "
        "set ARCHSTYLE_PHOTOS to a folder, a .zip, a .tar or a bucket of photos."
    )
    error.passed = passed
    raise error


def find_problems(
    lists: Iterable[Sequence[Source]], seconds: float, environment: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """Return what is wrong with the repositories in use, by address; all are asked at once."""
    addresses: dict[str, None] = {}
    for sources in lists:
        if not any(s.kind == "environment" and environment.get(s.location) for s in sources):
            addresses |= dict.fromkeys(s.location for s in sources if s.kind == "git")
    ask = partial(can_be_reached, timeout_seconds=seconds)
    with ThreadPoolExecutor(len(addresses) or 1) as pool:  # each may take all the time to answer
        return dict(zip(addresses, pool.map(ask, addresses), strict=True))


def split_paths(value: str, environment: Mapping[str, str] = os.environ) -> list[str]:
    """Split paths at os.pathsep, but not within one that is there, the longest first."""
    pieces = re.split(f"{re.escape(os.pathsep)}(?!//)", value)  # s3://bucket is one
    paths = []
    while pieces:
        tries = ((os.pathsep.join(pieces[:end]), end) for end in range(len(pieces), 1, -1))
        there = (one for one in tries if os.path.exists(_place(one[0], environment)))  # noqa: PTH110
        path, end = next(there, (pieces[0], 1))
        paths.append(path)
        pieces = pieces[end:]
    return [path for path in paths if path] or [value]


def _place(value: str, environment: Mapping[str, str]) -> Path:
    # DVC runs experiments in a copy of the project; DVC_ROOT is the project itself even there.
    return Path(environment.get("DVC_ROOT") or Path.cwd()) / Path(value).expanduser()


def _named(value: str, environment: Mapping[str, str], named_by: str) -> Photos:
    if is_bucket(value):
        return BucketPhotos(value, named_by)
    path = _place(value, environment)
    advice = "name a folder with one folder of photos a style, or a .zip or .tar of one"
    try:
        if path.is_dir():
            os.scandir(path).close()  # may it be opened?
            return FolderPhotos(path, location=printable(path.resolve().name))
        if path.is_file() and is_archive(path):
            return ArchivePhotos(path, location=printable(path.name))
        problem = "does not exist"
        if path.exists():
            named = path.suffix.lower() in (".zip", ".tar", ".gz", ".tgz", ".xz", ".bz2")
            problem = "is damaged, cut short or no archive" if named else "is no .zip or .tar"
    except OSError as error:
        problem = f"cannot be opened: {error.strerror}"
    raise ArchstyleError(f"{named_by} says {value}, but {path} {problem}: {advice}.")


def announce_drawn(passed: Sequence[str]) -> None:
    """Say loudly, on stderr, that what follows is made of drawings."""
    lines = [
        "NO PHOTOS: what follows uses drawn facades, and its numbers say nothing about photos.",
        *(f"  {reason}" for reason in passed),
        "To use photos: ARCHSTYLE_PHOTOS=path/to/photos make run   (one folder a style)",
    ]
    rule = "!" * max(map(len, lines))
    print("", rule, *lines, rule, "", sep="\n", file=sys.stderr, flush=True)
