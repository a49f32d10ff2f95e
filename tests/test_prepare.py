import csv
import io
import json
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, astuple, replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from archstyle.config.schema import Duplicates, Split
from archstyle.data.corrections import COLUMNS, Correction, read_corrections
from archstyle.data.inspection import inspect_all
from archstyle.data.manifest import Row, read_manifest
from archstyle.data.preparation import make_manifest, summarize
from archstyle.data.previous import previous_splits
from archstyle.errors import ArchstyleError
from archstyle.photos.packing import pack
from archstyle.photos.sources.folders import FolderPhotos
from archstyle.photos.store import PhotoStore
from pipeline import fetch, prepare
from tests.photo_folders import SAME, fill, jpeg, photo

SHARES = Split(validation=0.2, test=0.2)
PROJECT = Path(__file__).parents[1]
Prepare = Callable[..., dict[str, Row]]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return fill(tmp_path / "photos", {"gothic": 20, "baroque": 20})


@pytest.fixture
def prepared(tmp_path: Path, photos: Path) -> Prepare:
    def run(
        corrections: list[Correction] | None = None,
        memory: dict[str, str] | None = None,
        duplicates: Duplicates = SAME,
        workers: int = 2,
    ) -> dict[str, Row]:
        raw = tmp_path / "raw"
        raw.mkdir(exist_ok=True)
        pack(FolderPhotos(photos), raw, None, 10_000_000)
        store = PhotoStore(raw)
        looked = inspect_all(store, 1_000_000, workers)
        rows = make_manifest(
            store.entries, looked, corrections or [], duplicates, SHARES, memory
        ).rows
        assert [row.file for row in rows] == sorted(entry.file for entry in store.entries)
        return {row.file: row for row in rows}

    return run


def load(path: Path) -> Image.Image:
    with Image.open(path) as image:
        return image.convert("RGB")


def test_every_file_gets_a_row_with_what_became_of_it(prepared: Prepare, photos: Path) -> None:
    gothic = photos / "gothic"
    original = load(gothic / "00000.jpg")
    (gothic / "copy.jpg").write_bytes((gothic / "00000.jpg").read_bytes())
    (gothic / "larger.jpg").write_bytes(jpeg(original.resize((192, 144))))
    (gothic / "mirrored.jpg").write_bytes(jpeg(ImageOps.mirror(original)))
    (photos / "baroque/same.jpg").write_bytes(jpeg(load(gothic / "00001.jpg"), 60))
    (gothic / "cut.jpg").write_bytes((gothic / "00002.jpg").read_bytes()[:900])
    (gothic / "text.jpg").write_text("no photo")
    (gothic / "empty.jpg").touch()
    (photos / "loose.jpg").write_bytes(b"x")
    rows = prepared()

    assert rows["gothic/larger.jpg"].status == "used"
    for name in ("00000", "copy", "mirrored"):
        row = rows[f"gothic/{name}.jpg"]
        assert (row.status, row.split) == ("duplicate", "")
        assert row.reason == "duplicate of gothic/larger.jpg"
        assert row.group == rows["gothic/larger.jpg"].group
    for name in ("gothic/00001.jpg", "baroque/same.jpg"):
        assert (rows[name].status, rows[name].split) == ("conflict", "")
        assert rows[name].reason == "one photograph lies under baroque and gothic"
    for name in ("cut", "text", "empty"):
        row = rows[f"gothic/{name}.jpg"]
        assert (row.status, row.split, row.phash, row.group) == ("broken", "", "", "")
        assert row.reason.endswith(".")
    assert (rows["loose.jpg"].status, rows["loose.jpg"].style) == ("dropped", "")
    assert rows["loose.jpg"].reason == "lies in no style's folder"
    assert Counter(row.status for row in rows.values())["used"] == 19 + 20


