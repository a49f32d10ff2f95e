"""All that `data` lists: the photos, those of no such building, and those of other styles."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from archstyle.common.console import warn
from archstyle.config.schema import Data
from archstyle.photos.sources import UNREACHED, NoPhotosError, announce_drawn, choose, find_problems
from archstyle.photos.sources.collection import Collection
from archstyle.photos.sources.git import RepositoryPhotos, UnavailableError
from archstyle.photos.store import OF_OTHERS, OTHERS, OUTSIDE


@dataclass
class Gathered:
    """What can be had; the stamp changes with names, sizes, times and what is taken."""

    photos: Collection
    more: dict[str, Collection]  # by folder of data/raw
    stamp: str
    lost: dict[str, Sequence[str]]  # why the rest cannot be had, by folder; "" of the photos

    def complete(self) -> None:
        """Download what shows other styles, and say on stderr what cannot be had.

        Nothing stops for that; the photos' `missing` says afterwards how many are not there.
        """
        lost = [reason for reason in self.lost[OTHERS] if UNREACHED in reason]
        others = self.more.pop(OTHERS, None) or Collection([])
        every = len(lost) + len(others.parts)
        for part in others.parts:
            if isinstance(part.photos, RepositoryPhotos):
                try:
                    part.photos.download()
                except UnavailableError as error:
                    lost.append(str(error))
                    others.parts = [one for one in others.parts if one is not part]
                    others.missing.append(part.photos.source.location)
        if others.parts:
            self.more[OTHERS] = others
        if self.photos.kind == "facades":
            announce_drawn(self.lost[""])
            return
        for reason in [*self.lost[""], *self.lost[OUTSIDE]]:
            if UNREACHED in reason:
                warn(f"{reason}. What follows is without its photos.")
        if lost:
            self.photos.missing.append(f"{len(lost)} of {every} sources of other styles")
            warn(
                f"{self.photos.missing[-1]} cannot be had ({lost[0].rstrip('.')}): buildings of "
                "other styles will be taken for these more often. Run this again with a network, "
                "or set ARCHSTYLE_OTHERS to folders of such photos."
            )


def gather(data: Data, scratch: Path, *, ask: bool = True) -> Gathered:
    """Return what can be had now, or, where nobody is to be asked, what could be at best.

    Repositories will be downloaded to `scratch`.
    """
    lists = {"": data.sources, OUTSIDE: data.outside, OTHERS: data.others}
    found: dict[str, Collection] = {}
    lost: dict[str, Sequence[str]] = {}
    seconds = data.timeout_seconds
    problems = find_problems(lists.values(), seconds) if ask else {}
    digest = hashlib.sha256(f"{data.limit}\t{data.max_megabytes}\n".encode())
    for name, sources in lists.items():
        at, prefix = scratch / (name or "photos"), OF_OTHERS if name == OTHERS else ""
        try:
            found[name], lost[name] = choose(sources, seconds, at, prefix=prefix, problems=problems)
        except NoPhotosError as error:
            if not name:
                raise
            lost[name] = error.passed
            continue
        for line in (name, found[name].kind, *found[name].stamps()):
            digest.update(line.encode() + b"\n")
    return Gathered(found.pop(""), found, digest.hexdigest(), lost)
