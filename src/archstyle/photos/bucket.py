"""Photos in a bucket: s3://, gs:// or az://, by fsspec."""

import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from operator import itemgetter
from pathlib import Path
from typing import Any

from archstyle.common.files import whole_file
from archstyle.common.parallel import spread
from archstyle.errors import ArchstyleError
from archstyle.photos.names import Found, printable, why_skipped
from archstyle.photos.reader import PhotoError

# By scheme: what fsspec needs for it, and where the credentials are said.
SCHEMES = {
    "s3": ("s3fs", "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (or AWS_PROFILE)"),
    "gs": ("gcsfs", "GOOGLE_APPLICATION_CREDENTIALS"),
    "az": ("adlfs", "AZURE_STORAGE_CONNECTION_STRING"),
}
STREAMS = 16  # photos on their way at a time
TRIES, PAUSE = 4, 0.5  # of one photo, and the first pause between them in seconds
CACHE = Path(".archstyle/bucket")  # what came before, by path and etag


def is_bucket(place: str) -> bool:
    """Whether a place is an address of a bucket and no path."""
    return place.partition("://")[0] in SCHEMES and "://" in place


@dataclass
class BucketPhotos:
    """Every object below an address; one whose etag is known is not fetched again.

    The first look raises ArchstyleError where nothing is there or nobody may look.
    """

    address: str
    named_by: str  # the variable to look at
    cache: Path = CACHE
    kind: str = "bucket"
    location: str = ""
    _used: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.says = f"{self.named_by} says {self.address}"
        self.location = self.location or printable(self.address.rstrip("/"))

    def files(self, max_bytes: int) -> Iterator[Found]:
        """Yield every object with its bytes, or with the reason why it is not taken."""

        def fetch(item: tuple[str, dict[str, Any]]) -> Found:
            path, facts = item
            name = printable(path.removeprefix(self.root).lstrip("/"))
            reason = why_skipped(name)
            if not reason and facts["size"] > max_bytes:
                reason = f"larger than {max_bytes / 1e6:g} MB"
            data = None if reason else self._read(path, facts)
            return Found(name, data, reason, etag=_etag(facts))

        yield from spread(fetch, iter(self._objects.items()), STREAMS, 1)
        for old in self._kept.glob("[!.]*"):  # what another fetch writes begins with a dot
            if old.name not in self._used:
                old.unlink(missing_ok=True)

    def stamps(self) -> Iterator[str]:
        """Yield a line an object that changes when it does; nothing is fetched."""
        for path, facts in self._objects.items():
            yield f"{path}\t{facts['size']}\t{_etag(facts)}"

    def walk(self, folder: str = "") -> Iterator[tuple[str, int]]:
        """Yield path and bytes of each object, sorted, one folder after the other."""
        listed = self._asked("ls", folder, detail=True)
        folder = folder or self.root
        for facts in sorted(listed, key=itemgetter("name")):
            if facts["type"] != "directory" and not facts["name"].endswith("/"):
                yield facts["name"], facts["size"]
            elif facts["name"].rstrip("/") != folder:
                yield from self.walk(facts["name"].rstrip("/"))

    def read(self, path: str) -> bytes:
        """Return an object's bytes; raises PhotoError where it is there no longer."""
        return bytes(self._asked("cat_file", path))

    @property
    def _kept(self) -> Path:
        return self.cache / hashlib.sha256(self.address.encode()).hexdigest()[:16]

    @cached_property
    def root(self) -> str:
        """The address as the paths of objects begin."""
        return str(self._system._strip_protocol(self.address)).rstrip("/")

    @cached_property
    def _system(self) -> Any:
        scheme = self.address.partition("://")[0]
        library, _ = SCHEMES[scheme]
        try:
            import fsspec

            options: dict[str, Any] = {"use_listings_cache": False, "skip_instance_cache": True}
            if scheme != "s3":
                return fsspec.filesystem(scheme, **options)
            # TRIES are ours: with theirs, five in five, a dead server is half an hour.
            options["config_kwargs"] = {"retries": {"total_max_attempts": 1}}
            made = fsspec.filesystem(scheme, **options)
            made.retries = 1
            return made
        except ImportError:
            told = f"{self.says}, which needs {library}: `pip install {library}`"
            raise ArchstyleError(f"{told} (archstyle[team] has s3fs).") from None

    @cached_property
    def _objects(self) -> dict[str, dict[str, Any]]:
        """What lies below the address, by path, sorted; no markers of folders, which end in `/`."""
        listed: dict[str, Any] = self._asked("find", detail=True)
        found = {path: listed[path] for path in sorted(listed) if not path.endswith("/")}
        if not found or self.root in found:  # an object is no folder
            raise ArchstyleError(
                f"{self.says}, but no photos lie below it: name a bucket and the folder in it that "
                "has one folder of photos a style."
            )
        return found

    def _read(self, path: str, facts: dict[str, Any]) -> bytes:
        key = hashlib.sha256(f"{path}\0{_etag(facts)}".encode()).hexdigest()
        kept = self._kept / key
        self._used.add(key)
        if kept.is_file():
            return kept.read_bytes()
        data = self.read(path)
        with whole_file(kept) as partial:
            partial.write_bytes(data)
        return data

    def _asked(self, method: str, path: str = "", **options: Any) -> Any:
        """Ask up to TRIES times; raise in a sentence what does not go away by asking again."""
        for number in range(1, TRIES + 1):
            try:
                return getattr(self._system, method)(path or self.root, **options)
            except ArchstyleError:
                raise
            except FileNotFoundError as error:
                told = f"{self.says}, but there is no such bucket, or what was in it vanished"
                told += f" ({error}): correct it, then run this again."
                raise PhotoError("unreadable", told) from error
            except Exception as error:
                why, kind = str(error)[:200].rstrip("."), f"{type(error).__name__} {error}"
                if isinstance(error, PermissionError) or "credential" in kind.lower():
                    _, credentials = SCHEMES[self.address.partition("://")[0]]
                    told = f"{self.says}, which may not be read ({why}): see {credentials}."
                    raise ArchstyleError(told) from error
                if number == TRIES:
                    told = f"{self.address} does not answer ({why}): see {self.named_by}"
                    raise ArchstyleError(f"{told} and the network, then run this again.") from error
                time.sleep(PAUSE * 2 ** (number - 1))
        raise AssertionError("unreachable")


def _etag(facts: dict[str, Any]) -> str:
    """Return what tells one content of an object from the next."""
    known = (facts.get(key) for key in ("ETag", "etag", "md5Hash", "LastModified", "last_modified"))
    return str(next((value for value in known if value), facts["size"]))
