from io import BytesIO
from itertools import pairwise

import matplotlib
import numpy as np
import pytest
from PIL import Image

from archstyle.errors import ArchstyleError
from archstyle.metrics.predictions import predict_photos
from archstyle.reports import evaluation_charts as charts
from archstyle.reports.evaluation import MISTAKES, SHEET_SIDE, charts_of, pick
from archstyle.reports.evaluation_charts import read_history
from archstyle.reports.page import draw_charts
from archstyle.reports.theme import DARK, DRAWN, LIGHT, Tile, applied, contact_sheet, save
from tests.evaluation_project import (
    HISTORY,
    ColourBundle,
    card,
    evaluation,
    report,
    rows_and_photos,
    shown,
    stored,
)

CHARTS = {"confusion", "curves", "per_style", "reliability", "risk_coverage"}


@pytest.fixture
def history(tmp_path):
    (tmp_path / "history.csv").write_text(HISTORY)
    return read_history(tmp_path / "history.csv")


def test_history_has_phases_in_order_and_gaps(history):
    assert history.phase.tolist() == ["head", "head", "network"]
    assert history.validation_loss[0] == 1.4
    assert np.isnan(history.validation_loss[1])


@pytest.mark.parametrize("text", ["", "epoch,loss\n1,2\n", HISTORY.replace("0.9,", "much,")])
def test_damaged_history_says_what_to_do(tmp_path, text):
    (tmp_path / "history.csv").write_text(text)
    with pytest.raises(ArchstyleError, match="dvc repro --force train"):
        read_history(tmp_path / "history.csv")


def test_charts_are_the_same_byte_for_byte_whatever_the_users_settings():
    made = []
    for size in (10, 30):
        with matplotlib.rc_context({"font.size": size, "axes.facecolor": "pink"}):
            made.append(charts_of(report()))
    assert made[0] == made[1]
    assert made[0].keys() == CHARTS
    for chart in made[0].values():
        assert chart.light != chart.dark
        for content in (chart.light, chart.dark):
            with Image.open(BytesIO(content)) as image:
                assert "Software" not in image.info
                assert image.height * chart.width == pytest.approx(image.width * chart.height, 0.01)


def test_curves_have_a_column_a_phase_and_a_line_a_split(history):
    with applied(LIGHT):
        figure = charts.curves(history)
    loss, *others = figure.axes
    assert [axes.get_title("left") for axes in (loss, others[0])] == ["head only", "whole network"]
    assert [axes.get_ylabel() for axes in (loss, others[1])] == ["loss", "accuracy"]
    training, validation = loss.get_lines()
    assert np.asarray(training.get_ydata()).tolist() == [1.5, 1.2]
    assert validation.get_label() == "validation" and np.asarray(validation.get_ydata())[0] == 1.4


def test_risk_and_coverage_are_marked_where_the_threshold_stands():
    found = evaluation()
    selective = found.selective_accuracy.value
    with applied(LIGHT):
        (axes,) = charts.risk_coverage(found.risk_coverage, 0.9, selective).axes
        (nothing,) = charts.risk_coverage(found.risk_coverage, 0.0, None).axes
    assert axes.get_title("left").startswith("threshold: 90% answered")
    assert axes.get_xlabel().startswith("coverage") and axes.get_ylabel().startswith("risk")
    assert axes.collections[-1].get_offsets().tolist() == [[0.9, pytest.approx(1 - selective)]]
    assert nothing.get_title("left") == ""


def test_the_reliability_diagram_has_a_bar_a_bin():
    found = evaluation().reliability
    with applied(LIGHT):
        upper, lower = charts.reliability_diagram(found).axes
    assert [bar.get_height() for bar in lower.containers[0]] == found.photos.tolist()
    assert lower.get_xlabel() == "probability of the answer"
    assert f"{found.expected_calibration_error:.3f}" in upper.get_title("left")


@pytest.mark.parametrize("k", [2, 20])
@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_names_of_styles_never_run_into_one_another(k, theme):
    found = evaluation(k)
    with applied(theme):
        for figure in (
            charts.confusion(found.confusion, found.predictions.styles),
            charts.per_style(found.styles, found.predictions.styles),
        ):
            figure.draw_without_rendering()
            axes = figure.axes[0]
            boxes = [label.get_window_extent() for label in axes.get_yticklabels()]
            assert len(boxes) == k
            assert all(a.y0 >= b.y1 or b.y0 >= a.y1 for a, b in pairwise(boxes))
            assert min(box.x0 for box in boxes) >= 0
            if len(axes.get_xticklabels()) == k:  # the confusion matrix
                boxes = [label.get_window_extent() for label in axes.get_xticklabels()]
                assert min(box.y0 for box in boxes) >= 0
                turned = axes.get_xticklabels()[0].get_rotation() == 45
                assert turned or all(a.x1 <= b.x0 for a, b in pairwise(boxes))


