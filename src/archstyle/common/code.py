"""Which code made a result: a digest of what dvc.yaml says that stages run."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import yaml


def code_digest(root: Path, stages: Sequence[str]) -> str:
    """Return the SHA-256 over the Python files among the `deps` of these stages.

    A result that was kept under another digest is not comparable with one of today's code.
    """
    deps = yaml.safe_load((root / "dvc.yaml").read_text("utf-8"))["stages"]
    files = {
        file
        for stage in stages
        for dep in deps[stage]["deps"]
        if dep.startswith(("src/", "pipeline/"))
        for file in (sorted((root / dep).rglob("*.py")) or [root / dep])
    }
    digest = hashlib.sha256()
    for file in sorted(files):
        content = hashlib.sha256(file.read_bytes()).hexdigest()
        digest.update(f"{file.relative_to(root).as_posix()}\0{content}\n".encode())
    return digest.hexdigest()
