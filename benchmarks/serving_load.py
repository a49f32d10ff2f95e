"""What the server bears: `python -m benchmarks.serving_load [ROW ...]`, all rows by default.

memory    PSS of all its processes, before and after 10,000 uploads
slow      8 honest clients alone, then beside 8 that send one byte a second
overload  64 and 256 clients at once: what is answered how late, what is sent away how soon
swaps     20 swaps of the bundle under 16 clients in 60 s

About 6 minutes on two cores, idle but for this; the clients are on the same cores.
"""

import http.client
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import psutil

from archstyle.common.console import run, say
from archstyle.errors import ArchstyleError
from benchmarks.serving import KIND, Server, body_of, jpeg, prepared_cache

BUNDLE, PATH = Path("models/released"), "/api/v1/predict"
UPLOADS, SWAPS = 10_000, 20
INSTALL = (
    "import sys, pathlib, archstyle.registry.cache as cache;"
    "cache.install(pathlib.Path(sys.argv[1]), sys.argv[2])"
)
Answer = tuple[int, float, str]  # status, seconds, version


def main(arguments: Sequence[str]) -> None:
    rows: dict[str, Callable[[Server, dict[str, str]], None]] = {
        "memory": memory,
        "slow": slow,
        "overload": overload,
        "swaps": swaps,
    }
    if unknown := set(arguments) - rows.keys():
        raise ArchstyleError(f"There is no row {', '.join(unknown)}: choose of {', '.join(rows)}.")
    for name in arguments or rows:
        with tempfile.TemporaryDirectory() as folder:
            environment = prepared_cache(Path(folder), BUNDLE)
            with Server(environment) as server:
                server.wait()
                server.post(PATH, jpeg())
                rows[name](server, environment)


def load(server: Server, clients: int, goes_on: Callable[[], bool]) -> list[Answer]:
    """Return what each of the clients, which send one photo after the other, was answered."""
    body = body_of(jpeg())

    def client(_: int) -> list[Answer]:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        found = []
        while goes_on():
            start = time.perf_counter()
            try:
                connection.request("POST", PATH, body, {"Content-Type": KIND})
                answer = connection.getresponse()
                text, status = answer.read().decode(), answer.status
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                text, status = type(error).__name__, 0
            version = text.partition('"version":"')[2].partition('"')[0]
            found.append((status, time.perf_counter() - start, version))
            if status == 503:
                time.sleep(float(answer.headers["Retry-After"]))
        return found

    with ThreadPoolExecutor(clients) as pool:
        return [one for each in pool.map(client, range(clients)) for one in each]


def seconds(length: float) -> Callable[[], bool]:
    end = time.monotonic() + length
    return lambda: time.monotonic() < end


def told(name: str, answers: list[Answer], length: float) -> float:
    """Say how many were answered a second and how late; return the rate."""
    good = sorted(took for status, took, _ in answers if status == 200)
    rate, high = len(good) / length, good[int(0.99 * len(good))] if good else 0.0
    others = Counter(status for status, _, _ in answers if status != 200)
    say(f"{name:44}{rate:8.0f} a second, 99 % within {1000 * high:.0f} ms; others {dict(others)}")
    if away := sorted(took for status, took, _ in answers if status == 503):
        say(f"{'  sent away':44}half of them within {1000 * away[len(away) // 2]:.0f} ms")
    return rate


def memory(server: Server, environment: dict[str, str]) -> None:
    def megabytes() -> float:
        found = [
            psutil.Process(server.process.pid),
            *psutil.Process(server.process.pid).children(recursive=True),
        ]
        return float(sum(p.memory_full_info().pss for p in found) / 1e6)

    time.sleep(10)  # the follower imports MLflow
    before, left = megabytes(), count()
    load(server, 8, lambda: next(left) < UPLOADS)
    name = f"PSS, MB: before, after {UPLOADS} (aim: under 300)"
    say(f"{name:44}{before:8.0f}{megabytes():8.0f}")


def slow(server: Server, environment: dict[str, str]) -> None:
    alone = told("8 honest clients", load(server, 8, seconds(10)), 10)
    stopped = threading.Event()
    head = (
        f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: {KIND}\r\nContent-Length: 90000\r\n\r\n"
    )

    def drip() -> None:
        while not stopped.is_set():
            try:
                with socket.create_connection(("127.0.0.1", server.port)) as client:
                    client.sendall(head.encode())
                    while not stopped.wait(1):
                        client.sendall(b"x")
            except OSError:
                continue

    drips = [threading.Thread(target=drip) for _ in range(8)]
    for each in drips:
        each.start()
    time.sleep(2)
    beside = told("the same beside 8 of a byte a second", load(server, 8, seconds(10)), 10)
    stopped.set()
    for each in drips:
        each.join()
    say(f"{'they lose, % (aim: under 20)':44}{100 * (1 - beside / alone):8.0f}")


def overload(server: Server, environment: dict[str, str]) -> None:
    for clients in (64, 256):
        found = load(server, clients, seconds(20))
        told(f"{clients} clients (aim: 99 % under 2,000 ms)", found, 20)


def swaps(server: Server, environment: dict[str, str]) -> None:
    def swap() -> None:
        for number in range(SWAPS):
            command = [sys.executable, "-c", INSTALL, str(BUNDLE), str(number + 2)]
            subprocess.run(command, env={**os.environ, **environment}, check=True)
            time.sleep(2)

    swapping = threading.Thread(target=swap)
    swapping.start()
    answers = load(server, 16, swapping.is_alive)
    told("20 swaps under 16 clients (aim: no others)", answers, 60)
    versions = {version for _, _, version in answers}
    say(f"{'versions that answered':44}{len(versions):8d}")


if __name__ == "__main__":
    run(main)
