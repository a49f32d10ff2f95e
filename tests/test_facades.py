"""Drawn facades: the same everywhere, different from each other, named as promised."""

import hashlib
import io
import itertools
import re
import subprocess
import sys
import tomllib
from pathlib import PurePosixPath

import numpy as np
import pytest
from PIL import Image

from archstyle.bundle.bundle import GOLDEN_PHOTOS
from archstyle.errors import ArchstyleError
from facades import STYLES, draw_facade, draw_facades
from tests.conftest import ROOT


def thumbnail(image: Image.Image) -> np.ndarray:
    """A grey picture in which only the composition is left, its mean and contrast taken out."""
    small = np.asarray(image.convert("L").resize((16, 16), Image.Resampling.BOX), np.float64)
    return (small - small.mean()) / small.std()


def likeness(first: Image.Image, second: Image.Image) -> float:
    return float((thumbnail(first) * thumbnail(second)).mean())


@pytest.mark.parametrize("style", STYLES)
def test_the_same_seed_gives_the_same_pixels(style: str) -> None:
    first, second = draw_facade(style, 7), draw_facade(style, 7)
    assert first.mode == "RGB"
    assert first.size == (320, 320)
    assert first.tobytes() == second.tobytes()


@pytest.mark.parametrize("size", [(200, 320), (333, 101), (64, 64), (16, 16)])
def test_any_size(size: tuple[int, int]) -> None:
    for style in STYLES:
        for seed in range(3):
            image = draw_facade(style, seed, *size)
            assert (image.mode, image.size) == ("RGB", size)


def test_another_process_with_another_hash_seed_draws_the_same() -> None:
    code = (
        "import hashlib; from facades import draw_facades;"
        "print(hashlib.sha256(b''.join(data for _, data in draw_facades(8, 3))).hexdigest())"
    )
    prints = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": hash_seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for hash_seed in ("0", "1")
    }
    assert len(prints) == 1


@pytest.mark.parametrize("style", STYLES)
def test_seeds_give_different_photographs(style: str) -> None:
    images = [draw_facade(style, seed, 160, 160) for seed in range(24)]
    closest = max(likeness(one, two) for one, two in itertools.combinations(images, 2))
    assert closest < 0.97


def test_pictures_are_neither_flat_nor_burnt_out() -> None:
    for style in STYLES:
        for seed in range(24):
            pixels = np.asarray(draw_facade(style, seed, 160, 160))
            assert pixels.std() > 12, (style, seed)
            assert (pixels == 255).all(axis=2).mean() < 0.3, (style, seed)
            assert (pixels < 8).all(axis=2).mean() < 0.3, (style, seed)


def test_styles_can_be_told_apart() -> None:
    # A nearest-centroid rule on edge directions and colour: far from a network, well over chance.
    def features(style: str, seed: int) -> np.ndarray:
        pixels = np.asarray(draw_facade(style, seed, 96, 96), np.float64)
        grey = pixels.mean(axis=2)
        down, across = np.gradient(grey)
        angles = np.arctan2(down, across) % np.pi
        edges = np.histogram(angles, 18, (0, np.pi), weights=np.hypot(down, across))[0]
        colour = [*pixels.mean((0, 1)) / pixels.mean(), *pixels[48:].mean((0, 1)) / pixels.mean()]
        return np.array([*(edges / edges.sum() * 10), *colour])

    known = {style: [features(style, seed) for seed in range(40)] for style in STYLES}
    spread = np.std([row for rows in known.values() for row in rows], axis=0)
    centres = {style: np.mean(rows, axis=0) for style, rows in known.items()}
    right = 0
    for style, seed in itertools.product(STYLES, range(100, 125)):
        seen = features(style, seed)
        right += style == min(
            STYLES, key=lambda known: float((((seen - centres[known]) / spread) ** 2).sum())
        )
    assert right > 45, right  # of 100; chance gives 25


def test_every_name_in_the_table_of_parts_is_drawn_by_something() -> None:
    table = tomllib.loads((ROOT / "src/facades/buildings.toml").read_text("utf-8"))
    layers = [layer.split() for text in table["parts"].values() for layer in text.split(";")]
    named = {layer[0] for layer in layers if layer}
    styles = [of.items() for of in table["styles"].values()]
    words = {word for of in styles for word, _ in of}
    chosen = {choice for of in styles for _, choices in of for choice in choices.split()}
    plans = set(re.findall(r'part\("(\w+)"', (ROOT / "src/facades/plans.py").read_text("utf-8")))
    assert named <= {*table["parts"], *table["outlines"], *words}
    assert {*table["parts"], *table["outlines"]} <= named | chosen | plans
    materials = {layer[1][:-1] for layer in layers if layer and layer[1] != "-"}
    assert materials <= {*table["colours"], "glass", "relief"}


def test_the_golden_photos_of_every_bundle_are_files_of_fixed_pixels() -> None:
    # Drawn by commit 60ae72f; other ones would make bundles of different ages incomparable.
    digest = hashlib.sha256()
    for path in sorted(GOLDEN_PHOTOS.iterdir()):
        with Image.open(path) as image:
            assert (image.format, image.mode, image.size) == ("PNG", "RGB", (320, 240))
            digest.update(path.name.encode() + image.tobytes())
    assert digest.hexdigest().startswith("f31170b03501eba1")


def test_an_unknown_style_is_named_with_the_known_ones() -> None:
    with pytest.raises(ArchstyleError, match=r"'bauhaus'.*baroque, byzantine, egyptian, gothic"):
        draw_facade("bauhaus", 1)


def test_too_small_a_picture_is_refused() -> None:
    with pytest.raises(ArchstyleError, match="8 x 320"):
        draw_facade("gothic", 1, 8, 320)


def test_names_and_counts() -> None:
    photos = dict(draw_facades(10, 1))
    assert list(photos)[:5] == [
        "baroque/baroque-0001.jpg",
        "byzantine/byzantine-0001.jpg",
        "egyptian/egyptian-0001.jpg",
        "gothic/gothic-0001.jpg",
        "baroque/baroque-0002.jpg",
    ]
    styles = [PurePosixPath(name).parent.name for name in photos]
    assert [styles.count(style) for style in STYLES] == [3, 3, 2, 2]
    for data in photos.values():
        with Image.open(io.BytesIO(data)) as image:
            assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (320, 320))
    assert not list(draw_facades(0, 1))


def test_a_photo_depends_on_seed_style_and_number_only(monkeypatch: pytest.MonkeyPatch) -> None:
    few = dict(draw_facades(8, 5))
    monkeypatch.setattr("facades.cores", lambda: 2)
    many = dict(draw_facades(100, 5))  # enough for two processes
    assert len(many) == len(set(many.values())) == 100
    assert {name: many[name] for name in few} == few
    assert not set(few.values()) & set(dict(draw_facades(8, 6)).values())
