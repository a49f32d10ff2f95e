"""How fast the server answers: `python -m benchmarks.serving [BUNDLE]`.

Against the bare limit: the same reader and the same graph in one process, without a server.
"""

import http.client
import io
import os
import secrets
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from archstyle.bundle import Bundle
from archstyle.common.console import progress, run, say
from archstyle.errors import ArchstyleError
from facades import draw_facade
from serving.settings import Settings

STARTS, REQUESTS, WARM_UP = 5, 200, 10
TARGET_START, TARGET_REQUEST = 3.0, 0.040


def main(arguments: Sequence[str]) -> None:
    bundle_path = Path(arguments[0] if arguments else "models/bundle")
    photo = jpeg()
    threads = Settings().model_threads
    bundle = Bundle.load(bundle_path, threads)
    with tempfile.TemporaryDirectory() as folder:
        environment = prepared_cache(Path(folder), bundle_path)
        starts = [first_answer(environment, photo) for _ in progress(range(STARTS), "starts")]
        bare = timed(lambda: bundle.predict(photo), "bare limit")
        with Server({**environment, "ARCHSTYLE_WORKERS": "1"}) as server:
            server.wait()
            api = timed(lambda: server.post("/api/v1/predict", photo), "API")
            page = timed(lambda: server.post("/", photo), "page")
    say(f"\n{bundle.card.name}, {threads} threads, {os.cpu_count()} cores, 640x480 JPEG")
    say(f"{'':44}{'median':>10}{'95 %':>10}{'aim':>10}")
    row("first answer after `python -m serving`, s", starts, TARGET_START, 1)
    row("bare limit: reader and graph, ms", bare, None)
    row("POST /api/v1/predict, one worker, ms", api, TARGET_REQUEST)
    row("POST / (whole page, map, preview), ms", page, None)
    say(f"the API takes {statistics.median(api) / statistics.median(bare):.2f} times the limit")


def jpeg() -> bytes:
    buffer = io.BytesIO()
    draw_facade("gothic", 1, 640, 480).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def prepared_cache(folder: Path, bundle_path: Path) -> dict[str, str]:
    """Put the bundle where the server looks; no registry is asked."""
    environment = {
        **os.environ,
        "ARCHSTYLE_CACHE": str(folder),
        "MLFLOW_TRACKING_URI": f"sqlite:///{folder}/none.db",
        "PORT": str(free_port()),
    }
    code = (
        "import sys, pathlib, archstyle.registry.cache as cache;"
        "cache.install(pathlib.Path(sys.argv[1]), '1')"
    )
    subprocess.run([sys.executable, "-c", code, str(bundle_path)], env=environment, check=True)
    return environment


def first_answer(environment: dict[str, str], photo: bytes) -> float:
    start = time.perf_counter()
    with Server(environment) as server:
        server.wait()
        server.post("/api/v1/predict", photo)
        return time.perf_counter() - start


def timed(action: Callable[[], object], name: str) -> list[float]:
    for _ in range(WARM_UP):
        action()
    seconds = []
    for _ in progress(range(REQUESTS), name):
        start = time.perf_counter()
        action()
        seconds.append(time.perf_counter() - start)
    return seconds


def row(name: str, seconds: list[float], aim: float | None, scale: int = 1000) -> None:
    high = statistics.quantiles(seconds, n=20, method="inclusive")[-1]
    shown = "" if aim is None else f"{aim * scale:g}"
    say(f"{name:44}{statistics.median(seconds) * scale:10.2f}{high * scale:10.2f}{shown:>10}")


class Server:
    """`python -m serving` in a process of its own, with one connection to it."""

    def __init__(self, environment: dict[str, str]):
        self.port = int(environment["PORT"])
        self.process = subprocess.Popen(
            [sys.executable, "-m", "serving"],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)

    def wait(self) -> None:
        while True:
            try:
                self.connection.connect()
                return
            except OSError:
                self.connection.close()
                if self.process.poll() is not None:
                    raise ArchstyleError(
                        "The server ended; `python -m serving` says why."
                    ) from None
                time.sleep(0.01)

    def post(self, path: str, photo: bytes) -> bytes:
        boundary = secrets.token_hex(16)
        head = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="photo"; filename="p.jpg"\r\n'
            "Content-Type: image/jpeg\r\n\r\n"
        )
        body = head.encode() + photo + f"\r\n--{boundary}--\r\n".encode()
        kind = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        self.connection.request("POST", path, body, kind)
        response = self.connection.getresponse()
        content = response.read()
        if response.status != 200:
            raise ArchstyleError(f"{path} answered {response.status}: {content[:200]!r}")
        return content


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    run(main)
