import csv
import io
import re
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import numpy as np
import pytest
from flask.testing import FlaskClient
from PIL import Image
from PIL.ImageFile import ImageFile

from archstyle.bundle.card import PredictionSets
from archstyle.registry.model_card import percent
from facades import draw_facade
from serving.models import Model
from serving.page import STATIC, place_of, samples, with_code
from tests.serving_project import app_of, model_of, photo, send

PREDICT = "/api/v1/predict"
HTML = "text/html,application/xhtml+xml,*/*;q=0.8"


@pytest.fixture(scope="module")
def model(tiny_bundle: Path) -> Model:
    test = {"accuracy": 0.931, "accuracy_low": 0.902, "accuracy_high": 0.956, "test_photos": 221}
    counts = {"gothic": {"train": 1200, "test": 200}, "baroque": {"train": 34, "test": 17}}
    return model_of(
        tiny_bundle,
        threshold=0.0,
        distance_threshold=1e9,
        drawn=False,
        source={"kind": "folder", "location": "my <photos>"},
        metrics={"test": test},
        counts=counts,
    )


@pytest.fixture
def client(model: Model) -> FlaskClient:
    return app_of(model, max_megabytes=2).test_client()


def text_of(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page).replace("&nbsp;", " "))


def test_page_says_what_the_model_is_and_how_good(client: FlaskClient) -> None:
    text = text_of(client.get("/").text)
    assert re.search("Baroque ?, Byzantine ?, Egyptian ?, Gothic", text)
    assert "version 3" in text
    assert "1,234 photos" in text
    assert re.search(r"93\.1 % \(90\.2 to 95\.6 %\) of 221 photos it had never seen", text)
    assert "my &lt;photos&gt;" in text
    assert "Drawn facades" not in text


def test_form_works_without_a_script(client: FlaskClient) -> None:
    page = client.get("/").text
    assert re.search(r'<form[^>]*method="post"[^>]*enctype="multipart/form-data"', page, re.S)
    assert page.count('name="photo" type="file"') == 2
    answer = send(client, "/", (photo("gothic"), "house & <b>garden.jpg"), accept=HTML)
    assert answer.status_code == 200
    assert "<h2>Gothic</h2>" in answer.text
    assert answer.text.count('class="fill"') == 4
    assert "data:image/jpeg;base64," in answer.text
    assert 'class="layer" src="data:image/webp;base64,' in answer.text
    assert "house &amp; &lt;b&gt;garden.jpg" in answer.text


@pytest.mark.parametrize(
    ("row", "column", "place", "told"),
    [(0, 0, 0, "top left"), (4, 4, 4, "middle"), (8, 4, 7, "bottom"), (4, 8, 5, "right")],
)
def test_where_it_looked_is_told_to_who_cannot_see_the_map(
    client: FlaskClient,
    monkeypatch: pytest.MonkeyPatch,
    row: int,
    column: int,
    place: int,
    told: str,
) -> None:
    evidence = np.zeros((9, 9), np.float32)
    evidence[row, column] = 1
    assert place_of(evidence) == place
    monkeypatch.setattr("serving.page.place_of", lambda _: place)
    answer = send(client, "/", (photo("gothic"), "a.jpg"), accept=HTML)
    assert f'alt="Where it looked most: {told} of the photo"' in answer.text


@pytest.mark.parametrize("address", ["/", "/?part=answer", PREDICT, f"{PREDICT}?map=1"])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "HEIF"])
def test_photo_is_decoded_once(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch, address: str, kind: str
) -> None:
    decoded = []
    load = ImageFile.load_prepare

    def counted(image: ImageFile) -> None:
        decoded.append(image.format)
        load(image)

    monkeypatch.setattr(ImageFile, "load_prepare", counted)
    with_photos = [(photo("gothic", kind=kind, side=320), name) for name in ("a.jpg", "b.jpg")]
    assert send(client, address, *with_photos, accept=HTML).status_code == 200
    assert decoded == [kind] * 2


