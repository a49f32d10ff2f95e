"""How fast the server answers: `python -m benchmarks.serving [BUNDLE]`.

Against the bare limit: the same reader and the same graph in a loop, without a server. What many
clients get is measured by wrk (of the package wrk), where it is there.
"""

import base64
import http.client
import io
import json
import os
import secrets
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import psutil

from archstyle.bundle import Bundle
from archstyle.common.console import progress, run, say
from archstyle.common.parallel import cores
from archstyle.errors import ArchstyleError
from facades import draw_facade
from serving.settings import Settings

STARTS, REQUESTS, WARM_UP = 5, 200, 10
CONNECTIONS, LOAD_SECONDS = (2, 8, 64), 10
TARGET_START, TARGET_REQUEST = 3.0, 0.040
BOUNDARY = secrets.token_hex(16)
KIND = f"multipart/form-data; boundary={BOUNDARY}"
WRK = """
local body = io.open("%s", "rb")
wrk.method, wrk.body = "POST", body:read("*a")
wrk.headers["Content-Type"] = "%s"
done = function(summary, latency, requests)
  local e = summary.errors
  print(string.format('{"count": %%d, "rate": %%f, "median": %%f, "high": %%f, "failed": %%d}',
    summary.requests, 1e6 * summary.requests / summary.duration, latency:percentile(50) / 1e6,
    latency:percentile(95) / 1e6, e.connect + e.read + e.write + e.status + e.timeout))
end
"""


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
        loads = many_clients(environment, Path(folder), photo) if shutil.which("wrk") else []
        others = other_ways(Path(folder), bundle_path, photo) if loads else {}
    say(f"\n{bundle.card.name}, {threads} threads, {os.cpu_count()} cores, 640x480 JPEG")
    say(f"{'':44}{'median':>10}{'95 %':>10}{'aim':>10}")
    row("first answer after `python -m serving`, s", starts, TARGET_START, 1)
    row("bare limit: reader and graph, ms", bare, None)
    row("POST /api/v1/predict, one worker, ms", api, TARGET_REQUEST)
    row("POST / (whole page, map, preview), ms", page, None)
    say(f"the API takes {statistics.median(api) / statistics.median(bare):.2f} times the limit")
    limit, processor = bare_rate(Bundle.load(bundle_path), photo)
    heads = ("a second", "median", "95 %", "processor", "failed")
    say(f"\n{'':44}{''.join(f'{head:>10}' for head in heads)}")
    say(f"{f'bare limit: {cores()} threads, ms':44}{limit:10.0f}{'':20}{processor * 1000:10.1f}")
    for connections, load in zip(CONNECTIONS, loads, strict=False):
        numbers = [load["rate"], *(1000 * load[k] for k in ("median", "high"))]
        say(
            f"{f'wrk, {connections} connections, ms':44}{''.join(f'{n:10.0f}' for n in numbers)}"
            f"{load['processor'] * 1000:10.1f}{load['failed']:10.0f}"
        )
    if not loads:
        say("wrk is not installed (`apt-get install wrk`): many clients are not measured.")
        return
    eight, many = loads[CONNECTIONS.index(8)]["rate"], loads[CONNECTIONS.index(64)]["rate"]
    say(f"{'8 connections, of the bare limit (aim: 0.85)':44}{eight / limit:10.2f}")
    say(f"{'64 connections, of what 8 get (aim: 0.9)':44}{many / eight:10.2f}")
    for (name, aim), load in others.items():
        say(f"{f'{name}, 8 connections, ms':44}{load['rate']:10.0f}{1000 * load['median']:10.0f}")
        say(f"{f'  we answer so many times more (aim: {aim})':44}{eight / load['rate']:10.1f}")


def other_ways(folder: Path, bundle: Path, photo: bytes) -> dict[tuple[str, str], dict[str, float]]:
    """Return what 8 connections get of what people would use instead, by its name and our aim."""
    kind, encoded = "application/json", base64.b64encode(photo).decode()
    rows = {"dataframe_split": {"columns": ["photo"], "data": [[encoded]]}}
    ways = {
        ("Flask's server, Keras predict", "10"): ("flask", "/", body_of(photo), KIND),
        ("mlflow models serve", "1.6"): ("mlflow", "/invocations", json.dumps(rows).encode(), kind),
    }
    found = {}
    for name, (way, path, body, of_body) in ways.items():
        port = free_port()
        command = [sys.executable, "-m", "benchmarks._instead", way]
        server = subprocess.Popen(
            [*command, str(bundle), str(port), str(folder / way)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            answered = b""
            while not answered:
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
                try:
                    connection.request("POST", path, body, {"Content-Type": of_body})
                    answered = connection.getresponse().read()
                except OSError:
                    if server.poll() is not None:
                        raise ArchstyleError(f"{name[0]} ended before it answered.") from None
                    time.sleep(0.5)
            if b'"style"' not in answered:
                raise ArchstyleError(f"{name[0]} answered {answered[:200]!r}")
            found[name] = wrk(folder, f"http://127.0.0.1:{port}{path}", body, of_body, 8)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(server.pid, signal.SIGKILL)
            server.wait()
    return found


def bare_rate(bundle: Bundle, photo: bytes) -> tuple[float, float]:
    """Return the photos a second with a thread on every core, and a photo's processor seconds."""
    count = 5 * REQUESTS
    with ThreadPoolExecutor(cores()) as pool:
        list(pool.map(bundle.predict, [photo] * WARM_UP))
        start, used = time.perf_counter(), time.process_time()
        list(pool.map(bundle.predict, [photo] * count))
        return count / (time.perf_counter() - start), (time.process_time() - used) / count


def many_clients(environment: dict[str, str], folder: Path, photo: bytes) -> list[dict[str, float]]:
    """Return what wrk measures with each number of CONNECTIONS, in their order."""
    found = []
    with Server(environment) as server:
        server.wait()
        server.post("/api/v1/predict", photo)
        address = f"http://127.0.0.1:{server.port}/api/v1/predict"
        for connections in progress(CONNECTIONS, "wrk"):
            used = server.processor_seconds()
            load = wrk(folder, address, body_of(photo), KIND, connections)
            load["processor"] = (server.processor_seconds() - used) / load["count"]
            found.append(load)
    return found


def wrk(folder: Path, address: str, body: bytes, kind: str, connections: int) -> dict[str, float]:
    """Return what wrk measures of posting the body to the address for LOAD_SECONDS."""
    (folder / "body").write_bytes(body)
    (folder / "post.lua").write_text(WRK % (folder / "body", kind))
    command = ["wrk", "-t", "1", "-c", str(connections), "-d", f"{LOAD_SECONDS}s"]
    command += ["--timeout", "10s", "-s", str(folder / "post.lua"), address]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found: dict[str, float] = json.loads(output.splitlines()[-1])
    return found


def body_of(photo: bytes) -> bytes:
    head = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="photo"; filename="p.jpg"\r\n'
        "Content-Type: image/jpeg\r\n\r\n"
    )
    return head.encode() + photo + f"\r\n--{BOUNDARY}--\r\n".encode()


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
        "ARCHSTYLE_RELEASED": str(folder / "none"),  # a bundle of drawings would come after it
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

    def processor_seconds(self) -> float:
        """What all of its processes have used."""
        times = [p.cpu_times() for p in psutil.Process(self.process.pid).children(recursive=True)]
        return sum(used.user + used.system for used in times)

    def post(self, path: str, photo: bytes) -> bytes:
        self.connection.request("POST", path, body_of(photo), {"Content-Type": KIND})
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
