import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from archstyle.config.schema import Augment, Model, Split
from archstyle.data.arrays import read_arrays, write_arrays
from archstyle.data.crops import chance, relight, side_needed, variant
from archstyle.data.inspection import inspect_all
from archstyle.data.manifest import Row, digest, used
from archstyle.data.preparation import make_manifest
from archstyle.errors import ArchstyleError
from archstyle.photos.packing import pack
from archstyle.photos.reader import Preprocessing, open_photo, read_photo, to_array
from archstyle.photos.sources.folders import FolderPhotos
from archstyle.photos.store import PhotoStore
from tests.photo_folders import SAME, fill, photo

STILL = Augment(
    copies=2,
    rotation=0,
    zoom=[1.0, 1.0],
    shear=0,
    brightness=0,
    contrast=0,
    saturation=0,
    grey=0,
    blur=0,
    flip=0,
)
LIVELY = replace(
    STILL, rotation=10, zoom=[0.5, 1.0], shear=0.1, brightness=0.3, contrast=0.3, flip=0.5
)
SHA = "a" * 64


def difference(first: np.ndarray, second: np.ndarray) -> float:
    return float(np.abs(first.astype(float) - second.astype(float)).mean())


def test_without_ranges_a_variant_is_the_photo() -> None:
    image = photo(1, 300, 200)
    made = variant(image, 64, STILL, chance(1, SHA, 1))
    assert made.dtype == np.uint8 and made.shape == (64, 64, 3)
    np.testing.assert_array_equal(made, to_array(image, 64))


def test_a_flip_is_the_mirror_image() -> None:
    image = photo(1, 300, 200)
    made = variant(image, 64, replace(STILL, flip=1.0), chance(1, SHA, 1))
    np.testing.assert_array_equal(made, to_array(image, 64)[:, ::-1])


def test_variants_differ_by_copy_photo_and_seed_and_are_repeatable() -> None:
    image = photo(1, 300, 200)
    keys = [(1, SHA, 1), (1, SHA, 2), (1, "b" * 64, 1), (2, SHA, 1)]
    made = [variant(image, 64, LIVELY, chance(*key)) for key in keys]
    again = [variant(image, 64, LIVELY, chance(*key)) for key in keys]
    for one, other in zip(made, again, strict=True):
        np.testing.assert_array_equal(one, other)
    for n, one in enumerate(made):
        assert all(difference(one, other) > 2 for other in made[:n])


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("rotation", 8),
        ("zoom", [0.5, 0.7]),
        ("shear", 0.2),
        ("brightness", 0.3),
        ("contrast", 0.4),
        ("saturation", 0.8),
    ],
)
def test_every_range_changes_the_photo_both_ways(key: str, value: Any) -> None:
    image = photo(1, 300, 200)
    augment = replace(STILL, **{key: value})
    made = [variant(image, 64, augment, chance(1, SHA, copy)) for copy in range(12)]
    assert len({one.tobytes() for one in made}) > 8
    if key == "brightness":
        means = [one.mean() / to_array(image, 64).mean() for one in made]
        assert min(means) < 0.95 and max(means) > 1.05
        assert min(means) > 0.69 and max(means) < 1.31


def test_saturation_leaves_grey_alone_and_grey_takes_all_colour() -> None:
    image = Image.new("RGB", (64, 64), (200, 100, 50))
    spread = [
        int(np.ptp(variant(image, 32, replace(STILL, saturation=0.5), chance(1, SHA, copy))[0, 0]))
        for copy in range(20)
    ]
    assert min(spread) < 120 and max(spread) > 180
    colourless = replace(STILL, saturation=0.5, grey=1.0)
    made = variant(image, 32, colourless, chance(1, SHA, 1))
    assert np.ptp(made[0, 0]) == 0 and abs(int(made[0, 0, 0]) - 124) <= 1
    grey = Image.new("RGB", (64, 64), (90, 90, 90))
    made = variant(grey, 32, replace(STILL, saturation=0.9), chance(1, SHA, 2))
    assert (made == 90).all()


def test_a_blur_takes_detail_and_nothing_else() -> None:
    image = photo(1, 300, 200)
    sharp = to_array(image, 224).astype(float)
    steps = []
    for copy in range(12):
        made = variant(image, 224, replace(STILL, blur=1.0), chance(1, SHA, copy)).astype(float)
        assert abs(made.mean() - sharp.mean()) < 2
        steps.append(np.abs(np.diff(made, axis=1)).mean() / np.abs(np.diff(sharp, axis=1)).mean())
    assert min(steps) < 0.8 < 0.95 < max(steps) < 1.01


