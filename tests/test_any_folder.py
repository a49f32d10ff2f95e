"""Whatever lies in a folder: every file is read rightly, or listed with its reason."""

import csv
import json
import os
import re
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from archstyle.bundle.card import labels
from archstyle.config.schema import Split
from archstyle.data.entries import Photo
from archstyle.data.inspection import inspect_all
from archstyle.data.manifest import SPLITS, Row, read_manifest, write_manifest
from archstyle.data.preparation import make_manifest
from archstyle.photos.names import printable
from archstyle.photos.packing import pack
from archstyle.photos.reader import Preprocessing, open_photo, read_photo
from archstyle.photos.sources.folders import FolderPhotos
from archstyle.photos.store import PhotoStore
from pipeline import augment, fetch, prepare
from tests.conftest import ROOT
from tests.odd_files import BAD, SOUND, Sound, bad, picture, saved, sound
from tests.photo_folders import SAME, fill, jpeg, photo

SHARES = Split(validation=0.2, test=0.2)
MOST_BYTES = 200_000
# Sound photos to split, so that the odd ones may be anything.
BASE = {
    f"{style}/base {number}.jpg": jpeg(photo(number + 50 * (style == "gothic")))
    for style in ("baroque", "gothic")
    for number in range(8)
}
# What is not even opened, and a part of the reason that has to be given.
NOT_TAKEN = {
    "link out": "leads out of the folder",
    "absolute link out": "leads out of the folder",
    "link to nothing": "cannot be read",
    "pipe": "no ordinary file",
    "too large": "larger than",
    "hidden": "hidden",
}
STEMS = st.one_of(
    st.sampled_from(
        [
            *("photo", "Photo", "PHOTO"),
            *(
                "caf\u00e9",
                "cafe\u0301",
                "\u5927\u8056\u5802",
                "\U0001f3db\ufe0f \U0001f1eb\U0001f1f7",
            ),
            *("a b  c", "[1] (2) {3}", "100% #1 & ?*|<>", 'it\'s "quoted", really', "a;b,c\td"),
            *("new\nline", "back\\slash", "~2", "-rf", "=1+1", "\u202eright to left", "x" * 200),
            os.fsdecode(b"\xff\xfe no text"),
        ]
    ),
    st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), max_size=20),
)
ENDINGS = st.sampled_from([".jpg", ".JPG", ".png", ".heic", ".txt", "", ".jpeg.exe", ".CSV"])
FOLDERS = st.sampled_from(
    ["", "train/", "Val/", "2024 \u00e9t\u00e9/", "e\u0301t\u00e9 [old]/\U0001f3f0/"]
)
FILES = st.lists(
    st.tuples(
        st.sampled_from([*SOUND, *BAD, *NOT_TAKEN]),
        FOLDERS,
        st.sampled_from(["gothic", "baroque"]),
        STEMS,
        ENDINGS,
    ),
    min_size=1,
    max_size=12,
)


