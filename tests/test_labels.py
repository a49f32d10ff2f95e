from dataclasses import replace

from archstyle.config import Split
from archstyle.data.manifest import Row
from archstyle.data.splits import split_of
from archstyle.metrics.predictions import label_test_photos

SHARES = Split(0.15, 0.15)
STYLES = ("baroque", "gothic")
TEST, TRAIN = (
    [f"{n}" for n in range(200) if split_of(f"{n}", SHARES) == split] for split in ("test", "train")
)


def row(file: str, group: str, split: str = "test", status: str = "used", style: str = "") -> Row:
    return Row(file, style or file.split("/")[-2], f"sha-{file}", "", group, split, status, "")


def test_without_corrections_both_are_the_folders() -> None:
    rows = [
        row("train/gothic/1", TEST[0]),
        row("train/gothic/1 copy", TEST[0], "", "duplicate"),
        row("val/baroque/2", TEST[1]),
        row("gothic/3", TRAIN[0], "train"),
        row("gothic/4", "", "", "broken"),
    ]
    found = label_test_photos(rows, SHARES, STYLES)
    assert found.labelled == {"train/gothic/1": "gothic", "val/baroque/2": "baroque"}
    assert found.corrected == found.labelled
    assert found.touched == 0
    assert found.rows == [rows[0], rows[2]]


def test_relabelled_photos_have_both_styles() -> None:
    found = label_test_photos(
        [row("gothic/1", TEST[0], "test", "corrected", "baroque")], SHARES, STYLES
    )
    assert (found.labelled, found.corrected) == ({"gothic/1": "gothic"}, {"gothic/1": "baroque"})
    assert found.touched == 1


def test_a_dropped_photograph_is_measured_once_as_labelled_where_its_group_belongs() -> None:
    rows = [
        row("gothic/1", TEST[0], "", "dropped"),
        row("gothic/1 copy", TEST[0], "", "dropped"),
        row("gothic/2", TRAIN[0], "", "dropped"),
        row("gothic/too big", "", "", "dropped"),
        row("baroque/3", TEST[1]),
    ]
    found = label_test_photos(rows, SHARES, STYLES)
    assert found.labelled == {"gothic/1": "gothic", "baroque/3": "baroque"}
    assert found.corrected == {"baroque/3": "baroque"}
    assert found.changes == {"relabelled": 0, "dropped": 1, "let in": 0}
    assert found.touched == 1
    assert [photo.split for photo in found.rows] == ["test", "test"]


def test_a_dropped_photograph_goes_with_its_building() -> None:
    learned = replace(row("gothic/1", TRAIN[0], "train"), building="Köln")
    dropped = replace(row("gothic/2", TEST[0], "", "dropped"), building="Köln")
    other = row("baroque/3", TEST[1])
    assert label_test_photos([learned, dropped, other], SHARES, STYLES).rows == [other]


def test_a_conflict_is_measured_only_where_it_was_resolved_and_only_as_corrected() -> None:
    rows = [
        row("baroque/0", TEST[2]),
        row("gothic/1", TEST[0], "", "conflict"),
        row("baroque/1", TEST[0], "", "conflict"),
        row("gothic/2", TEST[1]),
        row("baroque/2", TEST[1], "", "duplicate", "gothic"),
        row("gothic/3", TEST[3], "", "dropped"),
        row("baroque/3", TEST[3], "", "dropped"),
    ]
    found = label_test_photos(rows, SHARES, STYLES)
    assert found.labelled == {"baroque/0": "baroque"}
    assert found.corrected == {"baroque/0": "baroque", "gothic/2": "gothic"}
    assert found.touched == 1


def test_a_folder_that_corrections_emptied_is_no_style() -> None:
    rows = [
        row("misc/1", TEST[0], "test", "corrected", "gothic"),
        row("misc/2", TEST[1], "", "dropped"),
        row("gothic/3", TEST[2]),
    ]
    found = label_test_photos(rows, SHARES, STYLES)
    assert found.labelled == {"gothic/3": "gothic"}
    assert [photo.file for photo in found.rows] == ["gothic/3", "misc/1"]
    only = label_test_photos([replace(rows[0])], SHARES, STYLES)
    assert only.labelled == only.corrected == {"misc/1": "gothic"}
