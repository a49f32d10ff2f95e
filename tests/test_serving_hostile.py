"""What nobody should send, to the real server: a clear refusal, soon, in shape and language."""

import http.client
import json
import re
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.hostile_files import HOSTILE
from tests.serving_project import RunningServer, install_for, photo, running_server

PREDICT, BOUNDARY = "/api/v1/predict", "b"
FORM = f"multipart/form-data; boundary={BOUNDARY}"
SOON, MOST_MEGABYTES = 10.0, 300.0  # seconds for a machine that does other things; MB it may grow


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, tiny_bundle: Path) -> Iterator[RunningServer]:
    folder = tmp_path_factory.mktemp("hostile")
    install_for(folder, tiny_bundle, "1")
    with running_server(folder, ARCHSTYLE_MAX_MEGABYTES="2") as server:
        server.wait_for("/readyz", '"status":"ready"')
        yield server
        assert "Traceback" not in server.log.read_text()


def part(content: bytes, name: bytes = b'; filename="a.jpg"', field: bytes = b"photo") -> bytes:
    head = b'--b\r\nContent-Disposition: form-data; name="' + field + b'"' + name
    return head + b"\r\n\r\n" + content + b"\r\n"


def ask(
    server: RunningServer, method: str, path: str, body: Any = None, **headers: str
) -> tuple[int, str, str]:
    """Return status, content type and text of the answer."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, body, given)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, answer.headers.get("Content-Type", ""), text


def check_both(server: RunningServer, body: bytes, statuses: tuple[int, ...], kind: str) -> str:
    """Send it to the API and, in Spanish, to the page; return what the API said."""
    status, shape, said = ask(server, "POST", PREDICT, body, Content_Type=kind)
    assert status in statuses, said
    told = json.loads(said)
    assert shape == ("application/json" if status == 200 else "application/problem+json")
    assert status == 200 or (told["detail"].endswith(".") and told["code"])
    asked = {"Content_Type": kind, "Accept": "text/html", "Accept_Language": "es"}
    again, shape, page = ask(server, "POST", "/", body, **asked)
    assert (again, shape.split(";")[0]) == (status, "text/html")
    assert '<html lang="es">' in page
    if status != 200:
        refusal = re.sub("<[^>]*>", " ", page[page.index('class="plate refusal"') :])
        assert not re.search(r"\b(the|photo is|cannot|file)\b", refusal[:300])
    return said


def megabytes(server: RunningServer) -> float:
    processes = psutil.Process(server.process.pid).children(recursive=True)
    return sum(p.memory_info().rss for p in processes) / 1e6


@pytest.mark.parametrize("kind", HOSTILE)
def test_file_that_means_harm_is_refused_soon_or_answered(server: RunningServer, kind: str) -> None:
    make, statuses = HOSTILE[kind]
    body = part(make()) + b"--b--\r\n"
    before, start = megabytes(server), time.monotonic()
    check_both(server, body, statuses, FORM)
    assert time.monotonic() - start < SOON
    assert megabytes(server) - before < MOST_MEGABYTES


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (b'; filename="../../etc/passwd"', "passwd"),
        (b'; filename="C:\\\\Windows\\\\house.jpg"', "house.jpg"),
        (b'; filename="a\x00.jpg"', None),
        (b'; filename="' + b"n" * 10_000 + b'.jpg"', "n" * 10_000 + ".jpg"),
        (b'; filename="<script>alert(1)</script>.jpg"', None),
        (b"", "photo"),
    ],
)
def test_odd_name_is_only_shown(server: RunningServer, name: bytes, shown: str | None) -> None:
    body = part(photo(), name) + b"--b--\r\n"
    said = json.loads(check_both(server, body, (200,), FORM))
    assert shown is None or said["file"] == shown
    page = ask(server, "POST", "/", body, Content_Type=FORM)[2]
    assert "<script>alert" not in page


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"".join(part(b"x", b"", b"f%d" % n) for n in range(10_000)) + b"--b--\r\n", FORM, 413),
        (b"".join(part(b"") for n in range(10_000)) + b"--b--\r\n", FORM, 413),
        (part(photo()), "image/jpeg", 400),
        (part(photo()), "multipart/form-data", 400),
        (part(photo()), "multipart/form-data; boundary=" + "z" * 5_000, 400),
        (part(photo()), "application/json", 400),
        (photo(), "", 400),
        (b"photo=a", "application/x-www-form-urlencoded", 400),
        (b"", FORM, 400),
    ],
)
def test_form_that_is_none_is_refused(
    server: RunningServer, body: bytes, kind: str, status: int
) -> None:
    check_both(server, body, (status,), kind)


@pytest.mark.parametrize("path", [PREDICT, "/"])
def test_endless_form_is_refused_while_it_comes(server: RunningServer, path: str) -> None:
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: {FORM}\r\nAccept-Language: es\r\n"
    with socket.create_connection(("127.0.0.1", server.port), 60) as client:
        client.sendall(head.encode() + b"Transfer-Encoding: chunked\r\n\r\n")
        chunk = b"10000\r\n" + b"x" * 65_536 + b"\r\n"
        with suppress(OSError):  # it may be closed while we send
            for _ in range(60):  # 4 MB of the 2 MB that may come, and no end
                client.sendall(chunk)
        answer = client.recv(65_536).decode()
    assert answer.startswith("HTTP/1.1 413 ")
    assert ("problem+json" if path == PREDICT else "text/html") in answer


def test_upload_that_is_cut_off_costs_nobody_anything(server: RunningServer) -> None:
    body = part(photo()) + b"--b--\r\n"
    head = f"POST {PREDICT} HTTP/1.1\r\nHost: x\r\nContent-Type: {FORM}\r\nContent-Length: "
    for sent in (0, 10, len(body) // 2, len(body) - 1):
        with socket.create_connection(("127.0.0.1", server.port), 60) as client:
            client.sendall(f"{head}{len(body)}\r\n\r\n".encode() + body[:sent])
            client.shutdown(socket.SHUT_WR)
            answer = b"".join(iter(lambda: client.recv(65_536), b""))
            assert answer.startswith(b"HTTP/1.1 408 ") and b"request-timeout" in answer
    assert ask(server, "POST", PREDICT, body, Content_Type=FORM)[0] == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("HEAD", "/", 200),
        ("HEAD", PREDICT, 405),
        ("OPTIONS", PREDICT, 200),
        ("PUT", PREDICT, 405),
        ("PUT", "/", 405),
        ("DELETE", "/", 405),
        ("TRACE", "/", 405),
        ("NONSENSE", PREDICT, 405),
        ("GET", "/%2e%2e/%2e%2e/etc/passwd", 404),
        ("GET", "/static/../settings.py", 404),
        ("GET", "/" + "a" * 3_000, 404),
        ("GET", "/styles/%00", 404),
        ("GET", "/?lang=%00&lang[]=x", 200),
    ],
)
def test_other_methods_and_addresses_are_refused(
    server: RunningServer, method: str, path: str, status: int
) -> None:
    answer = ask(server, method, path, Accept="text/html", Accept_Language="es")
    assert answer[0] == status
    assert status < 400 or method == "HEAD" or ("json" in answer[1]) == path.startswith("/api/")


@pytest.mark.parametrize(
    "host", ["", "a b", "x:99999999", "[::1", "../..", "é", "a" * 3_000, "x\x01", "<script>"]
)
def test_nonsense_host_is_refused_or_left_aside(server: RunningServer, host: str) -> None:
    request = f"GET /api/v1/model HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port), 60) as client:
        client.sendall(request.encode())
        answer = client.recv(65_536)
    assert re.match(rb"HTTP/1.1 (200|400) ", answer)
    assert not host or b"<script>" not in answer
    assert server.get("/healthz")[0] == 200
