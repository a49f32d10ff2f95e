"""The photographs that are audited, and what was decided about them already."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from archstyle.data.corrections import Correction, match
from archstyle.data.manifest import Row
from archstyle.photos.names import style_of


@dataclass(frozen=True)
class Photograph:
    """One photograph: the photo that stands for it, and its labels."""

    row: Row
    folders: tuple[str, ...]  # the styles that its photos lie under, sorted; one but for conflicts
    label: str  # the style after corrections; empty where it is dropped or in conflict
    decision: Correction | None

    @property
    def together(self) -> str:
        """What must not be spread over folds: the building where it is known."""
        return self.row.building or self.row.group

    @property
    def undecided(self) -> bool:
        """Whether it lies under two styles, and nobody said which is right."""
        return len(self.folders) > 1 and not self.label and self.decision is None

    @property
    def folder(self) -> str:
        """The style that its folder says, empty where there are several."""
        return self.folders[0] if len(self.folders) == 1 else ""


def photographs(rows: Sequence[Row], corrections: Sequence[Correction]) -> list[Photograph]:
    """Return the photographs of a manifest, sorted by file."""
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row.group:
            groups[row.group].append(row)
    decided = _decisions([row for row in rows if row.group], corrections)
    found = [_photograph(members, decided.get(group)) for group, members in groups.items()]
    return sorted(found, key=lambda photograph: photograph.row.file)


def _photograph(members: Sequence[Row], decision: Correction | None) -> Photograph:
    split = [row for row in members if row.split]
    shown = split[0] if split else min(members, key=lambda row: row.file)
    folders = tuple(sorted({style_of(row.file) or "" for row in members}))
    return Photograph(shown, folders, shown.style if split else "", decision)


def _decisions(rows: Sequence[Row], corrections: Sequence[Correction]) -> Mapping[str, Correction]:
    matched = match(corrections, [row.sha256 for row in rows], [row.phash for row in rows])
    return {rows[i].group: correction for i, correction in sorted(matched.items())}