def test_page_and_api_give_the_same_probability(client: FlaskClient) -> None:
    large = photo("gothic", side=1200)  # of which a JPEG is decoded smaller
    told = send(client, PREDICT, (large, "a.jpg")).get_json()
    page = send(client, "/", (large, "a.jpg"), accept=HTML).text
    widths = re.findall(r'class="fill" width="([\d.]+)"', page)
    assert widths == [f"{100 * share:.2f}" for share in told["probabilities"].values()]


def test_script_gets_the_answer_alone(client: FlaskClient) -> None:
    answer = send(client, "/?part=answer", (photo(), "a.jpg"), accept=HTML)
    assert answer.text.count('<article class="plate') == 1
    assert "<html" not in answer.text
    big = b"--x\r\n" + b"x" * 2_100_000
    refused = client.post("/?part=answer", data=big, content_type="multipart/form-data; boundary=x")
    assert refused.status_code == 413
    assert refused.text.count('<article class="plate refusal"') == 1
    assert "<html" not in refused.text


def test_several_photos_each_get_a_plate(client: FlaskClient) -> None:
    answer = send(client, "/", (photo(), "a.jpg"), (b"x", "b.txt"), (photo(), "c.jpg"), accept=HTML)
    assert answer.status_code == 200
    assert answer.text.count('<article class="plate"') == 2
    assert answer.text.count('<article class="plate refusal"') == 1


@pytest.mark.parametrize(("language", "told"), [("en", "Unfamiliar"), ("es", "Desconocido")])
def test_several_photos_come_with_a_table_that_is_saved_without_a_script(
    tiny_bundle: Path, language: str, told: str
) -> None:
    client = app_of(model_of(tiny_bundle, threshold=0.0, distance_threshold=0.0)).test_client()
    sent = [(photo("gothic"), "a, <c>.jpg"), (b"x", "=b.txt"), (photo(), "\u6559.jpg")]
    page = send(client, f"/?lang={language}", *sent, accept=HTML).text
    assert page.count('<th scope="row">') == 3
    assert f"<td>{told}</td>" in page
    for number in (1, 2, 3):
        assert page.count(f'href="#photo-{number}"') == page.count(f'id="photo-{number}"') == 1
    link = re.search(r'download="archstyle.csv" href="data:text/csv;charset=utf-8,([^"]+)"', page)
    assert link
    rows = list(csv.DictReader(io.StringIO(unquote(link[1]), newline="")))
    assert [row["file"] for row in rows] == [name for _, name in sent]
    answers = send(client, PREDICT, *sent).get_json()["predictions"]
    for row, answer in zip(rows, answers, strict=True):
        assert row["style"] == answer.get("style", "")
        assert row["reason"] == (answer.get("reason") or "")
        assert bool(row["error"]) == ("error" in answer)
    assert float(rows[0]["probability"]) == pytest.approx(answers[0]["probability"], abs=1e-6)
    alone = send(client, "/", sent[0], accept=HTML).text
    assert "archstyle.csv" not in re.sub(r"<template.*?</template>", "", alone, flags=re.S)


def test_a_set_of_styles_is_named_in_words(tiny_bundle: Path) -> None:
    sets = PredictionSets(0.95, 0.0, (-1.0,) * 4)  # the best two
    model = model_of(tiny_bundle, threshold=1.01, distance_threshold=1e9, prediction_sets=sets)
    client = app_of(model).test_client()
    answer = send(client, "/", (photo("gothic"), "a.jpg"), accept=HTML).text
    assert re.search(r"<h2 class=\"several\">Gothic or \w+</h2>", answer)
    assert "One of them with 95 %" in text_of(answer)
    assert "one of these is right for 95 % of such photos" in text_of(answer)
    assert answer.count('class="best"') == 2
    said = text_of(client.get("/").text)
    assert "it names several styles, of which one is right for 95 %" in said
    assert "Abstains when the photo is unlike" in said


