"""Photos in a folder of a git repository at a pinned commit."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from archstyle.common.console import say
from archstyle.errors import ArchstyleError

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


def clone(address: str, commit: str, folder: str, target: Path, timeout_seconds: float) -> Path:
    """Put `folder` at `commit`, and no more than that, under `target`; return the folder.

    A commit may be short: the clone has all commits, but files only as they are checked out.
    Raises ArchstyleError when the download breaks off or the commit is not there.
    """
    shutil.rmtree(target, ignore_errors=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    # A download that stands still is given up; a slow one may take its time.
    patient = [
        *(
            "-c",
            "http.lowSpeedLimit=1000",
            "-c",
            f"http.lowSpeedTime={max(1, timeout_seconds):.0f}",
        ),
        *("-c", "core.autocrlf=false"),
    ]
    here = ["-C", str(target), *patient]
    say(f"Downloading {address} at {commit} ...")
    try:
        _git(
            [*patient, "clone", "--filter=blob:none", "--no-checkout", "--", address, str(target)],
            watched=True,
        )
        try:
            _git([*here, "rev-parse", "--verify", "--quiet", f"{commit}^{{commit}}"])
        except subprocess.CalledProcessError:
            raise ArchstyleError(
                f"{address} has no commit {commit}: correct `commit` in the file of conf/data/."
            ) from None
        if folder:
            _git([*here, "sparse-checkout", "set", "--", folder])
        _git([*here, "checkout", "--detach", "--progress", commit, "--"], watched=True)
    except (subprocess.CalledProcessError, OSError) as error:
        raise ArchstyleError(
            f"The download of {address} broke off ({_last_line(error)}): run this again, or set "
            "ARCHSTYLE_PHOTOS to a folder of photos."
        ) from None
    return target / folder


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
