"""Photos in a folder, or in a .zip or .tar, which is read as it is: nothing is unpacked to disk."""

import lzma
import os
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from archstyle.errors import ArchstyleError
from archstyle.photos.names import Found, member_name, printable, too_large, why_skipped

# What a damaged or hostile archive makes the standard library raise.
DAMAGED = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    RuntimeError,  # encrypted
    NotImplementedError,  # an unusual compression
    UnicodeDecodeError,
)


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


@dataclass(frozen=True)
class ArchivePhotos:
    """Every member of an archive."""

    path: Path
    kind: str = "archive"
    location: str = ""

    def files(self, max_bytes: int) -> Iterator[Found]:
        """Yield every member with its bytes, or with the reason why it is not taken.

        Raises ArchstyleError when the archive itself is damaged.
        """
        members = _zip_members if zipfile.is_zipfile(self.path) else _tar_members
        try:
            yield from members(self.path, max_bytes)
        except DAMAGED as error:
            raise ArchstyleError(
                f"The archive {self.path} is damaged ({error}): make it again, or name a folder."
            ) from error

    def stamps(self) -> Iterator[str]:
        """Yield a line that changes when the archive does."""
        status = self.path.stat()
        yield f"{self.path.name}\t{status.st_size}\t{status.st_mtime_ns}"


def is_archive(path: Path) -> bool:
    """Whether the file is a .zip or a .tar, compressed or not."""
    try:
        return zipfile.is_zipfile(path) or tarfile.is_tarfile(path)
    except (OSError, EOFError, zlib.error, lzma.LZMAError):
        return False


def _zip_members(path: Path, max_bytes: int) -> Iterator[Found]:
    with zipfile.ZipFile(path) as archive:
        for member in sorted(archive.infolist(), key=lambda member: member.filename):
            if member.is_dir():
                continue
            name = member_name(member.filename)
            if reason := why_skipped(name):
                yield Found(name, reason=reason)
            elif member.file_size > max_bytes:
                yield too_large(name, max_bytes)
            else:
                try:
                    yield Found(name, archive.read(member))
                except DAMAGED as error:
                    yield Found(name, reason=f"cannot be read from the archive: {error}")


def _tar_members(path: Path, max_bytes: int) -> Iterator[Found]:
    # "r|*" goes through the file once, so that compressed ones of any size are no trouble.
    with tarfile.open(path, "r|*") as archive:
        for member in archive:
            if member.isdir():
                continue
            name = member_name(member.name)
            if reason := why_skipped(name):
                yield Found(name, reason=reason)
            elif not member.isreg():
                yield Found(name, reason="a link or no ordinary file")
            elif member.size > max_bytes:
                yield too_large(name, max_bytes)
            else:
                file = archive.extractfile(member)
                yield Found(name, file.read() if file else b"")
            archive.members = []  # type: ignore[attr-defined]  # it keeps all that it has seen
