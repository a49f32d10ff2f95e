from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archstyle.data.manifest import Row, digest, read_manifest, used, write_manifest
from archstyle.errors import ArchstyleError

ROW = Row("gothic/1.jpg", "gothic", "a" * 64, "b" * 64, "a" * 16, "train", "used", "")
TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=20)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.builds(Row, *[TEXT] * 9), max_size=8))
def test_any_names_come_back_as_they_were(tmp_path: Path, rows: list[Row]) -> None:
    write_manifest(tmp_path / "manifest.csv", rows)
    assert read_manifest(tmp_path / "manifest.csv") == sorted(rows, key=lambda row: row.file)


def test_what_is_no_manifest_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "manifest.csv"
    with pytest.raises(ArchstyleError, match="dvc repro prepare"):
        read_manifest(path)
    for text in ("", "file,style\na,b\n", "file,style,sha256,phash,group,split,status,reason\na\n"):
        path.write_text(text)
        with pytest.raises(ArchstyleError, match="no manifest"):
            read_manifest(path)


@pytest.mark.parametrize("columns", [2, 3])
def test_a_manifest_without_sources_or_buildings_is_read(tmp_path: Path, columns: int) -> None:
    path = tmp_path / "manifest.csv"
    write_manifest(path, [ROW])
    lines = path.read_text().splitlines()
    path.write_text("".join(line.rsplit(",", columns)[0] + "\n" for line in lines))
    assert ("building" in path.read_text()) == (columns == 2)
    assert read_manifest(path) == [ROW] and ROW.folder == "gothic"


def test_used_takes_the_split_without_what_is_set_aside() -> None:
    corrected = replace(ROW, file="gothic/0.jpg", status="corrected")
    aside = [
        replace(ROW, file="gothic/2.jpg", status="duplicate", split=""),
        replace(ROW, file="gothic/3.jpg", split="test"),
        replace(ROW, file="gothic/4.jpg", status="conflict", split=""),
    ]
    assert used([ROW, *aside, corrected], "train") == [corrected, ROW]


def test_the_digest_follows_what_is_used() -> None:
    aside = replace(ROW, file="x.jpg", status="broken", split="", reason="no photo")
    assert digest([ROW]) == digest([aside, ROW])
    changed = [{"style": "baroque"}, {"split": "test"}, {"sha256": "c" * 64}, {"file": "y.jpg"}]
    assert len({digest([replace(ROW, **change)]) for change in [{}, *changed]}) == 5
