import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from flask import Flask
from flask.testing import FlaskClient

from archstyle.bundle import Answer
from archstyle.bundle.card import PredictionSets
from archstyle.errors import ArchstyleError
from serving.page import lesson_of
from serving.settings import LANGUAGES
from serving.styles import FILE, Text, apart, texts
from tests.serving_project import app_of, model_of, photo, send

HTML = {"Accept": "text/html"}
STYLES = [
    "achaemenid",
    "art_deco",
    "art_nouveau",
    "baroque",
    "beaux_arts",
    "byzantine",
    "cape_cod",
    "chicago_school",
    "contemporary_house",
    "craftsman",
    "deconstructivism",
    "egyptian",
    "georgian",
    "gothic",
    "hindu_temple",
    "indo_islamic",
    "modernism",
    "neoclassical",
    "nepalese",
    "ranch",
    "romanesque",
    "russian_revival",
    "sikh",
    "spanish_colonial",
    "tudor_revival",
    "victorian",
]


@pytest.fixture
def client(tiny_bundle: Path) -> FlaskClient:
    return app_of(model_of(tiny_bundle, threshold=0.0, distance_threshold=1e9)).test_client()


def words_of(text: Text) -> list[str]:
    return " ".join([*text.marks, text.flourished, *text.unlike.values()]).split()


def test_every_style_is_explained() -> None:
    assert sorted(texts()) == STYLES


@pytest.mark.parametrize("style", STYLES)
def test_a_style_is_whole_in_both_languages(style: str) -> None:
    each = texts()[style]
    assert list(each) == list(LANGUAGES)
    assert list(each["en"].unlike) == list(each["es"].unlike)
    for text in each.values():
        assert text.name
        assert len(text.marks) == 3
        assert 60 <= len(words_of(text)) <= 90
        assert text.unlike and style not in text.unlike and set(text.unlike) <= set(STYLES)
        assert text.sources
    shared = [a for a, b in zip(*(text.marks for text in each.values()), strict=True) if a == b]
    assert not shared, "not translated"


def test_every_source_is_used() -> None:
    content = yaml.safe_load(FILE.read_text("utf-8"))
    used = {source for style in content["styles"].values() for source in style["sources"]}
    assert used == set(content["sources"])


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("    en:\n      name: Gothic\n", "    en:\n      nome: Gothic\n", "gothic en.*nome"),
        ("sources: [frankl, penguin]", "sources: [frank]", "gothic.*frank"),
        ("  gothic:\n", "  gothic\n", "styles.yaml"),
    ],
)
def test_a_slip_in_the_file_is_one_sentence_that_says_where(
    tmp_path: Path, old: str, new: str, told: str
) -> None:
    content = FILE.read_text("utf-8")
    assert old in content
    file = tmp_path / "styles.yaml"
    file.write_text(content.replace(old, new), "utf-8")
    with pytest.raises(ArchstyleError, match=told) as raised:
        texts(file)
    assert "\n" not in str(raised.value)


def test_two_styles_are_told_apart_whichever_has_the_sentence() -> None:
    app = app_of(None)
    with app.test_request_context("/"):
        assert apart("art_nouveau", "baroque") == apart("baroque", "art_nouveau")
        assert "Romanesque arches are round" in str(apart("gothic", "romanesque"))
        assert apart("gothic", "sikh") is None
        assert apart("my house", "gothic") is None
    with app.test_request_context("/?lang=es"):
        assert "medio punto" in str(apart("gothic", "romanesque"))


def answer(app: Flask, answered: bool, reason: str | None, **probabilities: float) -> Any:
    best = max(probabilities, key=lambda style: probabilities[style])
    styles = () if answered or reason == "unfamiliar" else tuple(probabilities)
    given = Answer(best, probabilities[best], answered, probabilities, None, reason, styles=styles)
    with app.test_request_context("/"):
        return lesson_of(given)


def test_the_runner_up_comes_with_what_tells_it_apart() -> None:
    app = app_of(None)
    told = answer(app, True, None, gothic=0.9, romanesque=0.09, sikh=0.01)
    assert (told["named"], told["explained"]) == (("gothic",), ["gothic"])
    assert [pair[:2] for pair in told["apart"]] == [("gothic", "romanesque")]
    assert not answer(app, True, None, gothic=0.9, sikh=0.06, romanesque=0.04)["apart"]
    several = answer(app, False, "not sure", georgian=0.4, neoclassical=0.3, cape_cod=0.3)
    assert several["explained"] == ["georgian", "neoclassical", "cape_cod"]
    assert len(several["apart"]) == 2
    assert not answer(app, False, "unfamiliar", gothic=0.6, romanesque=0.4)["apart"]


def test_the_answer_explains_its_style(client: FlaskClient) -> None:
    page = send(client, "/", (photo("gothic"), "a.jpg"), accept="text/html").text
    assert 'href="./styles/gothic"' in page
    assert "Pointed arches and ribbed vaults" in page


def test_a_set_explains_each_of_its_styles(tiny_bundle: Path) -> None:
    sets = PredictionSets(0.95, 0.0, (-1.0,) * 4)
    model = model_of(tiny_bundle, threshold=1.01, distance_threshold=1e9, prediction_sets=sets)
    page = send(app_of(model).test_client(), "/", (photo("gothic"), "a.jpg"), accept="text/html")
    assert page.text.count('class="marks"') == 2


def test_all_styles_of_the_model_are_shown_and_each(client: FlaskClient) -> None:
    page = client.get("/styles", headers=HTML).text
    assert re.findall(r'href="./styles/(\w+)"', page) == [
        "baroque",
        "byzantine",
        "egyptian",
        "gothic",
    ]
    page = client.get("/styles/gothic?lang=es", headers=HTML).text
    assert "Arcos apuntados" in page
    assert "Paul Frankl" in page
    assert "Románico" in page
    assert "styles/romanesque" not in page  # this model does not know it


@pytest.mark.parametrize("name", ["sikh", "none", "<b>"])
def test_a_style_that_the_model_does_not_know_is_a_404_in_the_pages_look(
    client: FlaskClient, name: str
) -> None:
    refused = client.get(f"/styles/{name}", headers=HTML)
    assert refused.status_code == 404
    assert "Nothing stands here" in refused.text
    assert 'class="masthead"' in refused.text


def test_a_style_of_ones_own_has_its_folders_name_and_no_text(tiny_bundle: Path) -> None:
    model = model_of(tiny_bundle, threshold=0.0, distance_threshold=1e9)
    model.bundle.styles = ("gothic", "my house")
    model.bundle._labels["en"]["my house"] = "My house"
    client = app_of(model).test_client()
    assert "My house" in client.get("/styles", headers=HTML).text
    page = client.get("/styles/my%20house", headers=HTML)
    assert page.status_code == 200
    assert "My house" in page.text and 'class="marks"' not in page.text


def test_styles_wait_for_a_model() -> None:
    assert app_of(None).test_client().get("/styles", headers=HTML).status_code == 503
