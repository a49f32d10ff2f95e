import io
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageOps

from archstyle.config.schema import Duplicates, Source, Split
from archstyle.data.duplicates import groups, outlines
from archstyle.data.duplicates.alignment import agreement
from archstyle.data.duplicates.groups import close_pairs, find_duplicates, join
from archstyle.data.duplicates.hash import (
    GREY_SIDE,
    fingerprint,
    mirrored,
    to_bytes,
)
from archstyle.data.inspection import inspect, inspect_all
from archstyle.data.preparation import make_manifest
from archstyle.photos.packing import pack
from archstyle.photos.reader import open_photo
from archstyle.photos.sources import choose
from archstyle.photos.store import PhotoStore
from benchmarks.changes import CHANGES, middle_square, two_of_them
from tests.photo_folders import SAME, jpeg, photo


def perceptual_hash(image: Image.Image) -> bytes:
    return fingerprint(image)[0]


def thumbnail(image: Image.Image) -> NDArray[np.uint8]:
    """The whole photo's, then its middle square's."""
    return np.frombuffer(fingerprint(image)[1], np.uint8).reshape(2, GREY_SIDE, GREY_SIDE)


def bits(first: bytes, second: bytes) -> int:
    return int.from_bytes(first, "big") ^ int.from_bytes(second, "big")


def distance(first: Image.Image, second: Image.Image) -> int:
    return bits(perceptual_hash(first), perceptual_hash(second)).bit_count()


def resaved(image: Image.Image, quality: int) -> Image.Image:
    return Image.open(io.BytesIO(jpeg(image, quality)))


@pytest.mark.parametrize("number", range(5))
def test_one_photograph_keeps_its_hash_and_others_differ(number: int) -> None:
    image = photo(number, 448, 300)
    changed = [
        resaved(image, 40),
        image.resize((160, 107), Image.Resampling.LANCZOS),
        image.resize((300, 300)),
        ImageEnhance.Brightness(image).enhance(0.7),
        ImageEnhance.Contrast(image).enhance(0.8),
        image.convert("L").convert("RGB"),
    ]
    assert max(distance(image, other) for other in changed) <= SAME.distance
    assert min(distance(image, photo(100 + other)) for other in range(50)) > 2 * SAME.distance


def test_the_mirror_images_hash_follows_from_the_hash() -> None:
    for number in range(10):
        image = photo(number, 448, 300)
        expected = np.frombuffer(perceptual_hash(ImageOps.mirror(image)), dtype=np.uint8)
        derived = mirrored(to_bytes([perceptual_hash(image).hex()]))[0]
        assert np.bitwise_count(derived ^ expected).sum() <= 4


def test_hashes_are_the_same_for_bytes_of_any_size() -> None:
    image = photo(3, 1600, 1200)
    seen = inspect(jpeg(image), 100_000_000)
    assert (seen.width, seen.height, seen.format, seen.reason) == (1600, 1200, "JPEG", "")
    phash, grey = fingerprint(open_photo(jpeg(image)))
    assert bits(seen.phash, phash).bit_count() <= 8
    greys = [np.frombuffer(pixels, np.uint8).astype(int) for pixels in (seen.grey, grey)]
    assert len(greys[0]) == 2 * GREY_SIDE**2 and np.abs(greys[0] - greys[1]).max() <= 4


def test_what_is_no_photo_gets_a_reason_and_no_hash() -> None:
    seen = inspect(b"text", 100)
    assert seen.phash == seen.grey == b"" and seen.reason.endswith(".")


def pairs_of(hashes: NDArray[np.uint8], most: int) -> set[tuple[int, int, int]]:
    found = np.concatenate(list(close_pairs(hashes, most)))
    return {(int(i), int(j), int(bits)) for i, j, bits in found}


@pytest.mark.parametrize("many", [0, 10**6])
@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 60))
def test_every_pair_within_the_distance_is_found_and_no_other(
    many: int, seed: int, most: int
) -> None:
    random = np.random.default_rng(seed)
    hashes = random.integers(0, 256, (40, 32), dtype=np.uint8)
    for member in range(20, 40):  # near copies and mirror images of the first twenty
        flipped = np.zeros(256, dtype=bool)
        flipped[random.choice(256, random.integers(0, 70), replace=False)] = True
        hashes[member] = hashes[member - 20] ^ np.packbits(flipped)
        if member % 2:
            hashes[member] = mirrored(hashes[member])
    straight = np.bitwise_count(hashes[:, None] ^ hashes[None]).sum(axis=2, dtype=int)
    reflected = np.bitwise_count(hashes[:, None] ^ mirrored(hashes)[None]).sum(axis=2, dtype=int)
    expected = {
        (i, j, int(table[i, j]))
        for table in (straight, reflected)
        for i, j in combinations(range(40), 2)
        if table[i, j] <= most
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(groups, "MANY", many)
        assert pairs_of(hashes, most) == expected


def test_no_pairs_among_one() -> None:
    assert not pairs_of(np.zeros((1, 32), dtype=np.uint8), 10)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 19), st.integers(0, 19)), max_size=30))
