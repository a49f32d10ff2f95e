"""Photos in a .zip or .tar file, read straight from it: nothing is unpacked to disk."""

import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from archstyle.errors import ArchstyleError
from archstyle.photos.names import member_name, why_skipped
from archstyle.photos.sources.found import Found, too_large

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