def test_confusion_shows_counts_and_percentages():
    with applied(LIGHT):
        figure = charts.confusion(np.array([[3, 1], [0, 4]]), ("a", "b"))
    assert {text.get_text() for text in figure.axes[0].texts} == {
        "3\n75%",
        "1\n25%",
        "0",
        "4\n100%",
    }


@pytest.mark.parametrize("names", [("$x^2", "_b"), ("ヴェネツィア", "🏛 art déco")])
def test_odd_names_are_drawn_as_they_are(names):
    found = evaluation(2)
    with applied(LIGHT):
        figure = charts.confusion(found.confusion, names)
        save(figure, BytesIO())
    axes = figure.axes[0]
    for labels in (axes.get_xticklabels(), axes.get_yticklabels()):
        assert tuple(label.get_text() for label in labels) == names


def test_drawn_facades_are_called_so_on_the_figure():
    made = []

    def draw():
        made.append(charts.reliability_diagram(evaluation().reliability))
        return made[-1]

    for drawn in (True, False):
        draw_charts({"reliability": draw}, drawn)
        assert [(figure.get_suptitle() == DRAWN) for figure in made[-2:]] == [drawn, drawn]
        with applied(LIGHT):
            sheet = contact_sheet("Mistakes", [shown().tile], drawn)
        assert (DRAWN in sheet.get_suptitle()) == drawn


@pytest.mark.parametrize("photos", [[], [shown()], [shown(False)] * 5, [shown(right=True)] * 9])
def test_contact_sheets_take_any_number_of_photos(photos):
    with applied(LIGHT):
        figure = contact_sheet("Photos", [photo.tile for photo in photos], False, SHEET_SIDE)
        save(figure, BytesIO(), 50)
    pictures = [picture for axes in figure.axes for picture in axes.images]
    assert len(pictures) == sum(1 if photo.heat is None else 2 for photo in photos)
    texts = [text.get_text() for axes in figure.axes for text in axes.texts]
    for photo in photos:
        assert photo.file in texts
        assert ("Baroque 90%, labelled Gothic" in texts) != (photo.label == photo.predicted)


def test_contact_sheets_break_no_pair():
    picture = shown().photo

    def places(tiles):
        """Where in the grid of the sheet there are pictures: [row, column]."""
        grid = contact_sheet("Pairs", tiles, False).axes
        columns = grid[0].get_gridspec().ncols
        return [divmod(n, columns) for n, axes in enumerate(grid) if axes.images]

    pairs = places([Tile([picture, picture], f"{n}") for n in range(5)])
    assert pairs == [*((0, column) for column in range(8)), (1, 0), (1, 1)]
    assert places([Tile([picture])] * 9)[-1] == (1, 0)
    assert places([]) == []


def test_the_most_confident_mistakes_come_first():
    predictions = evaluation().predictions
    order = predictions.surest(~predictions.correct, 10)
    assert not predictions.correct[order].any()
    assert list(predictions.probability[order]) == sorted(predictions.probability[order])[::-1]


@pytest.mark.parametrize("maps", [True, False])
def test_pictures_show_what_was_measured(maps):
    rows, photos = rows_and_photos(wrong=2)
    bundle, store = ColourBundle(card(), maps), stored(photos)
    predictions = predict_photos(bundle, store, [row for row in rows if row.split == "test"])
    mistakes, sure = pick(bundle, store, predictions)
    worst = predictions.surest(~predictions.correct, MISTAKES)
    assert [m.file for m in mistakes] == [predictions.files[i] for i in worst]
    assert len(mistakes) == 2
    for mistake in mistakes:
        assert mistake.label != mistake.predicted
        assert mistake.of_label < mistake.probability
        assert (mistake.heat is not None) == maps
        assert {picture.size for picture in mistake.tile.pictures} == {(40, 30)}
        assert len(mistake.tile.pictures) == 1 + maps
    assert all(one.predicted == one.label == name for name, some in sure.items() for one in some)
    assert {name: len(photos) for name, photos in sure.items()} == {
        "Baroque": 2, "Byzantine": 2, "Egyptian": 3, "Gothic": 3,
    }  # fmt: skip