def test_no_photograph_is_in_two_splits(prepared: Prepare, photos: Path) -> None:
    for path in sorted(photos.rglob("*.jpg")):
        path.with_name(f"again-{path.name}").write_bytes(jpeg(load(path), 50))
    rows = prepared().values()
    assert len({row.group for row in rows}) == 40
    assert Counter(row.group for row in rows if row.split) == {row.group: 1 for row in rows}


def test_the_result_depends_neither_on_workers_nor_on_names_of_folders_above(
    prepared: Prepare, photos: Path
) -> None:
    one = prepared(workers=1)
    assert prepared(workers=4) == one
    (photos / "train").mkdir()
    (photos / "gothic").rename(photos / "train/gothic")
    moved = prepared()
    assert {row.sha256: (row.style, row.split) for row in moved.values()} == {
        row.sha256: (row.style, row.split) for row in one.values()
    }


def test_adding_photos_and_near_duplicates_moves_no_photograph(
    prepared: Prepare, photos: Path
) -> None:
    before = prepared()
    fill(photos, {"gothic": 30, "neo": 30}, first=100)
    for path in sorted((photos / "baroque").iterdir()):
        larger = load(path).resize((288, 216), Image.Resampling.BICUBIC)
        path.with_name(f"larger-{path.name}").write_bytes(jpeg(larger))
    after = prepared(memory=previous_splits(list(before.values())))
    splits = {row.group: row.split for row in after.values() if row.split}
    assert {splits[after[file].group] for file in before} == {"train", "validation", "test"}
    for file, row in before.items():
        assert splits[after[file].group] == row.split
    # Without the earlier manifest that still holds for everything that got no near duplicate.
    fresh = prepared()
    for file, row in before.items():
        if row.style == "gothic":
            assert fresh[file].split == row.split


def correction(row: Row, action: str, style: str = "", by: str = "sha256") -> Correction:
    keys = {"sha256": row.sha256, "phash": row.phash}
    keys |= {key: "" for key in keys if by not in (key, "both")}
    return Correction(**keys, action=action, style=style, reason="looked at it", file=row.file)


@pytest.mark.parametrize("by", ["sha256", "phash"])
def test_corrections_relabel_keep_and_drop(prepared: Prepare, by: str) -> None:
    before = prepared()
    first, second, third = (before[f"gothic/0000{n}.jpg"] for n in range(3))
    after = prepared(
        [
            correction(first, "relabel", "baroque", by),
            correction(second, "keep", "gothic", by),
            correction(third, "drop", by=by),
        ]
    )
    corrected = after[first.file]
    assert (corrected.status, corrected.style) == ("corrected", "baroque")
    assert corrected.reason == "relabelled from gothic: looked at it"
    assert corrected.split == first.split
    assert after[second.file] == second
    assert (after[third.file].status, after[third.file].split) == ("dropped", "")
    assert after[third.file].reason == "looked at it"


def test_a_photo_of_a_style_that_this_collection_does_not_have_is_dropped(
    prepared: Prepare,
) -> None:
    row = prepared()["gothic/00000.jpg"]
    decision = correction(row, "relabel", "romanesque")
    assert prepared([decision])[row.file].status == "dropped"
    assert "romanesque" not in {row.style for row in prepared([decision]).values()}


def test_corrections_still_match_a_photo_that_was_saved_again(
    prepared: Prepare, photos: Path
) -> None:
    row = prepared()["gothic/00000.jpg"]
    path = photos / row.file
    path.write_bytes(jpeg(ImageOps.mirror(load(path)).resize((150, 100)), 70))
    after = prepared([correction(row, "relabel", "baroque", "both")])
    assert after[row.file].sha256 != row.sha256
    assert (after[row.file].status, after[row.file].style) == ("corrected", "baroque")


