"""Photos in a folder."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from archstyle.common.console import warn
from archstyle.errors import ArchstyleError
from archstyle.photos.names import Found, printable, why_skipped


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
