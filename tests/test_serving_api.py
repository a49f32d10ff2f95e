import io
import json
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from archstyle.bundle import Bundle
from serving import uploads
from serving.models import Model
from tests.serving_project import app_of, model_of, photo, send

PREDICT = "/api/v1/predict"
BIG = b"--x\r\n" + b"x" * 2_100_000


@pytest.fixture(scope="module")
def model(tiny_bundle: Path) -> Model:
    return model_of(tiny_bundle, threshold=0.0, distance_threshold=1e9)


@pytest.fixture
def client(model: Model) -> FlaskClient:
    return app_of(model, max_megabytes=2, max_megapixels=1, max_files=3).test_client()


def test_one_photo_is_answered_as_the_bundle_answers(
    client: FlaskClient, tiny_bundle: Path
) -> None:
    content = photo("gothic")
    response = send(client, PREDICT, (content, "house.jpg"))
    assert response.status_code == 200
    body = response.get_json()
    given = body.pop("model")
    assert body == {
        **Bundle.load(tiny_bundle).predict(content).as_dict("house.jpg"),
        "answered": True,
        "reason": None,
    }
    assert list(body["probabilities"].values()) == sorted(
        body["probabilities"].values(), reverse=True
    )
    assert given["version"] == "3"
    assert given["drawn"] is True


@pytest.mark.parametrize("kind", ["HEIF", "AVIF", "TIFF", "MPO"])
def test_formats_that_browsers_do_not_show_are_answered_and_shown(
    client: FlaskClient, kind: str
) -> None:
    memory = io.BytesIO()
    Image.open(io.BytesIO(photo("gothic"))).convert("RGB").save(memory, kind)
    answered = send(client, PREDICT, (memory.getvalue(), f"house.{kind.lower()}"))
    assert answered.status_code == 200 and "style" in answered.get_json()
    page = send(client, "/", (memory.getvalue(), f"house.{kind.lower()}")).get_data(as_text=True)
    assert "data:image/jpeg;base64," in page


@pytest.mark.parametrize(
    ("threshold", "distance_threshold", "reason"),
    [(1.1, 1e9, "not sure"), (0.0, 0.0, "unfamiliar"), (1.1, 0.0, "unfamiliar"), (0.0, 1e9, None)],
)
def test_thresholds_of_the_card_decide_what_is_answered(
    tiny_bundle: Path, threshold: float, distance_threshold: float, reason: str | None
) -> None:
    model = model_of(tiny_bundle, threshold=threshold, distance_threshold=distance_threshold)
    body = send(app_of(model).test_client(), PREDICT, (photo(), "house.jpg")).get_json()
    assert (body["answered"], body["reason"]) == (reason is None, reason)
    assert body["style"] in body["probabilities"]
    assert body["styles"] == [*body["probabilities"]][: len(body["styles"])]
    assert len(body["styles"]) == {None: 1, "unfamiliar": 0}.get(reason, len(body["styles"]))
    assert reason != "not sure" or len(body["styles"]) > 1


def test_several_photos_are_answered_in_their_order(client: FlaskClient) -> None:
    sent = [(photo("gothic"), "a.jpg"), (b"no photo", "b.txt"), (photo("egyptian"), "c.png")]
    response = send(client, PREDICT, *sent)
    assert response.status_code == 200
    first, second, third = response.get_json()["predictions"]
    assert (first["file"], third["file"]) == ("a.jpg", "c.png")
    assert first["style"] != third["style"]
    assert second.keys() == {"file", "error", "code"}
    assert second["code"] == "not-a-photo"


def test_map_comes_when_asked_for(client: FlaskClient) -> None:
    content = photo()
    assert "map" not in send(client, PREDICT, (content, "a.jpg")).get_json()
    body = send(client, f"{PREDICT}?map=1", (content, "a.jpg")).get_json()
    evidence = np.asarray(body["map"])
    assert evidence.ndim == 2
    assert evidence.min() >= 0
    assert evidence.max() == 1


def big_png() -> bytes:
    buffer = io.BytesIO()
    Image.new("L", (1200, 1000)).save(buffer, "PNG")
    return buffer.getvalue()


