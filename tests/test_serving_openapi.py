"""The API as it describes itself: Schemathesis asks whatever the description allows, and more."""

import io
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import openapi
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from serving.models import Model
from serving.styles import texts
from tests.serving_project import app_of, model_of, photo, send

DESCRIPTION, PREDICT = "/api/v1/openapi.json", "/api/v1/predict"
BAD = (b"no photo", "bad.jpg")
openapi.format("binary", st.just(photo(side=64)) | st.binary(max_size=200))


@pytest.fixture(scope="module")
def model(tiny_bundle: Path) -> Model:
    return model_of(tiny_bundle, threshold=0.0, distance_threshold=1e9)


@pytest.fixture
def client(model: Model) -> FlaskClient:
    return app_of(model, max_files=3).test_client()


@pytest.mark.parametrize("mode", GenerationMode)
def test_whatever_is_asked_is_answered_as_described(model: Model, mode: GenerationMode) -> None:
    schema = openapi.from_wsgi(DESCRIPTION, app_of(model, max_files=3))
    seen = set()

    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
    @given(case=schema[PREDICT]["POST"].as_strategy(generation_mode=mode))
    def ask(case: Any) -> None:
        # No description tells which bytes are a photo.
        seen.add(case.call_and_validate(excluded_checks=[positive_data_acceptance]).status_code)

    ask()
    assert {GenerationMode.POSITIVE: 200, GenerationMode.NEGATIVE: 400}[mode] in seen


@pytest.mark.parametrize("path", ["/api/v1/model", "/api/v1/styles"])
def test_what_is_told_of_the_model_is_as_described(model: Model, path: str) -> None:
    for given_model, status in ((model, 200), (None, 503)):
        operation = openapi.from_wsgi(DESCRIPTION, app_of(given_model))[path]["GET"]
        response = operation.Case().call_and_validate(excluded_checks=[not_a_server_error])
        assert response.status_code == status


def test_description_is_openapi_3_1_of_all_operations(client: FlaskClient) -> None:
    body = client.get(DESCRIPTION).get_json()
    assert body["openapi"].startswith("3.1")
    rules = [r for r in client.application.url_map.iter_rules() if r.endpoint.startswith("api.")]
    assert {r.rule for r in rules} == set(body["paths"])
    for path, operations in body["paths"].items():
        assert path.startswith("/api/v1/")
        assert all(operation["summary"].endswith(".") for operation in operations.values())


def test_page_to_try_it_takes_everything_from_here(client: FlaskClient) -> None:
    page = client.get("/api/v1/docs").get_data(as_text=True)
    assert "://" not in page
    for path in client.get(DESCRIPTION).get_json()["paths"]:
        assert f'action="../..{path}"' in page
    assert "list of list of number" in page
    assert "list of anything" not in page


PROBLEM = {"type", "title", "status", "detail", "code", "error"}


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("POST", PREDICT, 400, "no-photo"),
        ("POST", f"{PREDICT}?top=0", 422, "parameter"),
        ("POST", f"{PREDICT}?top=many&map=perhaps", 422, "parameter"),
        ("POST", f"{PREDICT}?top=99999999999999999999", 422, "parameter"),
        ("PUT", PREDICT, 405, "method-not-allowed"),
        ("DELETE", "/api/v1/model", 405, "method-not-allowed"),
        ("POST", "/api/v1/styles", 405, "method-not-allowed"),
        ("GET", "/api/v1/nothing", 404, "not-found"),
        ("GET", "/api/v1/docs/../../../pyproject.toml", 404, "not-found"),
    ],
)
def test_every_refusal_is_a_problem(
    client: FlaskClient, method: str, path: str, status: int, code: str
) -> None:
    response = client.open(path, method=method, headers={"Accept": "text/html"})
    assert response.status_code == status
    assert response.content_type == "application/problem+json"
    body = response.get_json()
    assert body.keys() == PROBLEM
    assert (body["status"], body["code"]) == (status, code)
    assert body["detail"] == body["error"]
    assert body["detail"].endswith(".")


def test_parameters_that_make_no_sense_are_named(client: FlaskClient) -> None:
    sentence = client.post(f"{PREDICT}?top=many&map=perhaps").get_json()["detail"]
    assert "`map`" in sentence and "`top`" in sentence


def test_photos_that_cannot_be_read_are_a_problem_that_names_them(client: FlaskClient) -> None:
    alone = send(client, PREDICT, BAD).get_json()
    assert alone.keys() == PROBLEM | {"file", "model"}
    assert (alone["file"], alone["code"], alone["status"]) == ("bad.jpg", "not-a-photo", 415)
    several = send(client, PREDICT, BAD, BAD).get_json()
    assert several.keys() == PROBLEM | {"predictions", "model"}
    assert (several["code"], several["status"]) == ("not-a-photo", 415)
    assert [entry["code"] for entry in several["predictions"]] == ["not-a-photo"] * 2


def test_head_and_options_are_answered_without_a_body(client: FlaskClient) -> None:
    assert client.head("/api/v1/model").status_code == 200
    assert client.head(PREDICT).status_code == 405
    asked = client.options(PREDICT)
    assert (asked.status_code, asked.data) == (200, b"")
    assert "POST" in asked.headers["Allow"]


@pytest.mark.parametrize("host", ["a b", 'x"y<z>', "[::1", "a" * 300, "../..", "x:99999999", "é"])
def test_odd_host_is_refused_or_left_aside(client: FlaskClient, host: str) -> None:
    for path, status in (("/api/v1/model", 200), ("/api/v1/nothing", 404)):
        response = client.get(path, headers={"Host": host})
        assert response.status_code in (status, 400)
        assert "code" in response.get_json() or response.status_code == 200
        assert host not in str(response.headers) + response.get_data(as_text=True)


def test_body_of_no_stated_length_is_bounded(model: Model) -> None:
    part = b'--x\r\nContent-Disposition: form-data; name="photo"; filename="a"\r\n\r\n'
    whole = part + photo("gothic") + b"\r\n--x--\r\n"
    for body, status in ((whole, 200), (whole + b"x" * 1_000_000, 413)):
        response = (
            app_of(model, max_megabytes=1)
            .test_client()
            .post(
                PREDICT,
                input_stream=io.BytesIO(body),
                content_type="multipart/form-data; boundary=x",
                headers={"Transfer-Encoding": "chunked"},
                environ_overrides={"wsgi.input_terminated": True},
            )
        )
        assert response.status_code == status
        assert status == 200 or "1 MB" in response.get_json()["detail"]


def test_top_gives_the_best_only(client: FlaskClient) -> None:
    body = send(client, f"{PREDICT}?top=2", (photo(), "a.jpg")).get_json()
    whole = send(client, PREDICT, (photo(), "a.jpg")).get_json()
    assert list(body["probabilities"].items()) == list(whole["probabilities"].items())[:2]
    assert next(iter(body["probabilities"])) == body["style"]


def test_styles_of_the_model_come_with_their_texts(client: FlaskClient, model: Model) -> None:
    body = client.get("/api/v1/styles").get_json()
    assert [style["style"] for style in body["styles"]] == list(model.bundle.styles)
    gothic = next(style for style in body["styles"] if style["style"] == "gothic")
    assert gothic["texts"]["es"]["marks"] == texts()["gothic"]["es"].marks