def test_groups_join_what_is_linked_through_others(links: list[tuple[int, int]]) -> None:
    roots = np.arange(20)
    reachable = np.eye(20, dtype=bool)
    for a, b in links:
        roots = join(roots, np.array([[a, b, 0]]))
        reachable[a, b] = reachable[b, a] = True
    for _ in range(5):
        reachable = (reachable.astype(int) @ reachable.astype(int)) > 0
    assert roots.tolist() == [int(np.flatnonzero(row)[0]) for row in reachable]


def find(images: list[Image.Image], rule: Duplicates = SAME) -> tuple[list[int], list[list[int]]]:
    hashes = to_bytes([perceptual_hash(image).hex() for image in images])
    roots, pairs = find_duplicates(hashes, np.stack([thumbnail(one) for one in images]), rule)
    return roots.tolist(), pairs.tolist()


@pytest.mark.parametrize("exact", [True, False])
def test_changed_photos_are_the_photograph_that_they_were(
    exact: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not exact:
        monkeypatch.setattr(outlines, "EXACT", 0)
    random = np.random.default_rng(7)
    changes = [*CHANGES.values(), two_of_them]
    originals = [photo(number, 320, 240) for number in range(60)]
    changed = [changes[n % 10](original, random) for n, original in enumerate(originals)]
    roots, found = find(originals + changed)
    assert roots[:60] == list(range(60))
    right = sum(root == number for number, root in enumerate(roots[60:]))
    assert right >= 58
    assert all(one < other for one, other, _ in found)


def test_a_grey_crop_of_the_middle_is_the_photograph_that_it_was_cut_from() -> None:
    sizes = [(320, 240), (240, 320), (320, 150)]
    whole = [photo(number, *sizes[number % 3]) for number in range(30)]
    random = np.random.default_rng(1)
    images = [middle_square(image, random) for image in whole[:20]] + whole
    roots, found = find(images)
    assert roots == [*range(20), *range(20), *range(40, 50)]
    assert all(one < other for one, other, _ in found)
    apart, _ = find(images, replace(SAME, crops=False))
    assert apart == list(range(50))


def test_photos_of_one_hash_are_joined_without_a_look_at_every_pair() -> None:
    blank = Image.new("RGB", (64, 64), "white")
    roots, found = find([photo(1), *[blank] * 200, photo(1)])
    assert roots == [0, *[1] * 200, 0]
    assert len([bits for _, _, bits in found if bits == 0]) == 200


def moved(image: Image.Image, pixels: int) -> Image.Image:
    """Another photograph: what is near has moved against what is far away."""
    near = image.crop((80, 60, 240, 240))
    other = image.copy()
    other.paste(near, (80 + pixels, 60))
    return other


def agree(one: Image.Image, other: Image.Image, **views: bool) -> float:
    greys = [thumbnail(image)[:1] for image in (one, other)]
    flags = [views.get(name, False) for name in ("first", "second", "mirror")]
    return float(agreement(greys[0], greys[1], np.array([flags]))[0])


@pytest.mark.parametrize("number", range(6))
def test_a_second_look_tells_a_photograph_from_another_of_the_building(number: int) -> None:
    image = photo(number, 320, 240)
    random = np.random.default_rng(number)
    assert agree(image, CHANGES["cropped 1 to 5 % a side"](image, random)) > SAME.agreement
    turned = CHANGES["turned 1 to 4 degrees, corners cut"](image, random)
    assert agree(image, turned) > SAME.agreement
    stamped = CHANGES["banner of 5 to 12 % laid over"](image, random)
    assert agree(image, stamped, first=True, second=True) > SAME.agreement
    stamped = CHANGES["banner of 5 to 12 % added below"](image, random)
    assert agree(image, stamped, second=True) > SAME.agreement
    assert agree(image, ImageOps.mirror(image), mirror=True) > SAME.agreement
    assert agree(image, moved(image, 12)) < SAME.agreement
    assert agree(image, photo(number + 100, 320, 240)) < 0.5


def test_what_shows_nothing_agrees_with_nothing() -> None:
    blank = Image.new("RGB", (64, 64), (90, 90, 90))
    assert agree(blank, Image.new("RGB", (64, 64), (200, 200, 200))) == 0
    assert not outlines.outlines(np.zeros((1, GREY_SIDE, GREY_SIDE), np.uint8)).any()


def test_real_photos_leave_no_close_pair_in_use(photos: Path, tmp_path: Path) -> None:
    source = Source(kind="folder", location=str(photos))
    pack(choose([source], 1, tmp_path)[0], tmp_path, 60, 10_000_000)
    store = PhotoStore(tmp_path)
    looked = inspect_all(store, 100_000_000)
    rows = make_manifest(store.entries, looked, [], SAME, Split(validation=0.2, test=0.2)).rows
    used = [row for row in rows if row.split]
    assert len(used) > 100 and len(used) < len(store.files())
    assert not pairs_of(to_bytes([row.phash for row in used]), SAME.distance)
