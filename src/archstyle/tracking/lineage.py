"""Where a run came from: git's commit, DVC's md5s and the process that wrote it."""

import getpass
import os
import socket
import subprocess
from pathlib import Path

import yaml

from archstyle import __version__

STAGES = ("fetch", "prepare", "augment", "train", "evaluate", "register")


def git_tags(root: Path) -> dict[str, str]:
    """Return commit, branch and whether tracked files were changed; nothing outside of git."""
    commit = _git(root, "rev-parse", "HEAD")
    if not commit:
        return {}
    changed = _git(root, "status", "--porcelain", "--untracked-files=no")
    return {
        "git.commit": commit,
        "git.branch": _git(root, "rev-parse", "--abbrev-ref", "HEAD"),
        "git.dirty": str(bool(changed)).lower(),
    }


def dvc_tags(root: Path, before: str) -> dict[str, str]:
    """Return {dvc.<stage>.<out>: md5} of the stages before one, as dvc.lock has them.

    What dvc.lock says of `before` itself and of later stages is of an earlier execution.
    """
    try:
        lock = yaml.safe_load((root / "dvc.lock").read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError):
        return {}
    stages = (lock or {}).get("stages", {})
    return {
        f"dvc.{stage}.{out['path']}": str(out["md5"])
        for stage in STAGES[: STAGES.index(before)]
        for out in stages.get(stage, {}).get("outs", [])
        if "md5" in out
    }


def process_tags(stage: str) -> dict[str, str]:
    """Return who runs the stage, so that a run whose process died can be found, and how."""
    experiment = os.environ.get("DVC_EXP_NAME")
    by = f"dvc exp {experiment}" if experiment else "dvc repro"
    return {
        "archstyle.host": socket.gethostname(),
        "archstyle.pid": str(os.getpid()),
        "archstyle.stage": stage,
        "archstyle.started_by": by
        if os.environ.get("DVC_STAGE")
        else f"python -m pipeline.{stage}",
        "archstyle.version": __version__,
        "mlflow.user": _user(),
        "mlflow.source.type": "LOCAL",
        "mlflow.source.name": "dvc.yaml",
    }


def is_alive(pid: str) -> bool:
    """Say whether a process of this machine runs."""
    try:
        os.kill(int(pid), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return True


def _git(root: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments], capture_output=True, text=True, timeout=20
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container without a user's name
        return str(os.getuid())
