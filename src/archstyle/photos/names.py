"""What a photo's path inside its source says."""

import sys
import unicodedata
from pathlib import PurePosixPath

# Folders that say how someone split the photos, not what the photos show.
SPLIT_FOLDERS = frozenset({"train", "training", "val", "valid", "validation", "test", "testing"})
# The user's own list of which photos show one building: see buildings.py.
BUILDINGS = "buildings.csv"
JUNK = frozenset({"thumbs.db", "ehthumbs.db", "desktop.ini"})


def style_of(name: str) -> str | None:
    """The photo's parent folder is its style; None where it lies in no style's folder."""
    parent = PurePosixPath(name).parent.name
    if not parent or parent.casefold() in SPLIT_FOLDERS:
        return None
    # macOS writes accents as two characters; everyone else as one.
    return sys.intern(unicodedata.normalize("NFC", parent))


def printable(name: str) -> str:
    """Turn a file name of any bytes into a line of text that can be written as UTF-8.

    Control characters are escaped as well: they would break tables and terminals.
    """
    text = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(
        repr(letter)[1:-1] if unicodedata.category(letter) == "Cc" else letter for letter in text
    )


def lists_buildings(name: str) -> bool:
    """Whether the file is no photo but says which photos show one building."""
    return PurePosixPath(name).name.casefold() == BUILDINGS


def member_name(name: str) -> str:
    """Make the name of an archive's member a plain path: no root, no `..`, forward slashes."""
    if "/" not in name:
        name = name.replace("\\", "/")
    parts = [part for part in name.split("/") if part not in ("", ".", "..")]
    return printable("/".join(parts))


def why_skipped(name: str) -> str:
    """The reason not to take a file, as far as its path tells; empty if there is none."""
    parts = PurePosixPath(name).parts
    if any(part.startswith(".") or part == "__MACOSX" for part in parts):
        return "a hidden file"
    if parts and parts[-1].casefold() in JUNK:
        return "a file of the operating system"
    return ""
