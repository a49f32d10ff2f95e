from io import BytesIO
from itertools import pairwise

import matplotlib
import numpy as np
import pytest
from PIL import Image

from archstyle.errors import ArchstyleError
from archstyle.metrics.predictions import predict_photos
from archstyle.photos.heatmap import heat_layer
from archstyle.reports.evaluation import draw, figures
from archstyle.reports.evaluation.gallery import Shown, pick, sure_and_right, worst_mistakes
from archstyle.reports.evaluation.inputs import read_history
from archstyle.reports.evaluation.sheets import sheet
from archstyle.reports.theme import DARK, DRAWN, LIGHT, applied, note_drawn, save
from tests.evaluation_project import (
    HISTORY,
    ColourBundle,
    Photos,
    card,
    evaluation,
    photo,
    rows_and_photos,
)

CHARTS = {"confusion", "curves", "per_style", "reliability", "risk_coverage"}


@pytest.fixture
def history(tmp_path):
    (tmp_path / "history.csv").write_text(HISTORY)
    return read_history(tmp_path / "history.csv")


def shown(heat: bool = True, right: bool = False) -> Shown:
    picture = Image.open(BytesIO(photo(np.array([90.0, 120, 200]), 1))).convert("RGB")
    layer = heat_layer(np.eye(7, dtype=np.float32), 64, 64) if heat else None
    answer = "Gothic" if right else "Baroque"
    return Shown("gothic/a.jpg", "Gothic", answer, 0.9, 0.05, True, picture, layer)


def test_history_has_phases_in_order_and_gaps(history):
    assert [phase.name for phase in history] == ["head", "network"]
    assert history[0].validation_loss[0] == 1.4
    assert np.isnan(history[0].validation_loss[1])


@pytest.mark.parametrize("text", ["", "epoch,loss\n1,2\n", HISTORY.replace("0.9,", "much,")])
def test_damaged_history_says_what_to_do(tmp_path, text):
    (tmp_path / "history.csv").write_text(text)
    with pytest.raises(ArchstyleError, match="dvc repro --force train"):
        read_history(tmp_path / "history.csv")


def test_charts_are_the_same_byte_for_byte_whatever_the_users_settings(tmp_path, history):
    found, drawn = evaluation(), []
    for size in (10, 30):
        with matplotlib.rc_context({"font.size": size, "axes.facecolor": "pink"}):
            folder = tmp_path / str(size)
            folder.mkdir()
            draw.draw_charts(folder, found, history, found.predictions.styles, False, LIGHT)
        drawn.append({path.stem: path.read_bytes() for path in folder.glob("*.png")})
    assert drawn[0] == drawn[1]
    assert drawn[0].keys() == CHARTS
    for content in drawn[0].values():
        with Image.open(BytesIO(content)) as image:
            assert "Software" not in image.info
            assert min(image.size) > 300


@pytest.mark.parametrize("k", [2, 20])
@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_names_of_styles_never_run_into_one_another(k, theme):
    found = evaluation(k)
    with applied(theme):
        for figure in (
            figures.confusion(found.confusion, found.predictions.styles, theme),
            figures.per_style(found.styles, found.predictions.styles, theme),
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
        figure = figures.confusion(np.array([[3, 1], [0, 4]]), ("a", "b"), LIGHT)
    assert {text.get_text() for text in figure.axes[0].texts} == {
        "3\n75%",
        "1\n25%",
        "0",
        "4\n100%",
    }


def test_odd_names_are_drawn(tmp_path):
    found = evaluation(2)
    for number, names in enumerate((("$x^2", "_b"), ("ヴェネツィア", "🏛 art déco"))):
        with applied(LIGHT):
            save(figures.confusion(found.confusion, names, LIGHT), tmp_path / f"{number}.png")
        assert (tmp_path / f"{number}.png").stat().st_size > 1000


def test_drawn_facades_are_called_so_on_the_figure():
    with applied(LIGHT):
        for drawn in (True, False):
            figure = figures.reliability_diagram(evaluation().reliability, LIGHT)
            note_drawn(figure, drawn, LIGHT)
            assert (figure.get_suptitle() == DRAWN) == drawn
            page = sheet("Mistakes", [shown()], drawn, LIGHT)
            assert (DRAWN in page.get_suptitle()) == drawn


@pytest.mark.parametrize("photos", [[], [shown()], [shown(False)] * 5, [shown(right=True)] * 9])
def test_sheets_take_any_number_of_photos(tmp_path, photos):
    with applied(LIGHT):
        figure = sheet("Photos", photos, False, LIGHT)
        save(figure, tmp_path / "sheet.png", 50)
    tiles = [tile for tile in figure.subfigs if tile.axes]
    assert len(tiles) == len(photos)
    if photos:
        assert len(tiles[0].axes) == (1 if photos[0].heat is None else 2)
        assert ("labelled" in tiles[0].get_suptitle()) != photos[0].right


def test_the_surest_mistakes_come_first():
    predictions = evaluation().predictions
    order = worst_mistakes(predictions, 10)
    assert not predictions.correct[order].any()
    assert list(predictions.probability[order]) == sorted(predictions.probability[order])[::-1]
    sure = sure_and_right(predictions, 2, 4)
    assert predictions.correct[sure].all()
    assert (predictions.labels[sure] == 2).all()


@pytest.mark.parametrize("maps", [True, False])
def test_pictures_show_what_was_measured(maps):
    rows, photos = rows_and_photos(wrong=2)
    bundle, store = ColourBundle(card(), maps), Photos(photos)
    predictions = predict_photos(bundle, store, [row for row in rows if row.split == "test"])
    mistakes, sure = pick(bundle, store, predictions)
    assert [m.file for m in mistakes] == [predictions.files[i] for i in worst_mistakes(predictions)]
    assert len(mistakes) == 2
    for mistake in mistakes:
        assert mistake.label != mistake.predicted
        assert mistake.of_label < mistake.probability
        assert (mistake.heat is not None) == maps
        assert mistake.with_heat.size == mistake.photo.size == (40, 30)
    assert {name: len(photos) for name, photos in sure.items()} == {
        "Baroque": 2, "Byzantine": 2, "Egyptian": 3, "Gothic": 3,
    }  # fmt: skip
