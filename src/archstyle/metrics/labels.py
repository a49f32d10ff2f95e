"""Which photographs are measured, and by which labels: their folders', and the corrected ones.

As labelled is what would be measured without data/corrections.csv: each photograph by the folder
that it lies in. As corrected, relabelled photographs have their new style and dropped ones are left
out. A photograph that lies under two styles has no label of a folder's; it is measured as corrected
only, and only where a decision resolved it.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from archstyle.config import Split
from archstyle.data.manifest import Row, used
from archstyle.data.splits import split_of
from archstyle.photos.names import style_of


@dataclass(frozen=True)
class Labels:
    """The photos to be measured, and their styles by file as labelled and as corrected."""

    rows: list[Row]  # sorted by file; a dropped one has the split that its group would have
    labelled: dict[str, str]
    corrected: dict[str, str]

    @property
    def changes(self) -> dict[str, int]:
        """How many photographs the corrections relabel, drop or let in."""
        both = self.labelled.keys() & self.corrected.keys()
        return {
            "relabelled": sum(self.labelled[file] != self.corrected[file] for file in both),
            "dropped": len(self.labelled.keys() - self.corrected.keys()),
            "let in": len(self.corrected.keys() - self.labelled.keys()),
        }

    @property
    def touched(self) -> int:
        """How many photographs the corrections have to do with."""
        return sum(self.changes.values())


def label_test_photos(rows: Sequence[Row], shares: Split, styles: Collection[str]) -> Labels:
    """Return the test photographs with both labels; `styles` are those that the model knows.

    A dropped photograph was never trained on, whatever its split would have been.
    """
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row.group:
            groups[row.group].append(row)
    labelled: dict[str, str] = {}
    measured = used(rows, "test")
    for row in measured:
        if label := _folder_label(groups[row.group]):
            labelled[row.file] = label
    corrected = {row.file: row.style for row in measured}
    buildings = {row.building: row.split for row in rows if row.building and row.split}
    for group, members in groups.items():
        label = _folder_label(members)
        dropped = all(row.status == "dropped" for row in members)
        # A folder that corrections emptied is no style that could be told.
        photo = min(members, key=lambda row: (row.sha256, row.file))
        split = buildings.get(photo.building) or split_of(group, shares)
        if dropped and label in styles and split == "test":
            measured.append(replace(photo, split="test"))
            labelled[photo.file] = label
    known = {file: style for file, style in labelled.items() if style in styles}
    measured.sort(key=lambda row: row.file)
    return Labels(measured, known or corrected, corrected)


def _folder_label(members: Sequence[Row]) -> str:
    """Return the style under which all photos of a photograph lie, if it is one."""
    styles = {style_of(row.file) or "" for row in members}
    return styles.pop() if len(styles) == 1 else ""