def test_a_shrunk_photo_has_the_detail_of_128_pixels_however_small_the_crop() -> None:
    fine = np.zeros((448, 448, 3), np.uint8)
    fine[:, ::2] = 255  # lines that 128 pixels a side cannot hold
    coarse = np.zeros((448, 448, 3), np.uint8)
    coarse[:, :224] = 255
    for zoom in (0.5, 1.0):
        augment = replace(STILL, zoom=[zoom, zoom], shrink=1.0)
        grey, kept = (
            variant(Image.fromarray(lines), 224, augment, chance(1, SHA, 1)).astype(float)
            for lines in (fine, coarse)
        )
        assert np.ptp(grey) < 60 and abs(grey.mean() - 127) < 3
        assert np.ptp(kept) > 200 or zoom < 1


def test_no_dark_corners_and_no_colours_from_nowhere() -> None:
    image = Image.new("RGB", (200, 100), (200, 150, 100))
    wild = replace(LIVELY, brightness=0, contrast=0, rotation=45, shear=0.5)
    for copy in range(40):
        made = variant(image, 32, wild, chance(3, SHA, copy))
        assert (made == (200, 150, 100)).all()


def test_crops_lie_anywhere_and_keep_their_detail() -> None:
    ramp = np.zeros((448, 448, 3), dtype=np.uint8)
    ramp[..., 0] = np.arange(448)[None] * 255 // 447
    ramp[..., 1] = np.arange(448)[:, None] * 255 // 447
    ramp[::2, :, 2] = 255
    augment = replace(STILL, zoom=[0.5, 0.5])
    made = [variant(Image.fromarray(ramp), 224, augment, chance(1, SHA, n)) for n in range(60)]
    left = np.array([one[100, 5, 0] for one in made], dtype=float)
    top = np.array([one[5, 100, 1] for one in made], dtype=float)
    assert left.min() < 25 and left.max() > 100 and top.min() < 25 and top.max() > 100
    assert abs(np.corrcoef(left, top)[0, 1]) < 0.5
    # Stripes of one pixel survive at half the side; squashed to 224 first, they would be grey.
    assert np.mean([one[..., 2].std() for one in made]) > 30
    assert side_needed(224, augment) == 448


def test_light_and_contrast() -> None:
    image = Image.fromarray(np.array([[[50] * 3, [150] * 3]], dtype=np.uint8))
    assert relight(image, 1.0, 1.0)[0, :, 0].tolist() == [50, 150]
    assert relight(image, 1.2, 1.0)[0, :, 0].tolist() == [60, 180]
    assert relight(image, 1.0, 0.5)[0, :, 0].tolist() == [75, 125]
    assert relight(image, 2.0, 2.0)[0, :, 0].tolist() == [0, 255]


@pytest.fixture
def prepared(tmp_path: Path) -> tuple[PhotoStore, list[Row]]:
    raw = tmp_path / "raw"
    raw.mkdir()
    pack(FolderPhotos(fill(tmp_path / "photos", {"gothic": 14, "baroque": 14})), raw, None, 10**7)
    store = PhotoStore(raw)
    shares = Split(validation=0.2, test=0.2)
    return store, make_manifest(store.entries, inspect_all(store, 10**6), [], SAME, shares).rows


def test_the_arrays_hold_originals_as_read_and_variants_of_training_photos_only(
    tmp_path: Path, prepared: tuple[PhotoStore, list[Row]]
) -> None:
    store, rows = prepared
    model = Model("any", 32, 40, 0.0)
    train, validation = used(rows, "train"), used(rows, "validation")
    written = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        write_arrays(tmp_path / name, store, rows, model, LIVELY, seed=7)
        written.append({path.name: path.read_bytes() for path in (tmp_path / name).iterdir()})
    assert written[0] == written[1]

    arrays = read_arrays(tmp_path / "one", tmp_path / "raw")
    images, validated = arrays.train_images, arrays.validation_images
    assert images.shape == (len(train), 32, 32, 3) and images.dtype == np.uint8
    assert validated.shape == (len(validation), 40, 40, 3)
    for array, photos, size in ((images, train, 32), (validated, validation, 40)):
        for image, row in zip(array, photos, strict=True):
            expected = read_photo(store.read(row.file), Preprocessing(size))
            np.testing.assert_array_equal(image, expected)
    for n, row in enumerate(train):
        one, other = arrays.draw(n, [1, 2])
        assert min(difference(one, images[n]), difference(other, images[n])) > 1
        np.testing.assert_array_equal(other, arrays.draw(n, [2])[0])
        image = open_photo(store.read(row.file), at_least=side_needed(32, LIVELY))
        expected = variant(image, 32, LIVELY, chance(7, row.sha256, 2))
        np.testing.assert_array_equal(other, expected)

    index = json.loads((tmp_path / "one/index.json").read_text())
    assert index == {
        "styles": ["baroque", "gothic"],
        "train_files": [row.file for row in train],
        "validation_files": [row.file for row in validation],
        "image_size": 32,
        "read_size": 40,
        "drawn": False,
        "digest": digest(rows),
        "source": store.source.digest,
        "augment": asdict(LIVELY),
        "seed": 7,
    }
    labels = np.load(tmp_path / "one/train_labels.npy")
    assert labels.dtype == np.int64
    assert [index["styles"][label] for label in labels] == [row.style for row in train]


