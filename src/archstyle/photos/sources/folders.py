"""Photos in a folder."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from archstyle.common.console import warn
from archstyle.errors import ArchstyleError
from archstyle.photos.names import Found, printable, too_large, why_skipped


@dataclass(frozen=True)
class FolderPhotos:
    """Every file under a folder. Links to files that lie elsewhere are listed and not followed."""

    root: Path
    kind: str = "folder"
    location: str = ""

    def files(self, max_bytes: int) -> Iterator[Found]:
        """Yield every file with its bytes, or with the reason why it is not taken.

        Raises ArchstyleError for a link to a folder that lies elsewhere.
        """
        root = self.root.resolve()
        for name, path, reason in self._listing():
            reason = reason or why_skipped(name) or _why_not_read(path, root)
            if reason:
                if path.is_symlink() and not path.suffix and not path.exists():
                    warn(f"{name} is a link to something that is not there.")  # a style's folder?
                yield Found(name, reason=reason)
                continue
            try:
                with path.open("rb") as file:
                    data = file.read(max_bytes + 1)
            except OSError as error:
                yield Found(name, reason=f"cannot be read: {error.strerror}")
                continue
            yield too_large(name, max_bytes) if len(data) > max_bytes else Found(name, data)

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
            here = Path(folder)
            entries = [(file, "") for file in files]
            reasons = {name: self._why_not_entered(here / name) for name in folders}
            entries += [(name, reason) for name, reason in reasons.items() if reason]
            folders[:] = sorted(name for name, reason in reasons.items() if not reason)
            for name, reason in sorted(entries):
                path = here / name
                yield self._name(path), path, reason
        for error in unreadable:
            path = Path(error.filename)
            yield self._name(path), path, f"cannot be opened: {error.strerror}"

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
    try:
        mode = path.lstat().st_mode
        if stat.S_ISLNK(mode):
            target = path.resolve(strict=True)
            if not target.is_relative_to(root):
                return "a link that leads out of the folder"
            mode = target.stat().st_mode
    except (OSError, RuntimeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "a link to itself"
        return f"cannot be read: {reason}"
    return "" if stat.S_ISREG(mode) else "no ordinary file"
