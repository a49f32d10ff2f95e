"""Feedback on the page: only where it is switched on and agreed to, and deleted by its link."""

import io
import re
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from PIL import Image

from archstyle.errors import ArchstyleError
from archstyle.feedback import Store
from serving.feedback import COOKIE, LONGEST_SIDE, sender
from tests.odd_files import BAD, bad
from tests.serving_project import app_of, model_of, photo, send

HTML = {"Accept": "text/html"}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "kept")


def client_of(bundle: Path, store: Store, **settings: Any) -> FlaskClient:
    model = model_of(bundle, threshold=0.0, distance_threshold=1e9)
    return app_of(model, feedback=str(store.folder), **settings).test_client()


@pytest.fixture
def client(tiny_bundle: Path, store: Store) -> FlaskClient:
    return client_of(tiny_bundle, store)


def form(client: FlaskClient, content: bytes | None = None, **fields: str) -> dict[str, Any]:
    """What the form sends that stands under an answer."""
    page = send(client, "/", (photo(), "a.jpg"), accept="text/html").text
    token = re.search(r'name="token" value="([^"]+)"', page)
    assert token
    values = {"token": token[1], "style": "baroque", "other": "", "consent": "yes", **fields}
    sent = io.BytesIO(photo(kind="PNG") if content is None else content)
    return {**values, "photo": (sent, "Aunt Emma's house.png")}


def give(client: FlaskClient, path: str = "/feedback", **fields: Any) -> Any:
    headers = fields.pop("headers", HTML)
    return client.post(path, data=form(client, **fields), headers=headers)


def rows(store: Store) -> list[dict[str, Any]]:
    return [dict(row) for row in store.run("SELECT * FROM photos")]


def test_off_nothing_is_shown_and_routed(tiny_bundle: Path) -> None:
    client = app_of(model_of(tiny_bundle)).test_client()
    page = send(client, "/", (photo(), "a.jpg"), accept="text/html").text
    assert "Not right?" not in page and "feedback" not in page
    assert "never stored" in page
    assert client.post("/feedback").status_code == client.get("/feedback/x").status_code == 404
    assert client.get_cookie(COOKIE) is None


def test_form_stands_under_an_answer_and_its_box_is_unticked(client: FlaskClient) -> None:
    page = send(client, "/", (photo(), "a.jpg"), accept="text/html").text
    box = re.search(r'<input type="checkbox" name="consent"[^>]*>', page)
    assert box and "checked" not in box[0] and "required" in box[0]
    assert "I agree" in page and 'action="./feedback"' in page
    assert "base64" not in "".join(re.findall(r"<input[^>]*>", page))
    assert "Not right?" not in client.get("/sample/gothic-2").text  # nobody's photo
    part = send(client, "/?part=answer", (photo(), "a.jpg"), accept="text/html").text
    assert "Not right?" in part
    assert "¿No es correcto?" in send(client, "/?lang=es", (photo(), "a.jpg")).text


def test_what_is_sent_is_kept_shown_once_and_deleted_by_its_link(
    client: FlaskClient, store: Store
) -> None:
    kept = give(client)
    assert kept.status_code == 303
    [row] = rows(store)
    assert (row["correction"], row["version"], row["style"]) == ("baroque", "3", "")
    assert '"gothic"' in row["answer"] and "Emma" not in str(row)
    link = "/" + kept.headers["Location"].removeprefix("./")
    assert re.fullmatch(r"/feedback/[\w-]{30,}", link)
    page = client.get(link)
    assert page.status_code == 200 and "it is kept" in page.text and len(rows(store)) == 1
    assert f"http://localhost{link}" in page.text
    elsewhere = client.application.test_client()  # the link is enough, without a cookie
    deleted = elsewhere.post(link)
    assert deleted.status_code == 200 and "It is deleted" in deleted.text
    assert rows(store) == [] and not list(store.folder.glob("*.jpg"))
    for method in (client.get, client.post):
        gone = method(link, headers=HTML)
        assert gone.status_code == 404 and "deleted already" in gone.text


def test_script_gets_a_part_of_the_page(client: FlaskClient) -> None:
    kept = give(client, "/feedback?part=answer&lang=es")
    assert "part=answer" in kept.headers["Location"] and "lang=es" in kept.headers["Location"]
    part = client.get("/" + kept.headers["Location"].removeprefix("./")).text
    assert "<html" not in part and 'class="plate kept"' in part and "Gracias" in part
    refused = give(client, "/feedback?part=answer", consent="").text
    assert "<html" not in refused and 'class="plate refusal"' in refused


