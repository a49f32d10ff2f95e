import contextlib
import io
import pickle
import struct
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile

from archstyle.photos.reader import (
    FORMATS,
    PhotoError,
    Preprocessing,
    is_photo,
    open_photo,
    open_with_facts,
    read_photo,
)

RED, BLUE = (220, 30, 40), (30, 40, 220)


def picture(width: int = 60, height: int = 40) -> Image.Image:
    """Red on the left, blue on the right."""
    image = Image.new("RGB", (width, height), RED)
    image.paste(BLUE, (width // 2, 0, width, height))
    return image


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    memory = io.BytesIO()
    image.save(memory, kind, **options)
    return memory.getvalue()


def code_of(source: bytes | Path, **options: int) -> str:
    with pytest.raises(PhotoError) as caught:
        open_photo(source, **options)
    sentence = str(caught.value)
    assert sentence.endswith(".") and "\n" not in sentence
    return caught.value.code


def near(pixel: Any, colour: tuple[int, ...], within: int = 40) -> bool:
    return max(abs(a - b) for a, b in zip(pixel, colour, strict=True)) <= within


def assert_red_then_blue(image: Image.Image) -> None:
    assert image.mode == "RGB"
    assert near(image.getpixel((3, image.height // 2)), RED)
    assert near(image.getpixel((image.width - 4, image.height // 2)), BLUE)


@pytest.mark.parametrize("kind", FORMATS)
def test_reads_every_format_from_bytes_and_from_a_file(kind: str, tmp_path: Path) -> None:
    data = saved(picture(), kind)
    path = tmp_path / "photo with a wrong ending.txt"
    path.write_bytes(data)
    assert_red_then_blue(open_photo(data))
    assert_red_then_blue(open_photo(path))
    assert is_photo(data)


def test_reads_the_first_picture_of_a_stereo_pair() -> None:
    data = saved(picture(), "MPO", save_all=True, append_images=[Image.new("RGB", (60, 40))])
    assert_red_then_blue(open_photo(data))


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA"])
def test_reads_every_kind_of_heic(mode: str) -> None:
    image = Image.new("L", (64, 64), 0)
    image.paste(255, (32, 0, 64, 64))
    read = open_photo(saved(image.convert(mode), "HEIF"))
    assert near(read.getpixel((8, 32)), (0, 0, 0)) and near(read.getpixel((56, 32)), (255,) * 3)
    behind = [Image.new("RGB", (60, 40))]
    assert_red_then_blue(open_photo(saved(picture(), "HEIF", save_all=True, append_images=behind)))


def test_a_thumbnail_does_not_stand_in_for_a_damaged_photo() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (256, 256, 3), dtype=np.uint8)
    data = saved(Image.fromarray(noise), "HEIF", thumbnails=[64])
    assert open_photo(data, at_least=32).size == (256, 256)
    assert code_of(data[: len(data) * 2 // 3], at_least=32) == "truncated"


def test_reads_the_first_frame_of_an_animation() -> None:
    data = saved(picture(), "GIF", save_all=True, append_images=[Image.new("RGB", (60, 40))])
    assert_red_then_blue(open_photo(data))


@pytest.mark.parametrize(
    ("orientation", "upright"),
    [
        (1, None),
        (2, Image.Transpose.FLIP_LEFT_RIGHT),
        (3, Image.Transpose.ROTATE_180),
        (4, Image.Transpose.FLIP_TOP_BOTTOM),
        (5, Image.Transpose.TRANSPOSE),
        (6, Image.Transpose.ROTATE_90),
        (7, Image.Transpose.TRANSVERSE),
        (8, Image.Transpose.ROTATE_270),
    ],
)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF"])
def test_turns_photos_upright(kind: str, orientation: int, upright: Image.Transpose | None) -> None:
    image = picture()
    image.paste((20, 200, 30), (0, 0, 60, 10))
    lying = image if upright is None else image.transpose(upright)
    exif = Image.Exif()
    exif[0x0112] = orientation
    read = open_photo(saved(lying, kind, exif=exif.tobytes()))
    assert read.size == image.size
    assert near(read.getpixel((30, 4)), (20, 200, 30), 60)
    assert near(read.getpixel((10, 30)), RED)
    assert near(read.getpixel((50, 30)), BLUE)


def test_ignores_damaged_metadata() -> None:
    exif = b"Exif\0\0II*\0\xff\xff\xff\x7f"
    assert_red_then_blue(open_photo(saved(picture(), "JPEG", exif=exif)))


def test_puts_alpha_on_white() -> None:
    image = picture().convert("RGBA")
    image.paste((0, 0, 0, 0), (0, 0, 60, 20))
    read = open_photo(saved(image, "PNG"))
    assert read.getpixel((5, 5)) == (255, 255, 255)
    assert read.getpixel((5, 35)) == RED


def test_puts_a_transparent_palette_on_white() -> None:
    image = Image.new("P", (20, 20), 0)
    image.putpalette([0, 0, 0, *RED])
    image.paste(1, (10, 0, 20, 20))
    for transparency in (0, b"\x00\xff"):
        read = open_photo(saved(image, "PNG", transparency=transparency))
        assert read.getpixel((2, 2)) == (255, 255, 255)
        assert read.getpixel((15, 2)) == RED


@pytest.mark.parametrize(
    ("kind", "mode"),
    [
        *(("PNG", mode) for mode in ("1", "L", "LA", "P")),
        *(("TIFF", mode) for mode in ("1", "L", "LA", "P", "CMYK", "YCbCr")),
        *(("JPEG", mode) for mode in ("1", "L", "CMYK", "YCbCr")),
    ],
)
def test_reads_every_colour_mode(kind: str, mode: str) -> None:
    image = Image.new("L", (32, 32), 0)
    image.paste(255, (16, 0, 32, 32))
    read = open_photo(saved(image.convert("RGB").convert(mode), kind))
    assert read.mode == "RGB"
    assert near(read.getpixel((2, 16)), (0, 0, 0)) and near(read.getpixel((29, 16)), (255,) * 3)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (np.array([0, 32896, 65535], np.uint16), "PNG"),
        (np.array([0, 32896, 65535], np.uint16), "TIFF"),
        (np.array([0, 32896, 65535], np.int32), "TIFF"),
        (np.array([0, 0.502, 1], np.float32), "TIFF"),
        (np.array([np.nan, 128, 255], np.float32), "TIFF"),
    ],
)
def test_scales_deep_grey_to_eight_bits(values: np.ndarray, kind: str) -> None:
    image = Image.fromarray(np.repeat(np.tile(values, (18, 1)), 6, axis=1))
    read = np.asarray(open_photo(saved(image, kind)))
    assert read.shape == (18, 18, 3)
    assert np.abs(read[9, [3, 9, 15], 0].astype(int) - [0, 128, 255]).max() <= 1


def test_gives_uint8_of_the_networks_size() -> None:
    read = read_photo(saved(picture(500, 90), "JPEG"), Preprocessing(image_size=24))
    assert read.shape == (24, 24, 3) and read.dtype == np.uint8
    assert near(read[12, 2].tolist(), RED) and near(read[12, 21].tolist(), BLUE)


def test_draft_keeps_the_sides_that_are_asked_for_and_reports_the_files_own() -> None:
    data = saved(picture(1200, 900), "JPEG")
    image, format, size = open_with_facts(data, at_least=200)
    assert (format, size) == ("JPEG", (1200, 900))
    assert 200 <= min(image.size) < 900
    assert_red_then_blue(image)


def test_names_what_is_wrong(tmp_path: Path) -> None:
    assert code_of(b"") == "empty"
    assert code_of(b"hello, I am no photo") == "not-a-photo"
    assert code_of(b"%PDF-1.7 ...............") == "format"
    assert code_of(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic") == "truncated"
    assert code_of(saved(picture(15, 400), "PNG")) == "too-small"
    assert code_of(tmp_path / "none.jpg") == "unreadable"
    assert code_of(tmp_path) == "unreadable"
    assert not is_photo(b"hello")


@pytest.mark.parametrize("kind", FORMATS)
def test_finds_photos_that_are_cut_short(kind: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    data = saved(Image.fromarray(noise), kind)
    assert open_photo(data).size == (64, 64)
    assert code_of(data[: len(data) * 2 // 3]) == "truncated"
    assert not ImageFile.LOAD_TRUNCATED_IMAGES


def test_refuses_too_many_pixels_before_it_decodes_them() -> None:
    assert code_of(saved(picture(100, 100), "PNG"), max_pixels=9_999) == "too-many-pixels"
    # Headers that promise 95 million and 4 billion pixels, with nothing behind them.
    for side, most in ((9_747, 90_000_000), (65_500, 100_000_000)):
        header = b"IHDR" + struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
        chunk = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
        data = b"\x89PNG\r\n\x1a\n" + chunk + b"\0\0\0\x10IDAT" + bytes(20)
        limit = Image.MAX_IMAGE_PIXELS
        assert code_of(data, max_pixels=most) == "too-many-pixels"
        assert limit == Image.MAX_IMAGE_PIXELS


def test_errors_travel_between_processes() -> None:
    error = pickle.loads(pickle.dumps(PhotoError("empty", "The file is empty.")))
    assert (error.code, str(error)) == ("empty", "The file is empty.")


def test_threads_leave_no_warnings_and_agree() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = [saved(picture(80 + n, 60), "JPEG", exif=exif) for n in range(20)]
    with warnings.catch_warnings(record=True) as caught, ThreadPoolExecutor(8) as pool:
        warnings.simplefilter("always")
        together = list(pool.map(lambda one: np.asarray(open_photo(one)), data * 3))
    assert not caught
    for one, read in zip(data * 3, together, strict=True):
        np.testing.assert_array_equal(read, np.asarray(open_photo(one)))


WHOLE = {
    kind: saved(
        Image.fromarray(np.random.default_rng(1).integers(0, 256, (24, 20, 3), dtype=np.uint8)),
        kind,
    )
    for kind in FORMATS
}


@settings(max_examples=300, deadline=None)
@given(
    kind=st.sampled_from(sorted(WHOLE)),
    changes=st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 255)), max_size=6),
    cut=st.integers(0, 4000),
)
def test_hostile_bytes_give_a_photo_or_a_photo_error(
    kind: str, changes: list[tuple[int, int]], cut: int
) -> None:
    data = bytearray(WHOLE[kind])
    for place, value in changes:
        data[place % len(data)] = value
    data = data[: len(data) - cut % len(data)] if cut % 3 == 0 else data
    try:
        image = open_photo(bytes(data), max_pixels=1_000_000, at_least=20)
    except PhotoError as error:
        assert str(error).endswith(".")
    else:
        assert image.mode == "RGB" and min(image.size) >= 1


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200), st.sampled_from([b"", b"\xff\xd8\xff", b"II*\0", b"GIF89a", b"BM"]))
def test_any_bytes_give_a_photo_error(data: bytes, start: bytes) -> None:
    with contextlib.suppress(PhotoError):
        open_photo(start + data, max_pixels=1_000_000)
