"""Buildings of other styles are refused, those of styles that were not learned from too."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from archstyle.bundle.graph import Outputs
from archstyle.bundle.out_of_distribution import features, load_score, save_score
from archstyle.data.arrays import Others
from archstyle.data.crops import faint
from archstyle.data.manifest import Row
from archstyle.metrics.predictions import measure_others, other_metrics
from archstyle.models import rejection
from archstyle.models.rejection import Rejection, fit_distance
from archstyle.photos.packing import pack
from archstyle.photos.store import PhotoStore
from tests.evaluation_project import ColourBundle, Photos, card, colours, photo

SIDE = 8
SHARE = 0.05


class Colours:
    """A network whose embedding is the mean colour of a photo, and of its left half."""

    def run(self, images: np.ndarray) -> Outputs:
        whole = images.mean(axis=(1, 2))
        left = images[:, :, : SIDE // 2].mean(axis=(1, 2))
        embeddings = np.concatenate([whole, left, 255 - whole], axis=1).astype(np.float32)
        return Outputs(np.ones((len(images), 1), np.float32), None, embeddings)


def photos(count: int, blue: float, seed: int) -> np.ndarray:
    """Return photos whose left halves are darker the more `blue` they are, which grey shows too."""
    random = np.random.default_rng(seed)
    made = random.normal(128, 12, (count, SIDE, SIDE, 3))
    made[:, :, : SIDE // 2] -= 60 * blue
    made[..., 2] += 40 * blue
    return np.clip(made, 0, 255).astype(np.uint8)


@pytest.fixture
def learned() -> Rejection:
    own, blue = (
        photos(120, 0.0, 1),
        [photos(40, 0.6 + 0.2 * style, 2 + style) for style in range(3)],
    )
    others = np.concatenate(blue)
    styles = tuple(np.repeat(["tudor", "ranch", "sikh"], 40).tolist())
    held = features(Colours().run(photos(200, 0.0, 9)))
    distance = fit_distance(features(Colours().run(own)), np.arange(120) % 2, axes=3)
    farthest = float(np.quantile(distance(held), 0.97))
    found = Others(styles, len(own), others.__getitem__, own.__getitem__)
    return Rejection(Colours(), found, distance, farthest, held)  # type: ignore[arg-type]


def test_other_styles_are_refused_and_so_are_those_that_were_not_learned_from(
    learned: Rejection,
) -> None:
    score = learned.fit(SHARE)
    strange = score(features(Colours().run(photos(100, 0.9, 20))))
    known = score(features(Colours().run(photos(400, 0.0, 21))))
    assert (strange > 1).mean() > 0.95 and (known > 1).mean() < 3 * SHARE
    left_out = learned.left_out(SHARE)
    assert list(left_out) == ["ranch", "sikh", "tudor"] and all(
        share and share > 0.9 for share in left_out.values()
    )


def test_the_share_of_own_photos_that_is_refused_as_another_style_is_the_one_asked_for(
    learned: Rejection,
) -> None:
    held = features(Colours().run(photos(200, 0.0, 9)))
    near = learned._distance(held) <= learned._farthest
    beyond = learned.fit(SHARE)(held) > 1
    assert SHARE / 2 <= (beyond & near).sum() / 200 <= SHARE
    # What the distance refuses stays refused.
    assert beyond[~near].all()


def test_one_other_style_alone_cannot_be_left_out(
    learned: Rejection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(learned, "styles", np.full(len(learned.styles), "tudor"))
    assert learned.left_out(SHARE) == {"tudor": None}


def test_at_most_so_many_photos_of_a_style_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rejection, "OTHERS", 5)
    read: list[int] = []

    def photo(number: int) -> np.ndarray:
        read.append(number)
        return photos(1, 1.0, number)[0]

    own = photos(10, 0.0, 1)
    distance = fit_distance(features(Colours().run(own)), np.arange(10) % 2, axes=2)
    found = Others(("ranch",) * 40 + ("sikh",) * 3, len(own), photo, own.__getitem__)
    held = features(Colours().run(own))
    Rejection(Colours(), found, distance, 1.0, held)  # type: ignore[arg-type]
    assert sorted(read) == [0, 1, 2, 3, 4, 40, 41, 42]


def test_a_score_is_saved_whole(learned: Rejection, tmp_path: Path) -> None:
    score, some = learned.fit(SHARE), features(Colours().run(photos(20, 0.4, 5)))
    save_score(tmp_path / "distance.npz", score)
    np.testing.assert_array_equal(load_score(tmp_path / "distance.npz")(some), score(some))


def test_a_faint_photo_is_grey_and_has_no_fine_detail() -> None:
    fine = np.zeros((256, 256, 3), np.uint8)
    fine[::2, :, 0] = 255
    found = faint(fine)
    assert found.shape == fine.shape and found.dtype == np.uint8
    assert (found == found[..., :1]).all() and np.ptp(found.astype(int)) < 40


def test_other_styles_are_measured_by_style_and_told_as_numbers(tmp_path: Path) -> None:
    grey = photo(np.array([128.0, 128, 128]), 0)
    alike = photo(colours(4)[2], 99)
    (tmp_path / "others").mkdir()
    found = Photos({"ranch/1.png": grey, "tudor/1.png": grey, "tudor/2.png": alike})
    pack(found, tmp_path / "others", None, 10**9)
    rows = [
        Row(name, name.split("/")[0], "", "", "", "test", "other", "")
        for name in PhotoStore(tmp_path / "others").files()
    ]
    bundle = ColourBundle(
        replace(card(), distance_threshold=40.0, left_out={"ranch": 0.5, "sikh": None})
    )
    others = measure_others(bundle, tmp_path, rows)
    assert others is not None
    assert others["photos"] == 3 and others["answered"] == pytest.approx(1 / 3)
    assert others["styles"] == {"ranch": (1, 0.0), "tudor": (2, 0.5)}
    assert other_metrics(others, bundle.card) == {
        "other_styles_photos": 3,
        "other_styles_answered": 0.333333,
        "left_out_styles_refused": 0.5,
    }
    assert measure_others(bundle, tmp_path, []) is None
    assert other_metrics(None, card()) == {}