def test_another_photo_in_the_collection_changes_no_variant(
    tmp_path: Path, prepared: tuple[PhotoStore, list[Row]]
) -> None:
    store, rows = prepared
    train = used(rows, "train")
    fewer = [row for row in rows if row.file != train[0].file]
    for name, chosen in (("all", rows), ("fewer", fewer)):
        (tmp_path / name).mkdir()
        write_arrays(tmp_path / name, store, chosen, Model("any", 24, 24, 0.0), LIVELY, seed=7)
    everything, some = (read_arrays(tmp_path / name, tmp_path / "raw") for name in ("all", "fewer"))
    np.testing.assert_array_equal(everything.train_images[1:], some.train_images)
    for n in range(len(train) - 1):
        np.testing.assert_array_equal(everything.draw(n + 1, [1, 2]), some.draw(n, [1, 2]))


def test_crops_that_were_written_are_those_that_would_be_drawn(
    tmp_path: Path, prepared: tuple[PhotoStore, list[Row]]
) -> None:
    store, rows = prepared
    drawn, kept = tmp_path / "drawn", tmp_path / "kept"
    for folder in (drawn, kept):
        folder.mkdir()
        model = Model("any", 24, 24, 0.0)
        write_arrays(folder, store, rows, model, LIVELY, seed=7, crops=folder == kept)
    one, other = (read_arrays(folder, tmp_path / "raw") for folder in (drawn, kept))
    for n in range(len(one.train_labels)):
        np.testing.assert_array_equal(one.draw(n, [2, 1]), other.draw(n, [2, 1]))


def test_a_training_photo_takes_less_than_a_megabyte_however_many_crops_are_drawn(
    tmp_path: Path, prepared: tuple[PhotoStore, list[Row]]
) -> None:
    store, rows = prepared
    sizes = []
    for copies in (2, 50):
        folder = tmp_path / str(copies)
        folder.mkdir()
        augment = replace(LIVELY, copies=copies)
        write_arrays(folder, store, rows, Model("any", 224, 32, 0.0), augment, seed=7)
        sizes.append(sum(file.stat().st_size for file in folder.iterdir()))
    assert abs(sizes[1] - sizes[0]) < 10
    assert sizes[1] / len(used(rows, "train")) < 200_000


def test_arrays_of_other_photos_are_refused(
    tmp_path: Path, prepared: tuple[PhotoStore, list[Row]]
) -> None:
    store, rows = prepared
    (tmp_path / "arrays").mkdir()
    write_arrays(tmp_path / "arrays", store, rows, Model("any", 24, 24, 0.0), LIVELY, seed=7)
    source = tmp_path / "raw/source.json"
    source.write_text(json.dumps(json.loads(source.read_text()) | {"digest": "another"}))
    with pytest.raises(ArchstyleError, match=r"not those of .*raw\): run `dvc repro augment`"):
        read_arrays(tmp_path / "arrays", tmp_path / "raw")


def test_no_copies_leave_the_originals(
    tmp_path: Path, prepared: tuple[PhotoStore, list[Row]]
) -> None:
    store, rows = prepared
    augment = replace(STILL, copies=0)
    (tmp_path / "arrays").mkdir()
    model = Model("any", 24, 24, 0.0)
    train, _ = write_arrays(tmp_path / "arrays", store, rows, model, augment, seed=7, crops=True)
    arrays = read_arrays(tmp_path / "arrays", tmp_path / "raw")
    assert (len(arrays.train_images), arrays.copies) == (train, 0)
