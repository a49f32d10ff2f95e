"""How a page follows a team's registry: `python -m benchmarks.following [SECONDS [PYTHON]]`.

promotion  from a change made elsewhere until the page answers with it, twenty times
away       SECONDS (60 by default) without the registry, a photo each second meanwhile; then
           from when it is back until the page answers with what was promoted meanwhile
memory     PSS of the follower, after all this

The registry is `mlflow server` on PostgreSQL, the page asks it through a line that is cut. PYTHON
runs the page: that of an environment with `archstyle[serving]` alone has MLflow's client only.
"""

import http.client
import os
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from archstyle.common.console import progress, run, say, table
from archstyle.errors import ArchstyleError
from archstyle.registry.promotion import make_champion
from archstyle.registry.versions import version_named
from benchmarks.registry import register_two, team
from benchmarks.serving import KIND, body_of, jpeg
from serving.settings import Settings
from tests.network_line import Line
from tests.serving_project import RunningServer, running_server

CHANGES, AFTER, LATEST, MEGABYTES = 20, 2.0, 150.0, 120
PATH = "/api/v1/predict"


def main(arguments: Sequence[str]) -> None:
    away = float(arguments[0]) if arguments else 60.0
    python = arguments[1] if arguments[1:] else sys.executable
    poll = Settings().poll_seconds
    with team(), tempfile.TemporaryDirectory(prefix="following-") as folder:
        register_two()
        line = Line(urlsplit(os.environ["MLFLOW_TRACKING_URI"]).port or 0)
        page = {
            "MLFLOW_TRACKING_URI": f"http://127.0.0.1:{line.port}",
            "ARCHSTYLE_WORKERS": "2",
            "ARCHSTYLE_POLL_SECONDS": str(poll),
        }
        with running_server(Path(folder), None, python, **page) as server:
            until(server, "1", time.monotonic())
            taken = sorted(
                followed(server, number) for number in progress(range(CHANGES), "changes")
            )
            line.cut()
            answers = asked(server, away)
            make_champion(version_named("2"), "promote", ["Measured."])
            line.mend()
            back = until(server, "2", time.monotonic())
            megabytes = follower_memory(server)
    refused = sum(status != 200 for status, _ in answers)
    slowest = max(took for _, took in answers)
    say(
        "\n"
        + table(
            [
                ("what", "measured", "aim"),
                (f"{CHANGES} promotions, median", f"{taken[CHANGES // 2]:.1f} s", ""),
                ("latest", f"{taken[-1]:.1f} s", f"{poll + AFTER:.1f} s"),
                (f"{away:.0f} s away: photos not answered", f"{refused} of {len(answers)}", "0"),
                ("slowest answer meanwhile", f"{1000 * slowest:.0f} ms", ""),
                ("back, until it is followed", f"{back:.1f} s", ""),
                ("memory of the follower", f"{megabytes:.0f} MB", f"{MEGABYTES} MB"),
            ]
        )
    )


def followed(server: RunningServer, number: int) -> float:
    """Promote the other version, at any time between two looks; return how late it answers."""
    time.sleep(random.uniform(0, 3))
    to = version_named("21"[number % 2])
    began = time.monotonic()
    make_champion(to, "promote", ["Measured."])
    return until(server, to.version, began)


def until(server: RunningServer, version: str, began: float) -> float:
    while f'"version":"{version}"' not in server.get("/readyz")[1]:
        time.sleep(0.05)
        if time.monotonic() - began > LATEST:
            raise ArchstyleError(f"Version {version} does not answer after {LATEST:.0f} s.")
    return time.monotonic() - began


def asked(server: RunningServer, seconds: float) -> list[tuple[int, float]]:
    """Send a photo each second; return each answer's status and time."""
    body, found = body_of(jpeg()), []
    for _ in progress(range(max(1, round(seconds))), "photos"):
        began = time.monotonic()
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        try:
            connection.request("POST", PATH, body, {"Content-Type": KIND})
            status = (answer := connection.getresponse()).status
            answer.read()
        except (OSError, http.client.HTTPException):
            status = 0
        connection.close()
        found.append((status, took := time.monotonic() - began))
        time.sleep(max(0.0, 1 - took))
    return found


def follower_memory(server: RunningServer) -> float:
    for one in psutil.Process(server.process.pid).children(recursive=True):
        if "serving.follower" in one.cmdline():
            return float(one.memory_full_info().pss / 1e6)
    raise ArchstyleError("The server has no follower.")


if __name__ == "__main__":
    run(main)