def tiny_png() -> bytes:
    buffer = io.BytesIO()
    Image.new("L", (3, 3)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"hello", 415, "not-a-photo"),
        (b"%PDF-1.7 and so on", 415, "format"),
        (b"", 422, "empty"),
        (photo()[:2000], 422, "truncated"),
        (tiny_png(), 422, "too-small"),
        (big_png(), 422, "too-many-pixels"),
    ],
)
def test_what_cannot_be_read_gets_one_sentence(
    client: FlaskClient, content: bytes, status: int, code: str
) -> None:
    response = send(client, PREDICT, (content, "thing.jpg"))
    assert response.status_code == status
    body = response.get_json()
    assert (body["file"], body["code"]) == ("thing.jpg", code)
    assert body["error"].endswith(".")
    assert "\n" not in body["error"]


def test_status_is_an_error_only_where_no_photo_could_be_read(client: FlaskClient) -> None:
    response = send(client, PREDICT, (b"x", "a"), (b"y", "b"), (b"", "c"))
    assert response.status_code == 415
    assert [entry["code"] for entry in response.get_json()["predictions"]] == [
        "not-a-photo",
        "not-a-photo",
        "empty",
    ]


def test_too_many_photos_are_refused(client: FlaskClient) -> None:
    response = send(client, PREDICT, *[(photo(side=64), f"{n}.jpg") for n in range(4)])
    assert response.status_code == 413
    assert response.get_json()["code"] == "too-many-files"


def test_too_big_an_upload_is_refused(client: FlaskClient) -> None:
    response = client.post(PREDICT, data=BIG, content_type="multipart/form-data; boundary=x")
    assert response.status_code == 413
    assert "2 MB" in response.get_json()["error"]


def test_too_many_fields_are_refused(client: FlaskClient) -> None:
    fields = {f"field{n}": "x" for n in range(40)}
    response = client.post(PREDICT, data=fields, content_type="multipart/form-data")
    assert response.status_code == 413
    assert "`photo`" in response.get_json()["error"]


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"other": "x"},
        {"photo": "text, no file"},
        {"photo": (io.BytesIO(b""), "")},
        {"foto": (io.BytesIO(b"x"), "a.jpg")},
    ],
)
def test_request_without_a_photo_says_what_to_send(
    client: FlaskClient, data: dict[str, object]
) -> None:
    response = client.post(PREDICT, data=data, content_type="multipart/form-data")
    assert response.status_code == 400
    assert "photo=@" in response.get_json()["error"]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", "multipart/form-data"),
        (b"garbage", "multipart/form-data; boundary=x"),
        (b"--x\r\n", "multipart/form-data; boundary=x"),
        (b"{}", "application/json"),
        (b"\xff\xfe", "text/plain; charset=\x00"),
    ],
)
def test_malformed_requests_are_400(client: FlaskClient, body: bytes, kind: str) -> None:
    response = client.post(PREDICT, data=body, content_type=kind)
    assert response.status_code == 400
    assert response.get_json()["error"]


def test_wrong_method_and_unknown_path_are_json_here(client: FlaskClient) -> None:
    wrong = client.get(PREDICT, headers={"Accept": "text/html"})
    assert wrong.status_code == 405
    assert "POST" in wrong.headers["Allow"]
    assert wrong.get_json()["error"]
    assert client.get("/api/v2").get_json()["code"] == "not-found"


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\\\photos\\\\house.jpg", "house.jpg"),
        ("Sé, 教会 🏛.jpg", "Sé, 教会 🏛.jpg"),
    ],
)
def test_file_name_is_only_shown(client: FlaskClient, sent: str, shown: str) -> None:
    assert send(client, PREDICT, (photo(side=64), sent)).get_json()["file"] == shown


def send_parts(client: FlaskClient, *parts: tuple[bytes, bytes], end: bytes = b"--x--") -> Any:
    """Send parts with just these headers."""
    body = b"".join(b"--x\r\n" + head + b"\r\n\r\n" + content + b"\r\n" for head, content in parts)
    return client.post(PREDICT, data=body + end, content_type="multipart/form-data; boundary=x")


GOOD = b'Content-Disposition: form-data; name="photo"; filename="good.jpg"'


