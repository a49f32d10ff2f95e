"""Photos in a .zip or .tar, which is read as it is: nothing is unpacked to disk."""

import stat
import struct
import tarfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from archstyle.common.console import warn
from archstyle.errors import ArchstyleError
from archstyle.photos.names import Found, member_name, printable, why_skipped

UTF8, ENCRYPTED, DIRECTORY = 0x800, 0x1, 0x10  # flags of a zip's members
UNICODE_PATH = 0x7075  # an extra field that has the name in UTF-8
WINDOWS = (0, 10, 11)  # systems whose tools write `\` between folders
CODE_PAGES = ("cp850", "cp866", "cp1252")  # of Western and Russian Windows, in that order
LINK = "a link or no ordinary file"
# A file of an archive: name, why it cannot be taken, bytes, how to read it.
Member = tuple[str, str, int, Callable[[], bytes]]


@dataclass
class ArchivePhotos:
    """Every member of an archive."""

    path: Path
    kind: str = "archive"
    location: str = ""

    def files(self, max_bytes: int) -> Iterator[Found]:
        """Yield every member with its bytes, or with the reason why it is not taken.

        Raises ArchstyleError when the archive itself is damaged.
        """
        is_zip = zipfile.is_zipfile(self.path)
        members = _zip_members(self.path) if is_zip else _tar_members(self.path)
        try:
            for name, reason, size, read in members:
                if skipped := why_skipped(name) or reason:
                    if skipped == LINK and "." not in name.rpartition("/")[2]:  # a style's folder?
                        place = self.path.name
                        warn(f"{name} in {place} is a link, which is not followed in an archive.")
                    yield Found(name, reason=skipped)
                elif size > max_bytes:
                    yield Found(name, reason=f"larger than {max_bytes / 1e6:g} MB")
                else:
                    try:
                        yield Found(name, read())
                    except Exception as error:  # whatever hostile bytes make the library raise
                        if not is_zip:  # what follows in a tar cannot be found
                            raise
                        yield Found(name, reason=f"cannot be read from the archive: {error}")
        except Exception as error:
            raise ArchstyleError(
                f"{self.path} is damaged ({error}): make it again, or name a folder."
            ) from error

    def stamps(self) -> Iterator[str]:
        """Yield a line that changes when the archive does."""
        status = self.path.stat()
        yield f"{self.path.name}\t{status.st_size}\t{status.st_mtime_ns}"


def is_archive(path: Path) -> bool:
    """Whether the file is a .zip or a .tar, compressed or not."""
    with suppress(Exception):
        return zipfile.is_zipfile(path) or tarfile.is_tarfile(path)
    return False


def _zip_members(path: Path) -> Iterator[Member]:
    with zipfile.ZipFile(path) as archive:
        members = sorted(archive.infolist(), key=lambda member: member.filename)
        if any(member.volume for member in members):
            raise zipfile.BadZipFile("one of several parts: join them first")
        names = [_name(member) for member in members]
        encoding = _encoding(path.name, names)
        for member, raw in zip(members, names, strict=True):
            name = _decode(raw, encoding)
            folder = name.endswith(("/", "\\")) or member.external_attr & DIRECTORY
            if not folder or member.file_size:
                name = member_name(name, windows=member.create_system in WINDOWS)
                read = partial(archive.read, member)
                yield name, _why_not_unpacked(member), member.file_size, read


def _why_not_unpacked(member: zipfile.ZipInfo) -> str:
    if member.flag_bits & ENCRYPTED:
        return "encrypted: make the archive again without a password"
    try:
        zipfile._check_compression(member.compress_type)  # type: ignore[attr-defined]
    except (NotImplementedError, RuntimeError):
        method = zipfile.compressor_names.get(member.compress_type, str(member.compress_type))  # type: ignore[attr-defined]
        return f"compressed by {method}, which cannot be read: make the archive again with deflate"
    return LINK if stat.S_ISLNK(member.external_attr >> 16) else ""


def _name(member: zipfile.ZipInfo) -> bytes:
    """Return the bytes of a member's name, which are in UTF-8 where the zip says so."""
    extra = member.extra
    while len(extra) > 4:
        kind, size = struct.unpack("<HH", extra[:4])
        if kind == UNICODE_PATH and size > 5:
            return extra[9 : 4 + size]
        extra = extra[4 + size :]
    # zipfile takes names for cp437 where their flag is not set.
    return member.filename.encode("utf-8" if member.flag_bits & UTF8 else "cp437")


def _encoding(archive: str, names: Iterable[bytes]) -> str:
    """Return in which code page the names are that are not in UTF-8, and warn that it is a guess.

    UTF-8 without its flag, as the Finder of macOS writes it, is sure.
    """
    unsure = [name for name in names if not _is_utf8(name)]
    if not unsure:
        return ""
    letters = {page: b"".join(unsure).decode(page, "replace") for page in CODE_PAGES}
    fit = (page for page, text in letters.items() if all(c.isalpha() or c.isascii() for c in text))
    encoding = next(fit, "cp437")
    warn(
        f"The names in {archive} are in an unknown code page; they were read as {encoding}, as in "
        f"{printable(_decode(unsure[0], encoding))}. If that is wrong, make the archive again with "
        "names in UTF-8, or name the folder."
    )
    return encoding


def _is_utf8(name: bytes) -> bool:
    return name.decode(errors="ignore").encode() == name


def _decode(name: bytes, encoding: str) -> str:
    return name.decode("utf-8" if _is_utf8(name) else encoding, "replace")


def _tar_members(path: Path) -> Iterator[Member]:
    # "r|*" goes through the file once, so that compressed ones of any size are no trouble.
    encoding = ""
    with tarfile.open(path, "r|*") as archive:
        for member in archive:
            if not member.isdir():
                raw = member.name.encode("utf-8", "surrogateescape")
                encoding = encoding or _encoding(path.name, [raw])
                reason = LINK if member.issym() else "" if member.isreg() else "no ordinary file"
                file = archive.extractfile(member) if member.isreg() else None
                read = file.read if file else bytes
                yield member_name(_decode(raw, encoding)), reason, member.size, read
            archive.members = []  # type: ignore[attr-defined]  # it keeps all that it has seen
