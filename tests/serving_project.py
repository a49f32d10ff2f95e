"""What the tests of the server share: an app with a real small bundle, and a running server."""

import dataclasses
import fcntl
import io
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import termios
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient

from archstyle.bundle import Bundle
from facades import draw_facade
from serving.app import create_app
from serving.models import Model, Models
from serving.settings import Settings

ROOT = Path(__file__).parents[1]
START_SECONDS = 60


def photo(style: str = "gothic", seed: int = 11, kind: str = "JPEG", side: int = 320) -> bytes:
    buffer = io.BytesIO()
    draw_facade(style, seed, side, side).save(buffer, kind)
    return buffer.getvalue()


def model_of(bundle_path: Path, **card: Any) -> Model:
    """The bundle as version 3, with some of its card changed."""
    bundle = Bundle.load(bundle_path, verify=False)
    bundle.card = dataclasses.replace(bundle.card, **card)
    return Model(bundle, "3", "a1b2c3d4e5f6a7b8")


def app_of(model: Model | None, **settings: Any) -> Flask:
    app = create_app(Settings(**settings), Models(model))
    app.testing = True
    return app


def send(client: FlaskClient, path: str, *photos: tuple[bytes, str], accept: str = "*/*") -> Any:
    files = [(io.BytesIO(content), name) for content, name in photos]
    return client.post(path, data={"photo": files}, headers={"Accept": accept})


def altered(bundle: Path, target: Path, **card: Any) -> Path:
    """A copy of a bundle folder with some of its card changed."""
    shutil.copytree(bundle, target)
    values = json.loads((target / "card.json").read_text("utf-8"))
    (target / "card.json").write_text(json.dumps({**values, **card}), "utf-8")
    return target


class RunningServer:
    """`python -m serving` on a free port of this machine, with a cache of its own.

    With a `terminal` (a descriptor) it runs there, else its log is in the folder.
    """

    def __init__(
        self,
        folder: Path,
        terminal: int | None = None,
        python: str = sys.executable,
        **environment: str,
    ):
        self.port = int(environment.get("PORT") or free_port())
        self.address = f"http://127.0.0.1:{self.port}"
        self.environment = {
            **os.environ,
            "ARCHSTYLE_CACHE": str(folder / "cache"),
            "MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db",
            "ARCHSTYLE_WORKERS": "1",
            "ARCHSTYLE_POLL_SECONDS": "0.2",
            "PORT": str(self.port),
            **environment,
        }
        self.log = folder / "serving.log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [python, "-m", "serving"],
                cwd=ROOT,
                env=self.environment,
                stdin=terminal,
                stdout=log if terminal is None else terminal,
                stderr=subprocess.STDOUT,
                start_new_session=terminal is not None,
                preexec_fn=None if terminal is None else control_terminal,
            )

    def get(self, path: str) -> tuple[int, str]:
        """Return status and body; waits while nobody listens yet."""
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                with urllib.request.urlopen(self.address + path, timeout=30) as response:
                    return response.status, response.read().decode()
            except urllib.error.HTTPError as error:
                with error:
                    return error.code, error.read().decode()
            except OSError:
                assert self.process.poll() is None, self.log.read_text()
                assert time.monotonic() < deadline, self.log.read_text()
                time.sleep(0.05)

    def wait_for(self, path: str, text: str) -> str:
        """Ask until the answer holds the text."""
        deadline = time.monotonic() + START_SECONDS
        while text not in (body := self.get(path)[1]):
            assert time.monotonic() < deadline, f"{body}\n{self.log.read_text()}"
            time.sleep(0.1)
        return body

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(90)


def control_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


@contextmanager
def running_server(
    folder: Path, terminal: int | None = None, python: str = sys.executable, **environment: str
) -> Iterator[RunningServer]:
    server = RunningServer(folder, terminal, python, **environment)
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def serving(command: Sequence[str], port: int, log: Path, **environment: str) -> Iterator[None]:
    """Run a server until the block ends; it has started when somebody answers at the port."""
    with log.open("wb") as file:
        every = {**os.environ, **environment}
        process = subprocess.Popen(
            command, stdout=file, stderr=subprocess.STDOUT, env=every, start_new_session=True
        )
        try:
            asking = ["curl", "-s", "-o", os.devnull, f"http://127.0.0.1:{port}/health"]
            for _ in range(900):
                if subprocess.run(asking, check=False).returncode == 0:
                    break
                assert process.poll() is None, log.read_text("utf-8", "replace")[-2000:]
                time.sleep(0.2)
            yield
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
                process.wait(30)


NGINX = """user root; daemon off; pid {0}/pid; error_log {0}/error.log; events {{}}
http {{ access_log off; client_body_temp_path {0}/b; proxy_temp_path {0}/p; fastcgi_temp_path {0}/f;
uwsgi_temp_path {0}/u; scgi_temp_path {0}/s; include {0}/site.conf; }}"""


@contextmanager
def running_nginx(folder: Path, site: str, places: Mapping[str, str]) -> Iterator[None]:
    """Run nginx as the file docs/`site` says, with other `places` than it has."""
    text = (ROOT / "docs" / site).read_text("utf-8")
    for place, here in places.items():
        assert place in text, place
        text = text.replace(place, here)
    (folder / "site.conf").write_text(text)
    (folder / "nginx.conf").write_text(NGINX.format(folder))
    nginx = subprocess.Popen(["nginx", "-p", folder, "-c", folder / "nginx.conf"])
    try:
        yield
    finally:
        nginx.terminate()
        nginx.wait(20)


def install_for(server_folder: Path, bundle: Path, version: str) -> None:
    """Put a bundle into the cache that `RunningServer(server_folder)` uses."""
    code = (
        "import sys, pathlib, archstyle.registry.cache as cache;"
        "cache.install(pathlib.Path(sys.argv[1]), sys.argv[2], 'a1b2c3d4e5f6a7b8')"
    )
    environment = {
        **os.environ,
        "ARCHSTYLE_CACHE": str(server_folder / "cache"),
        "MLFLOW_TRACKING_URI": f"sqlite:///{server_folder}/mlflow.db",
    }
    command = [sys.executable, "-c", code, str(bundle), version]
    subprocess.run(command, env=environment, check=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