def test_a_decision_settles_a_conflict(prepared: Prepare, photos: Path) -> None:
    shared = (photos / "gothic/00000.jpg").read_bytes()
    (photos / "baroque/also.jpg").write_bytes(shared)
    row = prepared()["gothic/00000.jpg"]
    assert row.status == "conflict"
    after = prepared([correction(row, "keep", "gothic")])
    statuses = {after[name].status for name in ("gothic/00000.jpg", "baroque/also.jpg")}
    assert "duplicate" in statuses and len(statuses) == 2
    assert after["baroque/also.jpg"].style == after["gothic/00000.jpg"].style == "gothic"


def test_contradicting_decisions_are_an_error(prepared: Prepare, photos: Path) -> None:
    (photos / "gothic/also.jpg").write_bytes(jpeg(load(photos / "gothic/00000.jpg"), 50))
    rows = prepared()
    decisions = [
        correction(rows["gothic/00000.jpg"], "keep", "gothic"),
        correction(rows["gothic/also.jpg"], "drop"),
    ]
    with pytest.raises(ArchstyleError, match="decides twice"):
        prepared(decisions)


def test_photos_that_cannot_be_split_are_refused(prepared: Prepare, photos: Path) -> None:
    for number in range(5, 20):
        (photos / f"baroque/{number:05d}.jpg").unlink()
    with pytest.raises(ArchstyleError, match="The style baroque has 5 photographs"):
        prepared()
    for path in (photos / "baroque").iterdir():
        path.write_bytes(b"no photo")
    with pytest.raises(ArchstyleError, match="one style only, gothic"):
        prepared()


@pytest.mark.parametrize(
    ("one", "other"),
    [("Gothic", "gothic"), ("art deco", "Art_Deco"), ("neo-gothic", "neogothic"), ("GRÜN", "grün")],
)
def test_styles_that_are_spelt_nearly_alike_are_named(
    prepared: Prepare, photos: Path, one: str, other: str
) -> None:
    fill(photos, {f"train/{one}": 10, f"val/{other}": 10})  # and the same photos under both
    shutil.copytree(photos / "train" / one, photos / "val" / other, dirs_exist_ok=True)
    with pytest.raises(ArchstyleError, match=f"{one} and {other} are|{other} and {one} are"):
        prepared()


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        (["file,action"], "first line"),
        ([",".join(COLUMNS), "a,b"], "Line 2 of .* has 2 values"),
        ([",".join(COLUMNS), f"{'a' * 64},,remove,,,"], "'remove'"),
        ([",".join(COLUMNS), f"{'a' * 64},,relabel,,,"], "name the right style"),
        ([",".join(COLUMNS), f"{'a' * 64},,drop,gothic,,"], "name the right style"),
        ([",".join(COLUMNS), ",,drop,,,"], "names no photo"),
        ([",".join(COLUMNS), "xyz,,drop,,,"], "no hash"),
    ],
)
def test_wrong_corrections_are_named(tmp_path: Path, lines: list[str], problem: str) -> None:
    path = tmp_path / "corrections.csv"
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(ArchstyleError, match=problem):
        read_corrections(path)


SAVED: list[tuple[str, str, str]] = [
    ("utf-8-sig", ",", "\r\n"),
    ("utf-8-sig", ";", "\r\n"),
    ("utf-16", "\t", "\r\n"),
    ("utf-16-be", "\t", "\n"),
    ("cp1252", ";", "\r\n"),
    ("utf-8", "\t", "\n"),
]


@pytest.mark.parametrize(("encoding", "delimiter", "end"), SAVED)
def test_corrections_are_read_as_any_spreadsheet_saves_them(
    tmp_path: Path, encoding: str, delimiter: str, end: str
) -> None:
    path = tmp_path / "corrections.csv"
    decision = Correction("a" * 64, "", "relabel", "Gründerzeit", "façade, not sure", "x/1.jpg")
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, lineterminator=end)
    values = zip([*COLUMNS, "seen by"], [*astuple(decision), "me"], strict=True)
    writer.writerows(zip(*reversed(list(values)), strict=True))  # in another order, with one more
    mark = "\ufeff" if encoding == "utf-16-be" else ""
    path.write_bytes((mark + text.getvalue() + end).encode(encoding))
    assert read_corrections(path) == [decision]


