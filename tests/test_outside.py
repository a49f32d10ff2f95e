"""Photos of no such building: how many are refused, what that costs, and what the report says."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from archstyle.bundle import Bundle
from archstyle.metrics.evaluation import (
    Outside,
    answer_outside,
    measure_variants,
    roc,
    time_variants,
)
from archstyle.metrics.predictions import Answers, Labels, predict_photos
from archstyle.photos.packing import pack
from archstyle.reports.evaluation import show_answered
from archstyle.reports.evaluation_charts import outside_distances
from archstyle.reports.theme import DARK, applied
from tests.evaluation_project import (
    ColourBundle,
    Photos,
    card,
    colours,
    photo,
    rows_and_photos,
    stored,
)


def bundle(distance_threshold: float | None = 40.0) -> ColourBundle:
    return ColourBundle(replace(card(), distance_threshold=distance_threshold))


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """A data/raw whose photos of no such building are grey, of one style's colour, or no photo."""
    grey = [photo(np.array([128.0, 128, 128]), seed) for seed in range(3)]
    alike = photo(colours(4)[2], 99)
    (tmp_path / "outside").mkdir()
    named = {f"grey{i}.png": content for i, content in enumerate(grey)}
    pack(
        Photos({**named, "alike.png": alike, "notes.png": b"no photo"}),
        tmp_path / "outside",
        None,
        10**9,
        anywhere=True,
    )
    return tmp_path


def of_test_photos() -> Answers:
    rows, photos = rows_and_photos(wrong=0)
    return predict_photos(bundle(), stored(photos), [row for row in rows if row.split == "test"])


def test_the_curve_and_its_area_are_those_of_scikit_learn() -> None:
    random = np.random.default_rng(0)
    building = random.normal(0, 1, 200).round(1).astype(np.float32)
    outside = random.normal(1, 1, 90).round(1).astype(np.float32)
    curve = roc(building, outside)
    truth = np.repeat([0, 1], [len(building), len(outside)])
    expected = roc_auc_score(truth, np.concatenate([building, outside]))
    assert curve.area == pytest.approx(expected, abs=1e-9)
    for shares in (curve.refused_buildings, curve.refused_outside):
        assert (shares[0], shares[-1]) == (0, 1) and (np.diff(shares) >= 0).all()


def test_what_lies_too_far_is_refused_and_what_is_no_photo_is_left_out(raw: Path) -> None:
    found = answer_outside(bundle(), raw, of_test_photos())
    assert found is not None
    assert found.answers.files == ("alike.png", "grey0.png", "grey1.png", "grey2.png")
    assert found.answers.answered.tolist() == [True, False, False, False]
    assert found.as_metrics() == {
        "outside_photos": 4,
        "outside_refused_share": 0.75,
        "outside_unfamiliar_share": 0.75,
        "test_unfamiliar_share": 0.0,
        "outside_roc_auc": pytest.approx(1.0, abs=0.3),
    }
    assert [found.answers.files[i] for i in found.answers.surest(found.answers.answered, 5)] == [
        "alike.png"
    ]
    (shown,) = show_answered(bundle(), raw, found)
    assert (shown.file, shown.predicted) == ("alike.png", "Egyptian")
    assert shown.label == "none of its styles"


def test_an_old_bundle_refuses_by_probability_alone(raw: Path) -> None:
    rows, photos = rows_and_photos(wrong=0)
    old = ColourBundle(replace(card(), threshold=0.999999))
    found = answer_outside(old, raw, predict_photos(old, stored(photos), rows))
    assert found is not None and found.curve is None
    assert "outside_roc_auc" not in found.as_metrics()
    assert found.answers.out_of_distribution == 0
    assert found.as_metrics()["outside_refused_share"] == pytest.approx(
        1 - found.answers.answered.mean(), abs=1e-6
    )


def test_without_such_photos_there_is_nothing_to_measure(tmp_path: Path) -> None:
    assert answer_outside(bundle(), tmp_path, of_test_photos()) is None
    assert show_answered(bundle(), tmp_path, None) == []


@pytest.mark.parametrize("same", [True, False])
def test_the_chart_shows_both_kinds_threshold_and_area_whatever_the_distances(same: bool) -> None:
    test = of_test_photos()
    distances = np.full(7, 3.0, np.float32) if same else np.arange(7, dtype=np.float32)
    known = replace(card(), threshold=0.5, distance_threshold=4.0)
    strange = Answers(known, ("a",) * 7, np.full((7, 4), 0.25, np.float32), distances)
    found = Outside(strange, test)
    assert found.curve is not None
    with applied(DARK):
        figure = outside_distances(found)
        figure.draw_without_rendering()
    left, right = figure.axes
    assert [text.get_text() for text in left.get_legend().get_texts()] == [
        "test photos", "out of distribution",
    ]  # fmt: skip
    assert left.get_title("left") == "threshold: 4.0"
    heights = [sum(bar.get_height() for bar in bars) for bars in left.containers]
    assert heights == pytest.approx([1, 1])
    assert right.get_title("left") == f"area under the ROC curve {found.curve.area:.4f}"
    (point,) = right.collections[0].get_offsets().tolist()
    assert point == pytest.approx([test.out_of_distribution, 0.0 if same else 2 / 7])


def test_variants_are_measured_side_by_side(tiny_bundle: Path) -> None:
    from archstyle.data.manifest import Row
    from facades import STYLES, draw_facades

    photos = dict(draw_facades(8, 77))
    rows = [Row(file, file.split("/")[0], file, "", file, "test", "used", "") for file in photos]
    by_file = {row.file: row.style for row in rows}
    assert set(by_file.values()) == set(STYLES)
    served, variants = Bundle.load(tiny_bundle), tiny_bundle.with_name("variants")
    given = predict_photos(served, stored(photos), rows)
    found = measure_variants(
        variants, served, stored(photos), Labels(rows, by_file, by_file), given
    )
    assert [variant["precision"] for variant in found] == ["float32", "int8"]
    assert [variant["same_answers"] for variant in found if variant["served"]] == [1.0]
    assert found[1]["megabytes"] < 5 < found[0]["megabytes"]
    assert all(0.5 < one["accuracy"] == one["corrected_accuracy"] for one in found)
    assert set(time_variants(variants)) == {"float32", "int8"}
