"""Photos in a folder of a git repository at a pinned commit."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from archstyle.common.console import say
from archstyle.config.schema import Source
from archstyle.errors import ArchstyleError
from archstyle.photos.names import Found
from archstyle.photos.sources.folders import FolderPhotos

QUIET = {
    "GIT_TERMINAL_PROMPT": "0",  # a private address must fail, not wait for a password
    "GIT_ASKPASS": "true",
    "SSH_ASKPASS": "true",
    "GIT_SSH_COMMAND": "ssh -oBatchMode=yes",
    "LC_ALL": "C",
}


def can_be_reached(address: str, timeout_seconds: float) -> str:
    """Ask the address for its branches; return what went wrong, or nothing."""
    try:
        _git(["ls-remote", "--quiet", "--", address, "HEAD"], timeout_seconds)
    except subprocess.TimeoutExpired:
        return f"no answer within {timeout_seconds:g} seconds"
    except (subprocess.CalledProcessError, OSError) as error:
        return _last_line(error)
    return ""


@dataclass(frozen=True)
class RepositoryPhotos:
    """A folder of a git repository; it is downloaded when its files are asked for."""

    source: Source
    workspace: Path
    timeout_seconds: float
    kind: str = "git"

    @property
    def location(self) -> str:
        """The address and the commit."""
        return f"{self.source.location}@{self.source.commit}"

    def files(self, max_bytes: int) -> Iterator[Found]:
        """Download the repository, unless this was done already, and yield every file.

        Raises ArchstyleError when the download breaks off or the commit or folder is not there.
        """
        folder = self.workspace / self.source.folder
        if not folder.is_dir():
            self._clone()
        if not folder.is_dir():
            raise ArchstyleError(
                f"{self.location} has no folder {self.source.folder!r}: "
                "correct `folder` in the file of conf/data/."
            )
        return FolderPhotos(folder).files(max_bytes)

    def stamps(self) -> Iterator[str]:
        """Yield what is pinned."""
        yield f"git\t{self.location}\t{self.source.folder}"

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
        say(f"Downloading {address} at {commit} ...")
        try:
            how = ["--filter=blob:none", "--no-checkout"]
            _git([*patient, "clone", *how, "--", address, target], watched=True)
            try:
                _git([*here, "rev-parse", "--verify", "--quiet", f"{commit}^{{commit}}"])
            except subprocess.CalledProcessError:
                raise ArchstyleError(
                    f"{address} has no commit {commit}: correct `commit` in the file of conf/data/."
                ) from None
            if self.source.folder:
                _git([*here, "sparse-checkout", "set", "--", self.source.folder])
            _git([*here, "checkout", "--detach", "--progress", commit, "--"], watched=True)
        except (subprocess.CalledProcessError, OSError) as error:
            raise ArchstyleError(
                f"The download of {address} broke off ({_last_line(error)}): run this again, or "
                "set ARCHSTYLE_PHOTOS to a folder of photos."
            ) from None


def _git(arguments: Sequence[str], timeout: float | None = None, watched: bool = False) -> None:
    """Run git in a process group of its own, so that its helpers end with it."""
    shown = watched and sys.stderr.isatty()
    with subprocess.Popen(
        ["git", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=None if shown else subprocess.PIPE,
        env={**os.environ, **QUIET},
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
    ) as process:
        try:
            _, problem = process.communicate(timeout=timeout)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, "git", stderr=problem)


def _last_line(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "git is not installed"
    lines = (getattr(error, "stderr", None) or str(error)).strip().splitlines()
    return lines[-1].removeprefix("fatal: ") if lines else "git failed"