def test_two_decisions_about_one_photo_are_named_by_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "corrections.csv"
    one, other = "a" * 64, "b" * 64
    first = [f"{one},{one},keep,gothic,,", f"{other},{other},keep,gothic,,"]
    for second in (f"{one},,drop,,,", f",{one},drop,,,", f"{one},{'c' * 64},keep,gothic,,"):
        path.write_text("\n".join([",".join(COLUMNS), *first, second]) + "\n")
        with pytest.raises(ArchstyleError, match=r"^Line 2 of .* and line 4 of .* one photo: rem"):
            read_corrections(path)


def test_a_wider_distance_makes_no_decision_catch_another_photo(prepared: Prepare) -> None:
    row = prepared()["gothic/00000.jpg"]
    for bits, status in ((20, "dropped"), (40, "used")):
        phash = f"{int(row.phash, 16) ^ (1 << bits) - 1:064x}"
        decision = correction(replace(row, phash=phash), "drop", by="phash")
        after = prepared([decision], duplicates=Duplicates(60, 1, 1))
        assert after[row.file].status == status


def test_the_projects_own_corrections_can_be_read() -> None:
    read_corrections(PROJECT / "data/corrections.csv")


def test_the_stage_writes_manifest_and_summary(
    tmp_path: Path, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("conf", "params.yaml"):
        (tmp_path / name).symlink_to(PROJECT / name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    monkeypatch.setenv("ARCHSTYLE_PHOTOS", str(photos))
    with pytest.raises(ArchstyleError, match="dvc repro fetch"):
        prepare.main([])
    fetch.main([])
    prepare.main(["split.test=0.2"])
    rows = read_manifest(Path("data/prepared/manifest.csv"))
    summary = json.loads(Path("data/prepared/summary.json").read_text())
    shares = Split(validation=0.15, test=0.2)
    assert summary == summarize(rows, asdict(PhotoStore(Path("data/raw")).source), shares)
    assert summary["styles"] == ["baroque", "gothic"]
    assert sum(sum(counts.values()) for counts in summary["counts"].values()) == 40
    assert summary["source"]["location"] == "photos" and str(tmp_path) not in json.dumps(summary)

    before = Path("data/prepared/manifest.csv").read_bytes()
    prepare.main(["split.test=0.2"])
    assert Path("data/prepared/manifest.csv").read_bytes() == before
    listed = f"sha256,phash,building,file\n{rows[0].sha256},,Ulm,\n{rows[-1].sha256},,Ulm,\n"
    Path("data/buildings.csv").write_text(listed)
    prepare.main(["split.test=0.2"])
    joined = read_manifest(Path("data/prepared/manifest.csv"))
    assert [row.file for row in joined if row.building == "Ulm"] == [rows[0].file, rows[-1].file]
    assert joined[0].split == joined[-1].split
    before = Path("data/prepared/manifest.csv").read_bytes()
    for override, problem in (
        ("data.max_megapixels=400", "max_megapixels"),
        ("split.test=0", "split.test"),
    ):
        with pytest.raises(ArchstyleError, match=problem):
            prepare.main([override])
    assert Path("data/prepared/manifest.csv").read_bytes() == before


def test_unlike_formats_of_one_photograph_are_one(prepared: Prepare, photos: Path) -> None:
    image = photo(77, 200, 150)
    for kind in ("PNG", "WEBP", "TIFF", "BMP", "AVIF"):
        memory = io.BytesIO()
        image.save(memory, kind)
        (photos / f"gothic/same.{kind.lower()}").write_bytes(memory.getvalue())
    deep = Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257)
    deep.save(photos / "gothic/same-deep.png")
    rows = prepared()
    assert len({row.group for file, row in rows.items() if "/same" in file}) == 1
