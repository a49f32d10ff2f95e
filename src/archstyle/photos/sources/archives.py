"""Photos in a .zip or .tar, which is read as it is: nothing is unpacked to disk."""

import lzma
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from archstyle.common.console import warn
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
UTF8, ENCRYPTED, DIRECTORY = 0x800, 0x1, 0x10  # flags of a zip's members
UNICODE_PATH = 0x7075  # an extra field that has the name in UTF-8
WINDOWS = (0, 10, 11)  # systems whose tools write `\` between folders
CODE_PAGES = ("cp850", "cp866", "cp1252")  # of Western and Russian Windows, in that order


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
        members = sorted(archive.infolist(), key=lambda member: member.filename)
        if any(member.volume for member in members):
            raise zipfile.BadZipFile("one of several parts: join them first")
        unknown = [raw for member in members if isinstance(raw := _raw(member), bytes)]
        encoding = guess_encoding(path.name, unknown)
        for member in members:
            raw = _raw(member)
            decoded = raw if isinstance(raw, str) else _decode(raw, encoding)
            folder = decoded.endswith(("/", "\\")) or member.external_attr & DIRECTORY
            if folder and not member.file_size:
                continue
            name = member_name(decoded, windows=member.create_system in WINDOWS)
            if reason := why_skipped(name) or _why_not_unpacked(member):
                yield Found(name, reason=reason)
            elif stat.S_ISLNK(member.external_attr >> 16):
                yield _no_file(path, name, link=True)
            elif member.file_size > max_bytes:
                yield too_large(name, max_bytes)
            else:
                try:
                    yield Found(name, archive.read(member))
                except DAMAGED as error:
                    yield Found(name, reason=f"cannot be read from the archive: {error}")


def _why_not_unpacked(member: zipfile.ZipInfo) -> str:
    if member.flag_bits & ENCRYPTED:
        return "encrypted: make the archive again without a password"
    try:
        zipfile._check_compression(member.compress_type)  # type: ignore[attr-defined]
    except (NotImplementedError, RuntimeError):
        method = zipfile.compressor_names.get(member.compress_type, str(member.compress_type))  # type: ignore[attr-defined]
        return f"compressed by {method}, which cannot be read: make the archive again with deflate"
    return ""


def _no_file(archive: Path, name: str, link: bool) -> Found:
    if link and "." not in name.rpartition("/")[2]:  # it may be a style's folder
        warn(f"{name} in {archive.name} is a link, which is not followed in an archive.")
    return Found(name, reason="a link or no ordinary file")


def _raw(member: zipfile.ZipInfo) -> str | bytes:
    """Return a member's name, or its bytes where nothing says in which encoding they are."""
    extra = member.extra
    while len(extra) > 4:
        kind, size = struct.unpack("<HH", extra[:4])
        if kind == UNICODE_PATH and size > 5:
            return extra[9 : 4 + size].decode()
        extra = extra[4 + size :]
    if member.flag_bits & UTF8 or member.filename.isascii():
        return member.filename
    return member.filename.encode("cp437")  # which zipfile takes it for


def guess_encoding(archive: str, names: Iterable[bytes]) -> str:
    """Return in which code page the names are that are not in UTF-8, and warn that it is a guess.

    UTF-8 without its flag, as the Finder of macOS writes it, is sure.
    """
    unsure = [name for name in names if not _is_utf8(name)]
    if not unsure:
        return "cp437"
    fitting = [page for page in CODE_PAGES if all(_reads(name, page) for name in unsure)]
    encoding = [*fitting, "cp437"][0]
    warn(
        f"The names in {archive} are in an unknown code page; they were read as {encoding}, as in "
        f"{printable(_decode(unsure[0], encoding))}. If that is wrong, make the archive again with "
        "names in UTF-8, or name the folder."
    )
    return encoding


def _is_utf8(name: bytes) -> bool:
    try:
        return bool(name.decode())
    except UnicodeDecodeError:
        return False


def _reads(name: bytes, encoding: str) -> bool:
    """Whether all that is not ASCII becomes letters."""
    text = name.decode(encoding, "replace")
    return all(letter.isalpha() for letter in text if not letter.isascii())


def _decode(name: bytes, encoding: str) -> str:
    return name.decode() if _is_utf8(name) else name.decode(encoding)


def _tar_members(path: Path, max_bytes: int) -> Iterator[Found]:
    # "r|*" goes through the file once, so that compressed ones of any size are no trouble.
    encoding = ""
    with tarfile.open(path, "r|*") as archive:
        for member in archive:
            if member.isdir():
                continue
            raw = member.name.encode("utf-8", "surrogateescape")
            encoding = encoding or ("" if _is_utf8(raw) else guess_encoding(path.name, [raw]))
            name = member_name(_decode(raw, encoding))
            if reason := why_skipped(name):
                yield Found(name, reason=reason)
            elif not member.isreg():
                yield _no_file(path, name, member.issym())
            elif member.size > max_bytes:
                yield too_large(name, max_bytes)
            else:
                file = archive.extractfile(member)
                yield Found(name, file.read() if file else b"")
            archive.members = []  # type: ignore[attr-defined]  # it keeps all that it has seen
