"""What every kind of source yields."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Found:
    """A file of a source: its path there and its bytes, or the reason why it is not taken."""

    name: str
    data: bytes | None = None
    reason: str = ""


class Photos(Protocol):
    """A collection of photos that can be gone through, more than once, one file at a time."""

    @property
    def kind(self) -> str:
        """One of folder, archive, git and facades."""

    @property
    def location(self) -> str:
        """Where the photos came from, for people; no absolute path."""

    def files(self, max_bytes: int) -> Iterator[Found]:
        """Yield every file with its bytes, or with the reason why it is not taken."""

    def stamps(self) -> Iterator[str]:
        """Yield lines that change when the collection does, without reading the photos."""


def too_large(name: str, max_bytes: int) -> Found:
    """List a file that is larger than data.max_megabytes."""
    return Found(name, reason=f"larger than {max_bytes / 1e6:g} MB")
