"""Buildings of none of the styles: fetched, split as the others are, and kept apart from them."""

import json
from pathlib import Path

import pytest

from archstyle.common.console import warn
from archstyle.config import stage_config
from archstyle.data.manifest import SPLITS, others, read_manifest, read_others, used
from archstyle.data.previous import read_previous
from archstyle.data.splits import split_of
from archstyle.photos.sources.collection import with_labels
from archstyle.photos.store import OTHERS, PhotoStore
from archstyle.reports.page import where_from
from archstyle.tracking.facts import Facts
from pipeline import fetch, prepare
from tests.photo_folders import fill, jpeg
from tests.test_prepare import load

MANIFEST = Path("data/prepared/manifest.csv")


@pytest.fixture
def photos(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    photos = fill(tmp_path / "photos", {"gothic": 20, "baroque": 20})
    monkeypatch.setenv("ARCHSTYLE_PHOTOS", str(photos))
    return photos


def test_buildings_of_none_of_the_styles_are_split_and_change_nothing_else(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch.main(["data.others=[]"])
    prepare.main([])
    plain = read_manifest(MANIFEST)
    summary = json.loads(Path("data/prepared/summary.json").read_text())
    assert read_others(MANIFEST) == [] and "others" not in summary

    folder = fill(tmp_path / "strange", {"tudor": 12, "novelty": 8, "": 1, "Gothic": 1})
    original = load(photos / "gothic/00003.jpg")
    (folder / "tudor/own.jpg").write_bytes(jpeg(original, 60))
    (folder / "tudor/again.jpg").write_bytes(jpeg(load(folder / "novelty/00001.jpg"), 60))
    (folder / "tudor/text.jpg").write_text("no photo")
    monkeypatch.setenv("ARCHSTYLE_OTHERS", str(folder))
    fetch.main([])
    prepare.main([])
    assert read_manifest(MANIFEST) == plain
    rows = {row.file: row for row in read_others(MANIFEST)}
    store = PhotoStore(Path("data/raw") / OTHERS)
    assert sorted(rows) == [entry.file for entry in store.entries]
    kept = [row for split in SPLITS for row in others(rows.values(), split)]
    assert len(kept) == 21 and {row.status for row in kept} == {"other"}
    assert not any(used(rows.values(), split) for split in SPLITS)
    assert {row.style for row in kept} == {"tudor", "novelty", "strange"}
    for row in kept:
        assert store.read(row.file) and row.source == "strange"
    reasons = {
        "tudor/own.jpg": ("dropped", "shows a photograph that is among those of the styles"),
        "Gothic/00000.jpg": ("dropped", "shows the style gothic, which is one of those that are"),
        "tudor/text.jpg": ("broken", "no photo"),
    }
    for file, (status, reason) in reasons.items():
        row = rows[f"@others/{file}"]
        assert (row.status, row.split) == (status, "") and reason in row.reason
    twins = {rows[f"@others/{file}"].status for file in ("novelty/00001.jpg", "tudor/again.jpg")}
    assert twins == {"other", "duplicate"}
    told = json.loads(Path("data/prepared/summary.json").read_text())
    assert sum(sum(of.values()) for of in told["others"]["counts"].values()) == 21
    assert {key: told[key] for key in summary} == summary

    # Where they lie is remembered, for when they become a style of their own.
    shares = stage_config(prepare.SECTIONS, []).split
    memory = read_previous(next(Path(".archstyle/splits").iterdir()), Path("none"), shares)
    assert all(memory[row.sha256] == row.split == split_of(row.group, shares) for row in kept)


def test_a_decision_about_a_photo_holds_among_them_too(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = fill(tmp_path / "strange", {"tudor": 4})
    monkeypatch.setenv("ARCHSTYLE_OTHERS", str(folder))
    fetch.main([])
    prepare.main([])
    rows = read_others(MANIFEST)
    decisions = (("drop", "", "a drawing"), ("relabel", "gothic", "a church"), ("keep", "", ""))
    lines = ["sha256,phash,action,style,reason,file"]
    lines += [f"{row.sha256},,{','.join(d)},{row.file}" for row, d in zip(rows, decisions)]  # noqa: B905
    lines[3] = lines[3].replace(",keep,,", ",keep,tudor,sure")
    Path("data").mkdir(exist_ok=True)
    Path("data/corrections.csv").write_text("\n".join(lines) + "\n")
    prepare.main([])
    told = [(row.status, row.reason) for row in read_others(MANIFEST)]
    assert told[0] == ("dropped", "a drawing") and told[1][0] == "dropped"
    assert "shows the style gothic" in told[1][1] and [t[0] for t in told[2:]] == ["other"] * 2


def test_an_unset_variable_and_a_place_that_is_not_there_are_two_things(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch.main([])
    assert not (Path("data/raw") / OTHERS).exists()
    monkeypatch.setenv("ARCHSTYLE_OTHERS", str(tmp_path / "none"))
    with pytest.raises(Exception, match=r"ARCHSTYLE_OTHERS says .*none"):
        fetch.main([])


def test_without_a_network_the_run_goes_on_and_says_that_other_styles_are_not_learned(
    photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    warn.cache_clear()
    fetch.main([])
    (told,) = capsys.readouterr().err.splitlines()
    assert told.startswith("warning: 8 of 8 sources of other styles cannot be had (https://")
    assert "will be taken for these" in told and "set ARCHSTYLE_OTHERS" in told
    source = PhotoStore(Path("data/raw")).source
    assert not (Path("data/raw") / OTHERS).exists()
    assert source.missing == ["8 of 8 sources of other styles"]
    assert "without 8 of 8 sources of other styles" in where_from(vars(source))
    assert (
        "without 8 of 8 sources of other styles" in Facts("m", {}, vars(source), {}, "").data_name
    )
    with pytest.raises(SystemExit) as ended:
        fetch.main(["--changed"])
    assert ended.value.code == 3  # and asks again in vain
    fetch.main(["data.others=[]"])
    assert capsys.readouterr().err == "" and PhotoStore(Path("data/raw")).source.missing == []


def test_the_default_sample_is_of_all_other_styles_and_of_at_most_100_megabytes() -> None:
    data, world = (
        stage_config(fetch.SECTIONS, [f"use.data={name}"]).data for name in ("photos", "world")
    )
    own, every, sampled = {"baroque", "byzantine", "egyptian", "gothic"}, set(), set()
    for source in map(with_labels, [*world.sources[2:], *world.others[1:]]):
        every |= set(source.styles.values())
    pinned = {(s.location, s.commit, s.folder, s.labels) for s in (*world.sources, *world.others)}
    for source in map(with_labels, data.others[1:]):
        assert (source.location, source.commit, source.folder, source.labels) in pinned
        assert source.count == 40 and source.megabytes
        sampled |= set(source.styles.values())
    assert sampled == every - own and len(sampled) > 20
    assert sum(source.megabytes for source in data.others) <= 100
