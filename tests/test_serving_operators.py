"""What operators see: metrics, the access log, a proxy in front."""

import json
import re
import shutil
import socket
import time
import urllib.request
from pathlib import Path

import pytest
from flask import request
from flask.testing import FlaskClient

from tests.serving_project import (
    RunningServer,
    app_of,
    free_port,
    install_for,
    model_of,
    photo,
    running_nginx,
    running_server,
    send,
)

PREDICT = "/api/v1/predict"


@pytest.fixture
def client(tiny_bundle: Path) -> FlaskClient:
    model = model_of(tiny_bundle, threshold=0.0, distance_threshold=1e9)
    return app_of(model, proxies=1).test_client()


def numbers(text: str) -> dict[str, float]:
    """Return {name with labels: value} of what /metrics says."""
    lines = [line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in lines}


def test_metrics_count_requests_answers_abstentions_and_time(client: FlaskClient) -> None:
    def now() -> dict[str, float]:
        return numbers(client.get("/metrics").get_data(as_text=True))

    before = now()
    send(client, PREDICT, (photo("gothic"), "secret.jpg"), (b"no photo", "b"))
    client.get("/styles/secret")
    after = now()
    risen = {name for name, value in after.items() if value > before.get(name, 0)}
    for name in (
        'archstyle_requests_total{route="/api/v1/predict",status="200"}',
        'archstyle_requests_total{route="/styles/<name>",status="404"}',
        'archstyle_answers_total{style="gothic"}',
        'archstyle_unanswered_total{reason="not-a-photo"}',
        *(
            f'archstyle_phase_seconds_count{{phase="{phase}"}}'
            for phase in ("receive", "read", "infer", "render")
        ),
    ):
        assert name in risen
    assert after["archstyle_uploads_receiving"] == 0
    assert "secret" not in str(after)


def test_health_tells_the_public_nothing_of_hosts_and_paths(client: FlaskClient) -> None:
    for path in ("/healthz", "/readyz"):
        text = client.get(path, headers={"Host": "inside.example"}).get_data(as_text=True)
        assert not re.search(r"/|\\\\|localhost|inside|\d+\.\d+\.\d+", text), text


@pytest.mark.parametrize(("proxies", "prefix"), [(1, "/styles-of"), (0, "")])
def test_prefix_of_a_proxy_is_believed_only_where_there_is_one(
    tiny_bundle: Path, proxies: int, prefix: str
) -> None:
    app = app_of(model_of(tiny_bundle), proxies=proxies)
    seen = []
    app.before_request(lambda: seen.append(request.script_root))
    page = app.test_client().get("/styles", headers={"X-Forwarded-Prefix": "/styles-of"})
    assert seen == [prefix]
    assert 'href="./static/style.css' in page.get_data(as_text=True)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, tiny_bundle: Path):
    folder = tmp_path_factory.mktemp("operated")
    install_for(folder, tiny_bundle, "1")
    settings = {"WORKERS": "2", "ACCESS_LOG": "1", "PROXIES": "1"}
    variables = {f"ARCHSTYLE_{name}": value for name, value in settings.items()}
    with running_server(folder, None, **variables) as server:
        server.wait_for("/metrics", 'archstyle_model_workers{version="1"} 2.0')
        yield server


def test_all_workers_count_together(running: RunningServer) -> None:
    name = 'archstyle_requests_total{route="/healthz",status="200"}'
    before = numbers(running.get("/metrics")[1]).get(name, 0)
    for _ in range(20):
        running.get("/healthz")
    assert numbers(running.get("/metrics")[1])[name] == before + 20


def test_access_log_has_neither_address_nor_file_name(running: RunningServer) -> None:
    with socket.create_connection(("127.0.0.1", running.port), 30) as client:
        client.sendall(b"no HTTP\r\n\r\n")
        assert client.recv(65536).startswith(b"HTTP/1.1 400 ")
    running.get("/styles/of-somebody?name=somebody")
    deadline = time.monotonic() + 20
    while "/styles/<name>" not in (log := running.log.read_text()):  # written after the answer
        assert time.monotonic() < deadline, log
        time.sleep(0.05)
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    line = next(line for line in lines if line["route"] == "/styles/<name>")
    assert (line["method"], line["status"]) == ("GET", 404)
    assert line.keys() == {"time", "method", "route", "status", "bytes", "seconds"}
    assert "somebody" not in log
    assert "127.0.0.1" not in log.replace(f"answers at {running.address} ", "")


@pytest.mark.skipif(not shutil.which("nginx"), reason="nginx is not installed: apt install nginx")
def test_nginx_example_serves_it_under_a_prefix(running: RunningServer, tmp_path: Path) -> None:
    port = free_port()
    front = object.__new__(RunningServer)
    front.__dict__ |= {**running.__dict__, "address": f"http://127.0.0.1:{port}"}
    places = {"listen 80;": f"listen 127.0.0.1:{port};", ":8000/": f":{running.port}/"}
    with running_nginx(tmp_path, "nginx.conf", places):
        assert front.get("/archstyle/readyz")[0] == 200
        assert front.get("/archstyle/metrics")[0] == 404
        page = front.get("/archstyle/")[1]
        style = re.search(r'href="(\./static/style\.css[^"]*)"', page)
        assert style and front.get(f"/archstyle/{style[1]}")[0] == 200
        described = json.loads(front.get("/archstyle/api/v1/openapi.json")[1])
        assert described["servers"] == [{"url": "../.."}]
        body = b'--b\r\nContent-Disposition: form-data; name="photo"; filename="a"\r\n\r\n'
        body += photo("gothic") + b"\r\n--b--\r\n"
        kind = {"Content-Type": "multipart/form-data; boundary=b"}
        request = urllib.request.Request(f"{front.address}/archstyle{PREDICT}", body, kind)
        with urllib.request.urlopen(request) as answer:
            assert json.load(answer)["style"] == "gothic"
