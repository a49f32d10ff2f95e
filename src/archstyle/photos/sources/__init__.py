"""Where photos come from: the first source in the list that can be had."""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from archstyle.config.schema import Source
from archstyle.errors import ArchstyleError
from archstyle.photos.names import Found, Photos, printable
from archstyle.photos.sources.archives import ArchivePhotos, is_archive
from archstyle.photos.sources.folders import FolderPhotos, RepositoryPhotos, can_be_reached

__all__ = ["Found", "Photos", "announce_drawn", "choose", "choose_outside"]

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
) -> tuple[Photos, list[str]]:
    """Return the first source that can be had, and why those before it cannot.

    A place that someone named but that is not there is an error, never a reason to go on.
    `workspace` is where a repository is downloaded to.
    """
    passed: list[str] = []
    for source in sources:
        match source.kind:
            case "environment" if value := environment.get(source.location):
                return _named(value, environment, source.location), passed
            case "environment":
                passed.append(f"{source.location} is not set")
            case "folder":
                return _named(source.location, environment, "data.sources"), passed
            case "git":
                if not (problem := can_be_reached(source.location, timeout_seconds)):
                    return RepositoryPhotos(source, workspace, timeout_seconds), passed
                passed.append(f"{source.location} cannot be reached: {problem}")
            case "facades":
                return FacadePhotos(source.count), passed
    raise ArchstyleError(
        f"There are no photos to be had ({'; '.join(passed) or 'data.sources is empty'}): "
        "set ARCHSTYLE_PHOTOS to a folder, a .zip or a .tar of photos."
    )


def choose_outside(
    sources: Sequence[Source],
    timeout_seconds: float,
    workspace: Path,
    environment: Mapping[str, str] = os.environ,
) -> Photos | None:
    """Return the first source that can be had; None where none is named, for it may be missing."""
    named = [s for s in sources if s.kind != "environment" or environment.get(s.location)]
    return choose(named, timeout_seconds, workspace, environment)[0] if named else None


def _named(value: str, environment: Mapping[str, str], named_by: str) -> Photos:
    # DVC runs experiments in a copy of the project; DVC_ROOT is the project itself even there.
    root = Path(environment.get("DVC_ROOT") or Path.cwd())
    path = root / Path(value).expanduser()
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
