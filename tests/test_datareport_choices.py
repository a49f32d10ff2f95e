from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from archstyle.data.manifest import Pair, Row
from archstyle.data.splits import Leak
from archstyle.errors import ArchstyleError
from archstyle.reports.collection import Alike, held_out, look_at_pairs, reasons
from archstyle.reports.data_report import file_names
from archstyle.reports.highlights import MEMBERS, MOST, OF_ALL_STYLES, choose, find
from archstyle.reports.page import code, many
from tests.datareport_project import collection, row


def texts(rows: list[Row], leaks: list[Leak] | None = None) -> str:
    return "\n".join(f"{level}: {text}" for level, _, text in find(collection(rows), leaks or []))


def test_the_source_is_judged_by_what_its_training_folder_shows() -> None:
    rows = [
        row("Train/a/1", "g1", sha256="s1"),
        row("Train/a/2", "g2", sha256="s2"),
        row("val/a/1 again", "g1", sha256="s1"),
        row("val/a/2 smaller", "g2", sha256="s3"),
        row("val/a/3", "g3"),
        row("test/a/4", "g4"),
        replace(row("val/a/broken", status="broken"), group=""),
    ]
    judged = [tuple(folder.values()) for folder in held_out(rows)]
    assert judged == [("test", "Train", 1, 0, 0), ("val", "Train", 3, 2, 1)]
    assert held_out(rows[2:]) == [] == held_out([row("a/1")])


def test_reasons_leave_out_what_a_person_decided() -> None:
    unreadable = [
        replace(row(f"a/{n}", split="", status="broken", reason="empty"), group="")
        for n in range(9)
    ]
    [one] = reasons([*unreadable, row("a/x", split="", status="dropped", reason="a poster")])
    assert (one["status"], one["reason"], one["files"]) == ("broken", "empty", 9)
    assert len(one["examples"]) == 5


def test_pictures_are_few_and_the_same_whatever_the_order() -> None:
    rows = [row(f"style {n % 40}/{n}", sha256=f"{n * 7919 % 100_003:x}") for n in range(8000)]
    chosen = choose(collection(rows))
    assert len(chosen["styles"]) == 40
    assert {len(sample) for sample in chosen["styles"].values()} == {OF_ALL_STYLES // 40}
    assert choose(collection(rows[::-1]))["styles"] == chosen["styles"]
    assert len(choose(collection(rows[:1] * 99))["styles"]["style 0"]) == MOST


def test_a_group_shows_all_styles_and_then_what_differs_most() -> None:
    def hashed(bits: int) -> str:
        return f"{(1 << bits) - 1:064x}"

    members = [row("a/0", "g", phash=hashed(0))] + [
        row(f"a/{n}", "g", "", "duplicate", phash=hashed(n)) for n in range(1, 20)
    ]
    members += [row("b/1", "g", "", "duplicate", phash=hashed(1))]
    members += [row(f"a/same {n}", "g", "", "duplicate", sha256="sha-a/19") for n in range(9)]
    [group] = choose(collection(members))["copies"]
    assert (group.files, group.versions, group.styles) == (30, 21, ["a", "b"])
    assert [row.file for row in group.shown] == ["a/0", "b/1", "a/19", "a/18", "a/17", "a/16"]
    assert len(group.shown) == MEMBERS
    assert group.bits["a/18"] == 18


def test_pairs_beside_the_threshold_are_one_of_each_photograph(tmp_path: Path) -> None:
    rows = [row("a/1", "g"), row("a/2", "g"), row("a/3", "g"), row("b/4", "h"), row("b/5", "h")]
    pairs = [
        Pair("a/1", "a/2", 3, True),
        Pair("a/1", "a/3", 30, True),
        Pair("b/4", "b/5", 0, True),
        Pair("a/1", "b/4", 60, False),
        Pair("a/2", "b/4", 50, False),
        Pair("a/2", "a/3", 45, False),
    ]
    path = tmp_path / "pairs.csv"
    lines = [f"{p.file},{p.other},{p.bits},{int(p.same)}" for p in pairs]
    path.write_text("\n".join(["file,other,bits,same", *lines, ""]))
    found = look_at_pairs(path, rows)
    assert found.same == Counter({3: 1, 30: 1, 0: 1})
    assert found.apart == Counter({60: 1, 50: 1, 45: 1})
    assert found.farthest == [pairs[1]]
    assert found.nearest == [pairs[4]]
    path.write_text("file,other\n")
    with pytest.raises(ArchstyleError, match="dvc repro prepare"):
        look_at_pairs(path, rows)
    assert look_at_pairs(tmp_path / "none.csv", rows) == Alike()


def test_alarms_come_first_and_say_what_to_do() -> None:
    rows = [row("train/a/1", "g", sha256="s"), row("val/a/1", "g", "", "duplicate", sha256="s")]
    said = texts(rows, [Leak(rows[0], rows[1], "photograph")])
    assert said.startswith("alarm: 1 pair of photos of one photograph lie in two splits")
    assert "dvc repro --force prepare" in said.splitlines()[0]
    assert "alarm: 1 of the 1 photo in the source's “val” folder" in said
    assert "note: 1 file is another copy" in said


def test_uneven_and_scarce_styles_are_named() -> None:
    rows = [row(f"a/{n}") for n in range(40)] + [row(f"b/{n}") for n in range(10)]
    said = texts(rows)
    assert "a has 40 training photographs, b only 10." in said
    assert "Fewer than 30 test photographs of a, b" in said


def test_files_of_styles_can_be_told_apart_on_any_disk() -> None:
    names = file_names(["a/b", "A b", "a_b", "", "ü" * 99])
    assert len({name.casefold() for name in names}) == 5
    assert all(name and "/" not in name and len(name) < 70 for name in names)
    assert len(set(file_names(["a", "a_2", "ä"]))) == 3


def test_numbers_have_their_nouns_and_commands_their_type() -> None:
    assert many(1, "photo") == "1 photo" and many(1024, "photo") == "1,024 photos"
    assert code("run `a <b>`") == "run <code>a &lt;b&gt;</code>"
