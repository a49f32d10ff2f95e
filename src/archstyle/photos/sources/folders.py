"""Photos in a folder, and in a folder of a git repository at a pinned commit."""

import os
import re
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from archstyle.common.console import say, warn
from archstyle.config.schema import Source
from archstyle.errors import ArchstyleError
from archstyle.photos.names import Found, printable, why_skipped
from archstyle.photos.sources.styles import StyleMap

QUIET = {
    "GIT_TERMINAL_PROMPT": "0",  # a private address must fail, not wait for a password
    "GIT_ASKPASS": "true",
    "SSH_ASKPASS": "true",
    "GIT_SSH_COMMAND": "ssh -oBatchMode=yes",
    "LC_ALL": "C",
}


LISTS = ("buildings.csv", "sources.csv")  # that may lie at the top of a source


@dataclass
class FolderPhotos:
    """Every file under a folder. Links to files that lie elsewhere are listed and not followed."""

    root: Path
    kind: str = "folder"
    location: str = ""

    def files(self, max_bytes: int) -> Iterator[Found]:
        """Yield every file with its bytes, or with the reason why it is not taken.

        Raises ArchstyleError for a link to a folder that lies elsewhere, and where a folder is gone
        before its files were read: a drive that was pulled out, say.
        """
        root = self.root.resolve()
        for name, path, reason in self._listing():
            try:
                reason = reason or why_skipped(name) or _why_not_read(path, root)
                if not reason:
                    with path.open("rb") as file:
                        data = file.read(max_bytes + 1)
                    if len(data) > max_bytes:
                        reason = f"larger than {max_bytes / 1e6:g} MB"
            except (OSError, RuntimeError) as error:
                self._check_there(path.parent)
                reason = f"cannot be read: {getattr(error, 'strerror', 'a link to itself')}"
            if not reason:
                yield Found(name, data)
                continue
            if path.is_symlink() and not path.suffix and not path.exists():  # a style's folder?
                warn(f"{name} is a link to something that is not there.")
            yield Found(name, reason=reason)

    def stamps(self) -> Iterator[str]:
        """Yield a line a file that changes when the file does; nothing is read."""
        for name, path, _ in self._listing():
            try:
                status = path.lstat()
            except OSError:
                continue
            yield f"{name}\t{status.st_size}\t{status.st_mtime_ns}"

    def _listing(self) -> Iterator[tuple[str, Path, str]]:
        """Yield (name, path, reason not to take it), sorted within each folder."""
        unreadable: list[OSError] = []
        for folder, folders, files in os.walk(self.root, True, unreadable.append, True):
            reasons = {name: self._why_not_entered(Path(folder, name)) for name in folders}
            folders[:] = sorted(name for name, reason in reasons.items() if not reason)
            for name in sorted([*files, *(name for name, reason in reasons.items() if reason)]):
                path = Path(folder, name)
                yield self._name(path), path, reasons.get(name, "")
        self._check_there(self.root)
        for error in unreadable:
            path = Path(error.filename)
            self._check_there(path)
            yield self._name(path), path, f"cannot be opened: {error.strerror}"

    def _check_there(self, folder: Path) -> None:
        if not os.path.isdir(folder):  # noqa: PTH112  # never raises
            raise ArchstyleError(
                f"{self._name(folder) if folder != self.root else self.location or folder.name} "
                "vanished while it was read: bring it back and run this again."
            )

    def _name(self, path: Path) -> str:
        return printable(path.relative_to(self.root).as_posix())

    def _why_not_entered(self, folder: Path) -> str:
        if folder.name.startswith("."):
            return "a hidden folder"
        if not folder.is_symlink():
            return ""
        target = folder.resolve()
        if not target.is_relative_to(self.root.resolve()):
            raise ArchstyleError(
                f"{self._name(folder)} is a link that leads out of {self.location or 'its folder'},"
                " which is not followed: copy the folder to where the link is, or remove the link."
            )
        lies_in_it = any(parent.resolve().is_relative_to(target) for parent in folder.parents)
        return "a link to a folder in which it lies" if lies_in_it else ""


def _why_not_read(path: Path, root: Path) -> str:
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode):
        target = path.resolve(strict=True)
        if not target.is_relative_to(root):
            return "a link that leads out of the folder"
        mode = target.stat().st_mode
    return "" if stat.S_ISREG(mode) else "no ordinary file"


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
        how = ["--filter=blob:none", "--no-checkout", "--", address, target]
        say(f"Downloading {address} at {commit} ...")
        try:
            _git(*patient, "clone", *how, watched=True)
            try:
                _git(*here, "rev-parse", "--verify", "--quiet", f"{commit}^{{commit}}")
            except subprocess.CalledProcessError:
                raise ArchstyleError(
                    f"{address} has no commit {commit}: correct `commit` in the file of conf/data/."
                ) from None
            if patterns := self._wanted(here, commit):
                _git(*here, "sparse-checkout", "set", "--no-cone", "--", *patterns)
            _git(*here, "checkout", "--detach", "--progress", commit, "--", watched=True)
        except (subprocess.CalledProcessError, OSError) as error:
            raise ArchstyleError(
                f"The download of {address} broke off ({_last_line(error)}): run this again, or "
                "set ARCHSTYLE_PHOTOS to a folder of photos."
            ) from None

    def _wanted(self, here: Sequence[str], commit: str) -> list[str]:
        """Return the patterns of what is checked out, none where it is everything.

        Only these files are downloaded. Raises ArchstyleError where the map names what is not
        there.
        """
        top, styles = self.source.folder.strip("/"), StyleMap(self.source.styles)
        if not styles.styles:
            return [_pattern(top)] if top else []
        tree = f"{commit}:{top}" if top else commit
        paths = _git(*here, "ls-tree", "-r", "-t", "-z", "--name-only", tree).split("\0")
        found = {path: name for path in paths if (name := styles.find_exactly(path))}
        styles.check(self.location, found.values())
        begin = f"{top}/" if top else ""
        return [_pattern(begin + path) for path in (*LISTS, *found)]


def _pattern(path: str) -> str:
    """Return the line of .gitignore's language that means one path."""
    return "/" + re.sub(r"([\\*?\[ ])", r"\\\1", path)


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
