import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from archstyle.photos.heatmap import encode, heat_layer


def corner() -> np.ndarray:
    evidence = np.zeros((7, 7), np.float32)
    evidence[:2, :2] = 1.0
    return evidence


def overlay(evidence: np.ndarray, photo: Image.Image) -> Image.Image:
    layer = heat_layer(evidence, *photo.size)
    return Image.alpha_composite(photo.convert("RGBA"), layer).convert("RGB")


def test_photo_stays_clear_where_the_evidence_is_and_sinks_elsewhere() -> None:
    photo = Image.new("RGB", (140, 70), (200, 200, 200))
    shown = np.asarray(overlay(corner(), photo)).astype(int)
    assert shown.shape == (70, 140, 3)
    seen, unseen = shown[8, 12], shown[60, 120]
    assert seen.sum() > 2 * unseen.sum()
    assert seen[0] > seen[2]  # warm
    assert unseen[2] > unseen[0]  # ink


def test_evidence_keeps_its_place() -> None:
    evidence = np.zeros((3, 5), np.float32)
    evidence[2, 4] = 1.0
    glow = np.asarray(heat_layer(evidence, 50, 30))[..., 0].astype(int)
    rows, columns = np.nonzero(glow == glow.max())
    assert rows.min() > 15
    assert columns.min() > 35


def test_no_evidence_at_all_is_all_ink() -> None:
    layer = np.asarray(heat_layer(np.zeros((7, 7), np.float32)))
    assert layer.shape == (160, 160, 4)
    assert np.unique(layer.reshape(-1, 4), axis=0).shape[0] == 1
    assert 0 < layer[0, 0, 3] < 255


@settings(max_examples=30, deadline=None)
@given(
    arrays.arrays(
        np.float32,
        st.tuples(st.integers(1, 12), st.integers(1, 12)),
        elements=st.floats(width=32, allow_nan=True, allow_infinity=True),
    )
)
def test_any_numbers_give_a_layer(evidence: np.ndarray) -> None:
    assert heat_layer(evidence, 20, 10).size == (20, 10)


def test_anything_but_a_map_is_refused() -> None:
    with pytest.raises(ValueError, match="must be"):
        heat_layer(np.zeros((7, 7, 4), np.float32))


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "JPEG"])
def test_encoded_image_opens_again(kind: str) -> None:
    content = encode(overlay(corner(), Image.new("RGB", (40, 30))), kind)
    with Image.open(io.BytesIO(content)) as image:
        assert (image.format, image.size) == (kind, (40, 30))


def test_encoded_layer_is_transparent() -> None:
    with Image.open(io.BytesIO(encode(heat_layer(corner())))) as image:
        assert image.mode == "RGBA"
        assert np.asarray(image)[..., 3].min() < 255