def write_odd(path: Path, kind: str, outside: Path) -> bool:
    """Write one file, unless that cannot be or another has that name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        if os.path.lexists(path):
            return False
        if kind == "link out":
            path.symlink_to(os.path.relpath(outside, path.parent))
        elif kind == "absolute link out":
            path.symlink_to(outside)
        elif kind == "link to nothing":
            path.symlink_to("nothing at all.jpg")
        elif kind == "pipe":
            os.mkfifo(path)
        elif kind == "too large":
            path.write_bytes(bytes(MOST_BYTES + 1))
        else:
            path.write_bytes(bad(kind) if kind in BAD else sound(kind).data)
    except OSError:  # too long a name
        return False
    return True


def prepared(folder: Path) -> tuple[PhotoStore, dict[str, Row], dict[str, Photo]]:
    raw = folder / "raw"
    raw.mkdir()
    pack(FolderPhotos(folder / "photos"), raw, None, MOST_BYTES)
    store = PhotoStore(raw)
    looked = inspect_all(store, 1_000_000, workers=2)
    made = make_manifest(store.entries, looked, [], SAME, SHARES)
    rows = made.rows
    write_manifest(folder / "manifest.csv", rows)
    read = read_manifest(folder / "manifest.csv")
    assert read == rows
    assert max(Counter(row.file for row in rows).values()) == 1
    return store, {row.file: row for row in rows}, {photo.file: photo for photo in made.photos}


@settings(max_examples=40, deadline=None)
@given(FILES)
def test_any_folder(files: list[tuple[str, str, str, str, str]]) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        outside = folder / "outside.jpg"
        outside.write_bytes(sound("jpeg").data)
        kinds = dict.fromkeys(BASE, "base")
        for file, data in BASE.items():
            (folder / "photos" / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / "photos" / file).write_bytes(data)
        for kind, parent, style, stem, ending in files:
            name = ("." if kind == "hidden" else "") + stem + ending
            told = printable(f"{parent}{style}/{name}")
            if name in ("", ".", "..") or told in kinds:
                continue
            kind = "hidden" if name.startswith(".") else kind
            path = folder / "photos" / parent / style / name
            if write_odd(path, "jpeg" if kind == "hidden" else kind, outside):
                kinds[told] = kind
        store, rows, facts = prepared(folder)
        assert set(rows) == set(kinds)
        for file, kind in kinds.items():
            check_row(rows[file], kind)
            assert (file in facts) == bool(rows[file].phash) == (kind == "base" or kind in SOUND)
            if kind in SOUND:
                check_photo(store.read(file), sound(kind))
                assert facts[file].format == sound(kind).format
                assert facts[file].bytes == len(sound(kind).data)


def check_row(row: Row, kind: str) -> None:
    if kind == "base":
        assert row.status == "used" and row.split and not row.reason
    elif kind in SOUND:
        assert row.status in ("used", "duplicate", "conflict")
        assert bool(row.split) == (row.status == "used")
    else:
        assert re.search(BAD[kind][1] if kind in BAD else NOT_TAKEN[kind], row.reason), (kind, row)
        assert row.status == ("broken" if kind in BAD else "dropped")
        assert not row.split and not row.group


def check_photo(data: bytes, expected: Sound) -> None:
    whole = open_photo(data)
    assert whole.mode == "RGB" and whole.size == (96, 64)
    squashed = Image.fromarray(read_photo(data, Preprocessing(image_size=48)))
    for image in (whole, squashed):
        for number, colour in enumerate(expected.quadrants):
            left, top = (2 * (number % 2) + 1) / 4, (2 * (number // 2) + 1) / 4
            seen = np.asarray(image)[int(top * image.height), int(left * image.width)].tolist()
            assert np.abs(np.subtract(seen, colour)).max() <= 24, (
                expected.format,
                number,
                seen,
            )


@pytest.mark.parametrize("kind", SOUND)  # each for itself, so that none is left to chance
def test_every_kind_of_photo_is_read_upright_and_in_its_colours(kind: str) -> None:
    check_photo(sound(kind).data, sound(kind))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "transparent PNG"])
def test_thirty_megapixels(kind: str, tmp_path: Path) -> None:
    fill(tmp_path / "photos", {"gothic": 6, "baroque": 6})
    image = picture().resize((6_000, 5_000), Image.Resampling.NEAREST)
    if kind.startswith("transparent"):
        image.putalpha(255)
    (tmp_path / "photos/gothic/large").write_bytes(saved(image, kind.split()[-1]))
    raw = tmp_path / "raw"
    raw.mkdir()
    pack(FolderPhotos(tmp_path / "photos"), raw, None, 100_000_000)
    store = PhotoStore(raw)
    for most, reason in ((100_000_000, ""), (20_000_000, "30 million pixels; at most 20 million")):
        looked = {entry.file: seen for entry, seen in inspect_all(store, most)}
        seen = looked["gothic/large"]
        assert reason in seen.reason and bool(seen.reason) == bool(reason)
        assert seen.reason or (seen.width, seen.height) == (6_000, 5_000)


def test_a_new_style_is_a_new_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    styles = ["Beaux Arts (Paris)", "art-d\u00e9co", "gothic", "neo_gothic", "\U0001f3db"]
    folder = tmp_path / "photos"
    fill(folder / "train", dict.fromkeys(styles[:3], 9))
    fill(folder, dict.fromkeys(styles[3:], 9))
    # As macOS writes it.
    (folder / "train/art-d\u00e9co").rename(folder / "train/art-de\u0301co")
    for name in ("conf", "params.yaml"):
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    monkeypatch.setenv("ARCHSTYLE_PHOTOS", str(folder))
    fetch.main([])
    prepare.main([])
    augment.main(["model.image_size=32", "model.read_size=32", "augment.copies=1"])
    rows = read_manifest(Path("data/prepared/manifest.csv"))
    assert Counter(row.style for row in rows if row.split) == dict.fromkeys(styles, 9)
    index = json.loads(Path("data/augmented/index.json").read_text())
    assert index["styles"] == styles
    assert set(np.load("data/augmented/train_labels.npy")) == set(range(5))
    with Path("data/prepared/photos.csv").open(newline="") as file:
        assert next(csv.reader(file)) == ["file", "bytes", "width", "height", "format"]


def test_twenty_styles(tmp_path: Path) -> None:
    styles = {f"style {number}": 7 for number in range(20)}
    for number, style in enumerate(styles):
        fill(tmp_path / "photos", {style: 7}, first=100 * number)
    _, rows, _ = prepared(tmp_path)
    assert Counter(row.style for row in rows.values() if row.split) == styles
    for style in styles:
        assert {row.split for row in rows.values() if row.style == style} == set(SPLITS)


def test_a_style_keeps_its_folders_name() -> None:
    named = labels(("gothic", "Gothic", "neo_gothic", "art-d\u00e9co", "\U0001f3db", "9"))["en"]
    assert named["gothic"] == named["Gothic"] == "Gothic"
    assert named["neo_gothic"] == "Neo gothic"
    assert named["art-d\u00e9co"] == "Art d\u00e9co"
    assert named["\U0001f3db"] == "\U0001f3db" and named["9"] == "9"
