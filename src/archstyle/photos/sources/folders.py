"""Photos in a folder."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from archstyle.photos.names import printable, why_skipped
from archstyle.photos.sources.found import Found, too_large


@dataclass(frozen=True)
class FolderPhotos:
    """Every file under a folder; links that lead out of it are listed and not followed."""

    root: Path
    kind: str = "folder"
    location: str = ""

    def files(self, max_bytes: int) -> Iterator[Found]:
        """Yield every file with its bytes, or with the reason why it is not taken."""
        root = self.root.resolve()
        for name, path, reason in self._listing():
            reason = reason or why_skipped(name) or _why_not_read(path, root)
            if reason:
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
        for folder, folders, files in os.walk(self.root, onerror=unreadable.append):
            folders.sort()
            here = Path(folder)
            entries = [(file, "") for file in files]
            for name in list(folders):
                if name.startswith("."):
                    entries.append((name, "a hidden folder"))
                elif (here / name).is_symlink():
                    entries.append((name, "a link to a folder, which is not followed"))
            folders[:] = [name for name in folders if not name.startswith(".")]
            for name, reason in sorted(entries):
                path = here / name
                yield printable(path.relative_to(self.root).as_posix()), path, reason
        for error in unreadable:
            path = Path(error.filename)
            name = printable(path.relative_to(self.root).as_posix())
            yield name, path, f"cannot be opened: {error.strerror}"


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
