import io
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageEnhance, ImageOps

from archstyle.config.schema import Source, Split
from archstyle.data.duplicates import close_pairs, components
from archstyle.data.fingerprints import mirrored, perceptual_hash, to_bytes
from archstyle.data.inspection import inspect, inspect_all
from archstyle.data.packing import pack
from archstyle.data.preparation import make_manifest
from archstyle.data.sources import choose
from archstyle.data.store import PhotoStore
from archstyle.images import open_photo
from tests.photo_folders import jpeg, photo

DISTANCE = 40  # as in conf/data/photos.yaml


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
    assert max(distance(image, other) for other in changed) <= DISTANCE
    assert min(distance(image, photo(100 + other)) for other in range(50)) > DISTANCE


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
    whole = perceptual_hash(open_photo(jpeg(image)))
    assert bits(seen.phash, whole).bit_count() <= 8


def test_what_is_no_photo_gets_a_reason_and_no_hash() -> None:
    seen = inspect(b"text", 100)
    assert seen.phash == b"" and seen.reason.endswith(".")


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 100))
def test_every_pair_within_the_distance_is_found_and_no_other(seed: int, most: int) -> None:
    random = np.random.default_rng(seed)
    hashes = random.integers(0, 256, (40, 32), dtype=np.uint8)
    for member in range(20, 40):  # near copies and mirror images of the first twenty
        flips = np.zeros(256, dtype=bool)
        flips[random.choice(256, random.integers(0, 110), replace=False)] = True
        hashes[member] = hashes[member - 20] ^ np.packbits(flips)
        if member % 2:
            hashes[member] = mirrored(hashes[member])
    straight = np.bitwise_count(hashes[:, None] ^ hashes[None]).sum(axis=2, dtype=int)
    reflected = np.bitwise_count(hashes[:, None] ^ mirrored(hashes)[None]).sum(axis=2, dtype=int)
    expected = {
        (i, j, int(table[i, j]))
        for table in (straight, reflected)
        for i in range(40)
        for j in range(i + 1, 40)
        if table[i, j] <= most
    }
    assert set(close_pairs(hashes, most)) == expected
    unmirrored = set(close_pairs(hashes, most, mirror=False))
    assert all(straight[i, j] == found for i, j, found in unmirrored)


def test_no_pairs_among_one() -> None:
    assert list(close_pairs(np.zeros((1, 32), dtype=np.uint8), 10)) == []


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 19), st.integers(0, 19)), max_size=30))
def test_components_join_what_is_linked_through_others(links: list[tuple[int, int]]) -> None:
    roots = components(20, ((a, b, 0) for a, b in links))
    reachable = np.eye(20, dtype=bool)
    for a, b in links:
        reachable[a, b] = reachable[b, a] = True
    for _ in range(5):
        reachable = (reachable.astype(int) @ reachable.astype(int)) > 0
    assert roots == [int(np.flatnonzero(row)[0]) for row in reachable]


@pytest.mark.skipif(not os.environ.get("ARCHSTYLE_PHOTOS"), reason="ARCHSTYLE_PHOTOS is not set")
def test_real_photos_leave_no_close_pair_in_use(tmp_path: Path) -> None:
    photos, _ = choose([Source(kind="environment", location="ARCHSTYLE_PHOTOS")], 1, tmp_path)
    pack(photos, tmp_path, 60, 10_000_000)
    store = PhotoStore(tmp_path)
    looked = inspect_all(store, 100_000_000)
    rows = make_manifest(store.entries, looked, [], DISTANCE, Split(validation=0.2, test=0.2))
    used = [row for row in rows if row.split]
    assert len(used) > 100 and len(used) < len(store.files())
    assert not list(close_pairs(to_bytes([row.phash for row in used]), DISTANCE))