def test_pixels_are_kept_without_what_the_camera_wrote(client: FlaskClient, store: Store) -> None:
    image = Image.open(io.BytesIO(photo(side=3000))).crop((0, 0, 3000, 1500))
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "SecretCamera"  # lies on its side
    exif.get_ifd(0x8825).update({1: "N", 2: (52.0, 31.0, 12.0)})
    content = io.BytesIO()
    image.save(content, "JPEG", exif=exif, comment=b"SecretWords", icc_profile=b"SecretProfile")
    assert give(client, content=content.getvalue()).status_code == 303
    kept = store.path(rows(store)[0]["id"])
    assert b"Secret" in content.getvalue() and b"Secret" not in kept.read_bytes()
    with Image.open(kept) as image:
        assert image.format == "JPEG" and not image.getexif() and "comment" not in image.info
        assert image.size == (LONGEST_SIDE // 2, LONGEST_SIDE)


@pytest.mark.parametrize(
    ("fields", "correction"),
    [
        ({"style": "", "other": "  Ro\x00coco\n revival "}, "Ro\\x00coco revival"),
        ({"style": "", "other": "x" * 500}, "x" * 80),
        ({"style": "", "other": ""}, ""),
        ({"style": "byzantine", "other": "no"}, "byzantine"),
    ],
)
def test_other_styles_are_said_in_words(
    client: FlaskClient, store: Store, fields: dict[str, str], correction: str
) -> None:
    assert give(client, **fields).status_code == 303
    assert rows(store)[0]["correction"] == correction


def test_nothing_is_kept_without_consent(client: FlaskClient, store: Store) -> None:
    values = form(client)
    del values["consent"]
    refused = client.post("/feedback", data=values, headers=HTML)
    assert refused.status_code == 400 and "did not agree" in refused.text
    assert rows(store) == []


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://["},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": "http://localhost"},
    ],
)
def test_form_of_another_site_is_refused(
    client: FlaskClient, store: Store, headers: dict[str, str]
) -> None:
    refused = give(client, headers={**HTML, **headers})
    assert refused.status_code == 403 and "another site" in refused.text
    own = {**HTML, "Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
    link = "/" + give(client, headers=own).headers["Location"].removeprefix("./")
    assert client.post(link, headers={**HTML, **headers}).status_code == 403
    assert len(rows(store)) == 1


@pytest.mark.parametrize("token", ["", "guessed", "é"])
def test_form_needs_the_token_of_its_cookie(client: FlaskClient, store: Store, token: str) -> None:
    assert give(client, token=token).status_code == 403
    values = form(client)
    client.delete_cookie(COOKIE)
    assert client.post("/feedback", data=values).status_code == 403
    assert rows(store) == []


def test_cookie_is_set_once_and_for_this_site_alone(client: FlaskClient) -> None:
    first = client.get("/")
    cookie = first.headers["Set-Cookie"]
    assert all(word in cookie for word in (COOKIE, "HttpOnly", "SameSite=Lax"))
    assert "Set-Cookie" not in client.get("/").headers
    assert "Set-Cookie" not in client.get("/healthz").headers


@pytest.mark.parametrize("kind", BAD)
def test_what_is_no_photo_is_refused_and_not_kept(
    client: FlaskClient, store: Store, kind: str
) -> None:
    refused = give(client, content=bad(kind))
    assert refused.status_code in (400, 415, 422)
    assert rows(store) == []


def test_no_photo_or_a_photo_in_a_form_field_is_refused(client: FlaskClient, store: Store) -> None:
    values = form(client)
    for content in (None, "data:image/jpeg;base64,/9j/4AAQ"):
        values["photo"] = content
        kept = {name: value for name, value in values.items() if value is not None}
        refused = client.post(
            "/feedback", data=kept, content_type="multipart/form-data", headers=HTML
        )
        assert refused.status_code == 400
    assert rows(store) == []


def test_limits_are_said_with_429_and_507(tiny_bundle: Path, store: Store) -> None:
    client = client_of(tiny_bundle, store, feedback_per_hour=2, feedback_photos=3, proxies=1)
    one, other = ({"X-Forwarded-For": f"192.0.2.{number}"} for number in (1, 2))
    for _ in range(2):
        assert give(client, headers=one).status_code == 303
    often = give(client, headers={**HTML, **one, "X-Forwarded-For": "8.8.8.8, 192.0.2.1"})
    assert often.status_code == 429 and often.headers["Retry-After"] == "3600"
    assert give(client, headers=other).status_code == 303
    full = give(client, headers={**HTML, **other})
    assert full.status_code == 507 and "no room" in full.text
    api = give(client, headers={"Accept": "application/json", **other})
    assert (api.get_json()["status"], api.get_json()["code"]) == (507, "not-kept")
    everything = b"".join(path.read_bytes() for path in store.folder.iterdir())
    assert b"192.0.2" not in everything


def test_folder_that_breaks_is_a_503_and_a_line_in_the_log(
    client: FlaskClient, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    values = form(client)
    store.folder.write_text("no folder")
    for refused in (
        client.post("/feedback", data=values, headers=HTML),
        client.post("/feedback/key", headers=HTML),
    ):
        assert refused.status_code == 503 and "nothing was changed" in refused.text
        assert str(store.folder) not in refused.text and str(store.folder) in caplog.text


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("2001:db8::1", "2001:db8::ffff", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("", "nonsense", False),
    ],
)
def test_a_sender_is_an_address_or_a_network(
    client: FlaskClient, one: str, other: str, same: bool
) -> None:
    hashes = []
    for address in (one, other):
        with client.application.test_request_context(environ_base={"REMOTE_ADDR": address}):
            hashes.append(sender())
    assert (hashes[0] == hashes[1]) is same


def test_feedback_that_was_switched_on_needs_a_folder_that_can_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(ArchstyleError, match="cannot hold feedback"):
        Store(tmp_path / "file" / "kept").sweep()


def test_get_leads_to_the_start(client: FlaskClient) -> None:
    assert client.get("/feedback").headers["Location"] == "./"
