"""Which repository each photo comes from, as far as a `sources.csv` at the top of a source says.

It has the columns `file`, named from the source's top or, beginning with its name, in another
source of the collection, and `repository`.
"""

import unicodedata
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from archstyle.common.files import read_table
from archstyle.photos.names import LISTS_SOURCES
from archstyle.photos.store import OF_OTHERS, Packed, PhotoStore, read_packed, write_entries

MEANING = "`file,repository`: the photo's path and where it comes from"


def tell_repositories(directories: Iterable[Path]) -> None:
    """Name in each files.csv the repository in place of the source where a list tells it.

    Raises ArchstyleError where a list is malformed; what it says of other files is ignored.
    """
    stores = {directory: PhotoStore(directory) for directory in directories}
    told: dict[tuple[str, str], str] = {}
    beside: dict[tuple[str, str], str] = {}
    for store in stores.values():
        for entry in store.entries:
            if entry.reason == LISTS_SOURCES:
                own, data = _place(entry, store)[0], read_packed(store.archive, entry)
                lines = read_table(data, entry.file, ("file", "repository"), MEANING)
                for _, (file, name) in lines:
                    folder, _, path = file.partition("/")
                    if name:
                        told[own, file] = beside[folder, path] = name
    told = beside | told
    for directory, store in stores.items() if told else ():
        places = ((entry, told.get(_place(entry, store), "")) for entry in store.entries)
        write_entries(directory, (replace(of, source=name or of.source) for of, name in places))


def _place(entry: Packed, store: PhotoStore) -> tuple[str, str]:
    """Return the name of a file's source and its path there."""
    path = entry.file.removeprefix(OF_OTHERS)
    name, _, below = path.partition("/") if store.source.sources else (entry.source, "", path)
    return name, " ".join(unicodedata.normalize("NFC", below).split())  # as tables are read