def test_not_sure_is_said_by_a_model_without_sets(tiny_bundle: Path) -> None:
    model = model_of(tiny_bundle, threshold=1.01, distance_threshold=1e9, prediction_sets=None)
    client = app_of(model).test_client()
    answer = send(client, "/", (photo("gothic"), "a.jpg"), accept=HTML).text
    assert "<h2>Not sure</h2>" in answer
    assert "Nearest is Gothic" in text_of(answer)
    assert 'class="best"' not in answer


def test_unfamiliar_is_said(tiny_bundle: Path) -> None:
    client = app_of(model_of(tiny_bundle, threshold=0.0, distance_threshold=1.0)).test_client()
    answer = send(client, "/", (photo("gothic"), "a.jpg"), accept=HTML).text
    assert "<h2>Unfamiliar</h2>" in answer
    assert "or one of another style" in text_of(answer)
    assert 'class="best"' not in answer
    assert "unlike those it was trained on" in text_of(client.get("/").text)


def test_drawn_facades_are_announced_loudly(tiny_bundle: Path) -> None:
    client = app_of(model_of(tiny_bundle, drawn=True)).test_client()
    assert "drawn-banner" in client.get("/").text
    answer = send(client, "/?part=answer", (photo(), "a.jpg"), accept=HTML)
    assert "trained on drawn facades, not photos" in answer.text


def test_unmeasured_model_is_not_given_a_number(tiny_bundle: Path) -> None:
    client = app_of(model_of(tiny_bundle, metrics={})).test_client()
    assert "not measured yet" in client.get("/").text


