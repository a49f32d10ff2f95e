"""What every kind of source yields, and what a file's path there says."""

import re
import sys
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Protocol
from urllib.parse import unquote

from archstyle.errors import ArchstyleError

# Folders that say how someone split the photos, not what the photos show.
SPLIT_FOLDERS = frozenset({"train", "training", "val", "valid", "validation", "test", "testing"})
TRAIN_ONLY = "train-only"  # in a path: to learn from, never to choose or measure on
LISTS_SOURCES = "lists the sources"  # the reason why sources.csv is no photo
JUNK = frozenset({"thumbs.db", "ehthumbs.db", "desktop.ini"})
# Wikimedia Commons puts a thumbnail's width before its name; no other name is sure to mean much:
# `12_gothic_church.jpg` may be any.
OF_COMMONS = re.compile(r"(?:^|[_-])\d{2,4}px-(.+)")
HASHED = re.compile(r"_[0-9a-f]{8}$")  # what makes names of several folders differ
# What follows a building's name where there are several photos of it.
VIEW = re.compile(
    "from|the|and|by|in|of|at|front|rear|back|side|view|facade|interior|exterior|detail|crop|"
    "cropped|north|south|east|west|ne|nw|se|sw|ii|iii|iv|img|dsc|tif|jan(uary)?|feb(ruary)?|"
    "mar(ch)?|apr(il)?|may|june?|july?|aug(ust)?|sept?(ember)?|oct(ober)?|nov(ember)?|dec(ember)?"
)
GENERIC = {"house", "houses", "home", "building", "church", "cathedral", "street", "old", "new"}


@dataclass(frozen=True)
class Found:
    """A file of a source: its path there and its bytes, or the reason why it is not taken."""

    name: str
    data: bytes | None = None
    reason: str = ""
    style: str | None = None  # None: what its folder says
    source: str = ""
    etag: str = ""  # of an object in a bucket


class Photos(Protocol):
    """A collection of photos that can be gone through, more than once, one file at a time.

    `kind` is folder, archive, git, facades or collection; `location` is for people: no absolute
    path.
    """

    @property
    def kind(self) -> str:
        """Return what it is."""

    @property
    def location(self) -> str:
        """Return where it is."""

    def files(self, max_bytes: int) -> Iterator[Found]:
        """Yield every file with its bytes, or with the reason why it is not taken."""

    def stamps(self) -> Iterator[str]:
        """Yield lines that change when the collection does, without reading the photos."""


def style_of(name: str) -> str | None:
    """The photo's parent folder is its style; None where it lies in no style's folder."""
    parent = PurePosixPath(name).parent.name
    if not parent or parent.casefold() in SPLIT_FOLDERS:
        return None
    # macOS writes accents as two characters; everyone else as one.
    return sys.intern(unicodedata.normalize("NFC", parent))


def building_of(name: str) -> str:
    """The building that a file named as on Wikimedia Commons shows; empty where the name is none.

    `12_800px-Villa_Bergeret_(2).jpg` and `800px-Villa_Bergeret_03.jpg` show `villa bergeret`: what
    tells photos of one series apart comes last, and is left out. Two words are a name.
    """
    found = OF_COMMONS.search(HASHED.sub("", PurePosixPath(name).stem))
    text = unicodedata.normalize("NFKD", unquote(found[1] if found else "")).casefold()
    text = "".join(c for c in text if not unicodedata.combining(c))
    words = re.findall(r"[^\W\d_]+|\d+", text)
    while words and (len(words[-1]) == 1 or words[-1].isdigit() or VIEW.fullmatch(words[-1])):
        words.pop()
    telling = {one for one in words if len(one) > 2 and one.isalpha() and not VIEW.fullmatch(one)}
    return " ".join(words) if len(telling) > 1 and telling - GENERIC else ""


def printable(name: str) -> str:
    """Turn a file name of any bytes into a line of text that can be written as UTF-8.

    Control characters are escaped as well: they would break tables and terminals.
    """
    text = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(repr(c)[1:-1] if unicodedata.category(c) == "Cc" else c for c in text)


def lists_buildings(name: str) -> bool:
    """Whether the file is no photo but says which photos show one building."""
    return PurePosixPath(name).name.casefold() == "buildings.csv"


def member_name(name: str, *, windows: bool = False) -> str:
    """Make the name of an archive's member a plain path: no root, no `..`, forward slashes."""
    if windows or "/" not in name:
        name = name.replace("\\", "/")
    parts = [part for part in name.split("/") if part not in ("", ".", "..")]
    if parts and len(parts[0]) == 2 and parts[0][1] == ":":  # C:
        parts = parts[1:]
    return printable("/".join(parts))


def why_skipped(name: str) -> str:
    """The reason not to take a file, as far as its path tells; empty if there is none."""
    parts = PurePosixPath(name).parts
    if any(part.startswith(".") or part == "__MACOSX" for part in parts):
        return "a hidden file"
    return "a file of the operating system" if parts and parts[-1].casefold() in JUNK else ""


def spelling(style: str) -> str:
    """Return what styles that are spelt nearly alike have in common."""
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", style)).casefold() or style


def check_spelling(styles: Iterable[str]) -> None:
    """Raise ArchstyleError where two styles are spelt nearly alike."""
    same: dict[str, str] = {}
    for style in sorted(styles):
        if (other := same.setdefault(spelling(style), style)) != style:
            raise ArchstyleError(
                f"The styles {other} and {style} are spelt nearly alike: give their folders (or "
                "what a map in conf/data/ or data/corrections.csv says) one name, or names that "
                "differ in letters."
            )