@pytest.mark.parametrize(
    ("head", "shown"),
    [
        (
            'Content-Disposition: form-data; name="photo"; filename="Köln.jpg"'.encode("latin-1"),
            "Köln.jpg",
        ),
        (
            'Content-Disposition: form-data; name="photo"; filename="€.jpg"'.encode("cp1252"),
            "€.jpg",
        ),
        (b'Content-Disposition: form-data; name="photo"; filename="\xff\x81\x00.jpg"', None),
        ('Content-Disposition: form-data; name="photo"; filename="教会.jpg"'.encode("gbk"), None),
        (
            'Content-Disposition: form-data; name="photo"; filename="教会.jpg"'.encode("utf-16"),
            None,
        ),
        (b"Content-Disposition: form-data; name=photo; filename=plain.jpg", "plain.jpg"),
        (b"content-disposition: attachment; filename=a.jpg; name=photo", "a.jpg"),
        (b'Content-Disposition: form-data; name="photo"; filename="open.jpg', None),
        (b'Content-Disposition: form-data; name="photo"; filename="C:\\"', None),
        (b'Content-Disposition: form-data; name="photo"; filename=""', "photo"),
        (b'Content-Disposition: form-data; name="photo"', "photo"),
        (b"Content-Disposition: form-data; name=\"photo\"; filename*=x-none''%FF.jpg", None),
        (b'Content-Disposition: form-data; name="photo', "photo"),
        (b"Content-Disposition", "photo"),
        (b"Content-Type: image/jpeg", "photo"),
        (b"no header at all", "photo"),
        (GOOD + b"\r\nContent-Type: \xe9\xff; charset=\xff", "good.jpg"),
        (GOOD + b"\r\nContent-Length: many\r\n: \r\nX\xfc: \x01", "good.jpg"),
        (GOOD.replace(b"good", b"n" * 90_000), "n" * 90_000 + ".jpg"),
    ],
)
def test_photo_is_answered_whatever_a_client_writes_into_its_header(
    client: FlaskClient, head: bytes, shown: str | None
) -> None:
    alone = send_parts(client, (head, photo("gothic")))
    assert alone.status_code == 200
    assert shown is None or alone.get_json()["file"] == shown
    between = send_parts(client, (GOOD, photo()), (head, photo()), (GOOD, photo()))
    assert all("style" in entry for entry in between.get_json()["predictions"])
    assert len(between.get_json()["predictions"]) == 3


def test_good_photos_are_answered_where_the_last_part_is_cut_off(client: FlaskClient) -> None:
    cut = send_parts(client, (GOOD, photo()), (GOOD, photo()), end=b"")
    assert [e["style"] for e in cut.get_json()["predictions"]] == ["gothic", "gothic"]


def test_part_that_holds_no_photo_loses_none_beside_it(client: FlaskClient) -> None:
    text = b'Content-Disposition: form-data; name="\xe9"'
    response = send_parts(client, (text, b"text"), (b"", b"text"), (GOOD, photo()))
    assert response.get_json()["style"] == "gothic"


@pytest.mark.parametrize("queue", ["receiving", "answering"])
def test_more_uploads_than_there_is_room_for_are_told_to_come_again(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch, queue: str
) -> None:
    monkeypatch.setattr(uploads, queue, threading.BoundedSemaphore(1))
    with getattr(uploads, queue):
        response = send(client, PREDICT, (photo(), "a.jpg"))
        assert response.status_code == 503
        assert response.get_json()["code"] == "busy"
        assert response.headers["Retry-After"]
        assert client.get("/healthz").status_code == 200
    assert send(client, PREDICT, (photo(), "a.jpg")).status_code == 200


def test_no_model_is_503_and_says_what_to_do() -> None:
    client = app_of(None).test_client()
    for response in (send(client, PREDICT, (photo(), "a.jpg")), client.get("/api/v1/model")):
        assert response.status_code == 503
        assert response.headers["Retry-After"]
        assert "make run" in response.get_json()["error"]


def test_card_is_shown(client: FlaskClient, model: Model) -> None:
    body = client.get("/api/v1/model").get_json()
    assert body["digest"] == model.bundle.digest
    assert body["card"]["styles"] == list(model.bundle.styles)


def test_health_and_readiness(client: FlaskClient) -> None:
    assert client.get("/healthz").get_json() == {"status": "alive", "answers": "version 3"}
    ready = client.get("/readyz")
    assert (ready.status_code, ready.get_json()["model"]["version"]) == (200, "3")
    empty = app_of(None).test_client()
    assert empty.get("/healthz").status_code == 200
    assert empty.get("/readyz").status_code == 503


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_damaged_photos_never_break_the_server(client: FlaskClient, data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP"]))
    content = bytearray(photo(kind=kind, side=48))
    for _ in range(data.draw(st.integers(0, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    cut = content[: data.draw(st.integers(1, len(content)))]
    response = send(client, PREDICT, (bytes(cut), "a"))
    body = json.loads(response.data)
    assert response.status_code in (200, 415, 422)
    assert ("style" in body) == (response.status_code == 200)
    assert ("error" in body) == (response.status_code != 200)
