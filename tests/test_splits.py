import hashlib
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archstyle.config.schema import Split
from archstyle.data.manifest import Row
from archstyle.data.previous import previous_splits
from archstyle.data.splits import assign_splits, name_group, recall
from archstyle.errors import ArchstyleError

SHARES = Split(validation=0.15, test=0.15)


def groups(count: int, style: str = "gothic", first: int = 0) -> dict[str, str]:
    return {
        hashlib.sha256(f"{style} {number}".encode()).hexdigest()[:16]: style
        for number in range(first, first + count)
    }


@pytest.mark.parametrize("style", ["gothic", "baroque"])
def test_shares_hold_in_every_style(style: str) -> None:
    counts = Counter(assign_splits(groups(4000) | groups(4000, "baroque"), SHARES).values())
    assert set(counts) == {"train", "validation", "test"}
    of_style = assign_splits(groups(4000, style), SHARES)
    for split, share in (("train", 0.7), ("validation", 0.15), ("test", 0.15)):
        assert abs(Counter(of_style.values())[split] / 4000 - share) < 0.02


@settings(max_examples=25, deadline=None)
@given(old=st.integers(60, 400), new=st.integers(1, 1000))
def test_adding_photographs_moves_none_of_the_old_ones(old: int, new: int) -> None:
    before = assign_splits(groups(old) | groups(old, "baroque"), SHARES)
    more = groups(old + new) | groups(old, "baroque") | groups(new, "neo")
    if new < 60:
        more = groups(old + new) | groups(old, "baroque")
    after = assign_splits(more, SHARES)
    assert {group: after[group] for group in before} == before


def test_larger_shares_take_from_training_alone() -> None:
    before = assign_splits(groups(500), SHARES)
    after = assign_splits(groups(500), Split(validation=0.25, test=0.15))
    moves = {(before[group], after[group]) for group in before if before[group] != after[group]}
    assert moves == {("train", "validation")}


@pytest.mark.parametrize("count", range(6, 30))
def test_a_small_style_has_some_in_every_split(count: int) -> None:
    for style in ("gothic", "baroque", "egyptian"):
        counts = Counter(assign_splits(groups(count, style), SHARES).values())
        assert counts["validation"] >= 1 and counts["test"] >= 1 and counts["train"] >= 4


def test_too_small_a_style_is_named_with_its_numbers() -> None:
    with pytest.raises(ArchstyleError, match=r"baroque has 5 photographs .* but 6 are needed"):
        assign_splits(groups(50) | groups(5, "baroque"), SHARES)
    with pytest.raises(ArchstyleError, match="has 1 photograph that"):
        assign_splits(groups(1), SHARES)


def test_an_earlier_split_goes_before_the_hash() -> None:
    styles = groups(100)
    forced = dict.fromkeys(list(styles)[:10], "test")
    after = assign_splits(styles, SHARES, forced)
    assert all(after[group] == "test" for group in forced)
    fresh = assign_splits(styles, SHARES)
    assert {group: after[group] for group in list(styles)[10:]} == {
        group: fresh[group] for group in list(styles)[10:]
    }


def test_every_photo_of_a_group_remembers_its_split() -> None:
    rows = [
        Row("a.jpg", "gothic", "aa", "", "g1", "test", "used", ""),
        Row("b.jpg", "gothic", "bb", "", "g1", "", "duplicate", "duplicate of a.jpg"),
        Row("c.jpg", "gothic", "cc", "", "g2", "train", "used", ""),
        Row("d.jpg", "gothic", "dd", "", "g3", "", "conflict", ""),
        Row("e.jpg", "gothic", "ee", "", "", "", "broken", ""),
    ]
    memory = previous_splits(rows)
    assert memory == {"aa": "test", "bb": "test", "cc": "train"}
    assert recall(["new", "bb"], memory) == "test"
    assert recall(["bb", "cc"], memory) == "train"  # once learned from, never measured on
    assert recall(["new"], memory) == ""


def test_a_groups_name_depends_on_its_photos_alone() -> None:
    assert name_group(["b" * 64, "a" * 64, "c" * 64]) == "a" * 16
