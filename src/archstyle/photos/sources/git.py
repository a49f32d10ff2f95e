"""Photos in a git repository at a pinned commit, of which no more is downloaded than is wanted."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import chain
from pathlib import Path

from archstyle.common.console import say
from archstyle.config.schema import Source
from archstyle.errors import ArchstyleError
from archstyle.photos.names import Found
from archstyle.photos.sources.collection import StyleMap
from archstyle.photos.sources.folders import FolderPhotos

QUIET = {
    "GIT_TERMINAL_PROMPT": "0",  # a private address must fail, not wait for a password
    "GIT_ASKPASS": "true",
    "SSH_ASKPASS": "true",
    "GIT_SSH_COMMAND": "ssh -oBatchMode=yes -oConnectTimeout=15 -oServerAliveInterval=15",
    "LC_ALL": "C",
}
LISTS = ("buildings.csv", "sources.csv")  # that may lie at the top of a source


class UnavailableError(ArchstyleError):
    """The download breaks off, the commit is not there, or no sample is small enough."""


@dataclass
class RepositoryPhotos:
    """A folder of a git repository; it is downloaded when its files are asked for."""

    source: Source
    workspace: Path
    timeout_seconds: float
    kind: str = "git"

    def __post_init__(self) -> None:
        self.location = f"{self.source.location}@{self.source.commit}"

    def files(self, max_bytes: int) -> Iterator[Found]:
        """Yield every file, and download them first; raises ArchstyleError as `download` does."""
        return FolderPhotos(self.download()).files(max_bytes)

    def stamps(self) -> Iterator[str]:
        """Yield what is pinned."""
        sample = f"{self.source.count}\t{self.source.megabytes:g}"
        yield f"git\t{self.location}\t{self.source.folder}\t{sample}"

    def download(self) -> Path:
        """Download what is wanted, unless this was done already; return where it is.

        Raises UnavailableError, or another ArchstyleError for what the commit does not have.
        """
        folder = self.workspace / self.source.folder
        if not folder.is_dir():
            self._clone()
        if not folder.is_dir():
            raise ArchstyleError(
                f"{self.location} has no folder {self.source.folder!r}: "
                "correct `folder` in the file of conf/data/."
            )
        return folder

    def _clone(self) -> None:
        """Put the folder at the commit, and no more than that, into the workspace.

        A commit may be short: the clone has all commits, but files only as they are checked out.
        """
        shutil.rmtree(self.workspace, ignore_errors=True)
        self.workspace.parent.mkdir(parents=True, exist_ok=True)
        address, commit, target = self.source.location, self.source.commit, str(self.workspace)
        # A download that stands still is given up; a slow one may take its time.
        given_up = f"http.lowSpeedTime={max(1, self.timeout_seconds):.0f}"
        patient = f"-c http.lowSpeedLimit=1000 -c {given_up} -c core.autocrlf=false".split()
        here = [*patient, "-C", target]
        how = ["--filter=blob:none", "--no-checkout", "--", address, target]
        say(f"Downloading {address} at {commit} ...")
        try:
            _git(*patient, "clone", *how, watched=True)
            try:
                _git(*here, "rev-parse", "--verify", "--quiet", f"{commit}^{{commit}}")
            except subprocess.CalledProcessError:
                raise UnavailableError(
                    f"{address} has no commit {commit}: correct `commit` in the file of conf/data/."
                ) from None
            self._check_out(here, commit)
        except (subprocess.CalledProcessError, OSError) as error:
            raise UnavailableError(
                f"The download of {address} broke off ({_last_line(error)}): run this again, or "
                "set ARCHSTYLE_PHOTOS to a folder of photos."
            ) from None

    def _check_out(self, here: Sequence[str], commit: str) -> None:
        """Check out what is wanted; only these files are downloaded.

        Raises ArchstyleError where the map names what is not there.
        """
        top, styles = self.source.folder.strip("/"), StyleMap(self.source.styles)
        begin = f"{top}/" if top else ""

        def take(paths: Sequence[str]) -> int:
            """Check out these files and no others; return their bytes."""
            if paths:
                # Lines of .gitignore's language, each of which means one path.
                patterns = ["/" + re.sub(r"([\\*?\[ ])", r"\\\1", begin + path) for path in paths]
                _git(*here, "sparse-checkout", "set", "--no-cone", "--", *patterns)
            _git(*here, "checkout", "--detach", "--progress", commit, "--", watched=True)
            files = [self.workspace / top / path for path in paths]
            return sum(file.stat().st_size for file in files if file.is_file())

        if not styles.styles:
            take([""] if top else [])
            return
        tree = f"{commit}:{top}" if top else commit
        paths = _git(*here, "ls-tree", "-r", "-t", "-z", "--name-only", tree).split("\0")
        found = {path: name for path in paths if (name := styles.find_exactly(path))}
        styles.check(self.location, found.values())
        if not self.source.count:
            take([*LISTS, *found])
            return
        folders = {path.rpartition("/")[0] for path in paths}
        ranked: dict[str, list[str]] = defaultdict(list)  # by style, in the same order each time
        for path in sorted(set(paths) - folders, key=lambda path: sha256(path.encode()).digest()):
            if name := styles.find(path):
                ranked[styles.styles[name]].append(path)
        self._take_sample(lambda n: take([*LISTS, *chain(*(of[:n] for of in ranked.values()))]))

    def _take_sample(self, take: Callable[[int], int]) -> None:
        """Take `count` files of each style, or fewer where they would have too many `megabytes`.

        git tells no sizes of files that it does not have: a first part tells how many will fit.
        """
        count = most = self.source.count
        if bound := self.source.megabytes * 1e6:
            count = -(-most // 10)
            count = min(most, int(count * bound / max(take(count), 1)))
        while count and (size := take(count)) > bound > 0:
            count = min(count - 1, int(count * bound / size))
        fit = f"photos of each style of {self.location} fit into {self.source.megabytes:g} MB"
        if not count:
            raise UnavailableError(f"No {fit}: raise `megabytes` in the file of conf/data/.")
        if count < most:
            say(f"{count} in place of {most} {fit}.")


def can_be_reached(address: str, timeout_seconds: float) -> str:
    """Ask the address for its branches; return what went wrong, or nothing."""
    try:
        _git("ls-remote", "--quiet", "--", address, "HEAD", timeout=timeout_seconds)
    except subprocess.TimeoutExpired:
        return f"no answer within {timeout_seconds:g} seconds"
    except (subprocess.CalledProcessError, OSError) as error:
        return _last_line(error)
    return ""


def _git(*arguments: str, timeout: float | None = None, watched: bool = False) -> str:
    """Run git in a process group of its own, so that its helpers end with it; return its output."""
    with subprocess.Popen(
        ["git", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=None if watched and sys.stderr.isatty() else subprocess.PIPE,
        env={**os.environ, **QUIET},
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
    ) as process:
        try:
            output, problem = process.communicate(timeout=timeout)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, "git", stderr=problem)
    return output


def _last_line(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "git is not installed"
    lines = (getattr(error, "stderr", None) or str(error)).strip().splitlines()
    return lines[-1].removeprefix("fatal: ") if lines else "git failed"