def test_model_without_maps_shows_no_layer(
    tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = model_of(tiny_bundle)
    run = model.bundle.run

    def without_maps(images: object) -> object:
        import dataclasses

        return dataclasses.replace(run(images), maps=None)  # type: ignore[arg-type]

    monkeypatch.setattr(model.bundle, "run", without_maps)
    client = app_of(model).test_client()
    answer = send(client, "/", (photo(), "a.jpg"), accept=HTML)
    assert answer.status_code == 200
    assert "layer" not in answer.text


def test_many_styles_fold_away(tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serving.page.SHOWN_BARS", 3)
    client = app_of(model_of(tiny_bundle)).test_client()
    answer = send(client, "/", (photo(), "a.jpg"), accept=HTML).text
    assert "1 more style<" in answer
    assert answer.count('class="fill"') == 4


def test_samples_are_answered(client: FlaskClient) -> None:
    assert len(samples()) == 4
    page = client.get("/").text
    for name in samples():
        assert f'href="./sample/{name}#answers"' in page
        answer = client.get(f"/sample/{name}")
        assert answer.status_code == 200
        assert name in answer.text
    assert client.get("/sample/../settings.py").status_code == 404
    assert client.get("/sample/none").status_code == 404


def test_samples_are_what_the_facades_package_draws_today() -> None:
    for name in samples():
        style, seed = name.split("-")
        with Image.open(STATIC / "samples" / f"{name}.webp") as sample:
            kept = np.asarray(sample.convert("RGB"), int)
        drawn = np.asarray(draw_facade(style, int(seed), 360, 360), int)
        assert np.abs(kept - drawn).mean() < 6, name  # what WebP loses; other drawings differ by 30


def test_samples_of_unknown_styles_are_not_offered(tiny_bundle: Path) -> None:
    model = model_of(tiny_bundle)
    model.bundle.styles = ("gothic", "brutalist")
    model.bundle._labels["en"]["brutalist"] = "Brutalist"
    page = app_of(model).test_client().get("/").text
    assert "sample/gothic" in page
    assert "sample/egyptian" not in page


def test_no_model_says_what_to_do() -> None:
    client = app_of(None).test_client()
    page = client.get("/")
    assert page.status_code == 503
    assert "<code>make run</code>" in page.text
    assert "<form" not in page.text
    refused = send(client, "/", (photo(), "a.jpg"), accept=HTML)
    assert refused.status_code == 503
    assert refused.mimetype == "text/html"
    assert client.get("/sample/gothic-15").status_code == 503


@pytest.mark.parametrize(
    ("path", "status", "accept", "kind"),
    [
        ("/nothing", 404, HTML, "text/html"),
        ("/nothing", 404, "application/json", "application/json"),
        ("/nothing", 404, "*/*", "text/html"),
        ("/healthz", 405, HTML, "text/html"),
        ("/", 400, HTML, "text/html"),
        ("/", 400, "application/json", "application/json"),
    ],
)
def test_errors_come_in_the_shape_asked_for(
    client: FlaskClient, path: str, status: int, accept: str, kind: str
) -> None:
    method = client.get if status == 404 else client.post
    response = method(path, headers={"Accept": accept})
    assert (response.status_code, response.mimetype) == (status, kind)


def test_unforeseen_error_is_a_page_and_a_line_in_the_log(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_: object) -> None:
        raise RuntimeError("boom")

    client.application.testing = False
    monkeypatch.setattr("serving.page.preview", broken)
    response = send(client, "/", (photo(), "a.jpg"), accept=HTML)
    assert response.status_code == 500
    assert "boom" not in response.text
    assert "boom" in caplog.text


def test_page_needs_nothing_from_elsewhere_and_nothing_inline(client: FlaskClient) -> None:
    page = send(client, "/", (photo(), "a.jpg"), accept=HTML)
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*src=)", page.text)
    addresses = re.findall(r'(?:src|href|action)="([^"]+)"', page.text)
    assert all(a.startswith(("./", "data:image/", "#")) for a in addresses)
    for address in {a for a in addresses if a.startswith("./static")}:
        with client.get(address.removeprefix(".")) as asset:
            assert asset.status_code == 200


def test_first_view_is_light(client: FlaskClient) -> None:
    page = client.get("/")
    sent = len(page.data)
    for address in set(re.findall(r'(?:src|href)="\.(/static/[^"]+)"', page.text)):
        with client.get(address) as asset:
            sent += len(asset.data)
    assert sent < 120_000


@pytest.mark.parametrize("path", ["/", "/sample/gothic-15", "/no/such/page"])
@pytest.mark.parametrize("told", [True, False], ids=["told of the prefix", "prefix cut off"])
def test_every_address_of_a_page_stays_under_the_prefix(
    client: FlaskClient, path: str, told: bool
) -> None:
    environ = {"SCRIPT_NAME": "/houses"} if told else {}
    page = client.get(path, headers={"Accept": HTML}, environ_overrides=environ).text
    for address in re.findall(r'(?:src|href|action)="((?!data:|#)[^"]+)"', page):
        met = urljoin(f"http://x/houses{path}", address)
        assert met.startswith("http://x/houses/"), address
        found = client.get(urlsplit(met).path.removeprefix("/houses"))
        assert found.status_code == 200
        found.close()


def test_answers_are_kept_by_nobody_and_assets_by_the_browser(client: FlaskClient) -> None:
    for path in ("/static/style.css", "/nothing", "/healthz", "/"):
        with client.get(path) as response:
            assert response.headers["X-Content-Type-Options"] == "nosniff"
            assert "Set-Cookie" not in response.headers
            kept = "max-age" in response.headers["Cache-Control"]
            assert kept == path.startswith("/static")


@pytest.mark.parametrize(
    ("share", "shown"),
    [(1.0, "100 %"), (0.9999, "> 99 %"), (0.5, "50 %"), (0.001, "< 1 %"), (0.0, "0 %")],
)
def test_percent_never_claims_certainty(share: float, shown: str) -> None:
    assert percent(share).replace("\N{NO-BREAK SPACE}", " ") == shown


def test_backticks_become_code_and_all_else_is_escaped() -> None:
    assert str(with_code("a <b> `x & y`")) == "a &lt;b&gt; <code>x &amp; y</code>"
