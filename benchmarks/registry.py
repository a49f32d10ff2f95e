"""How long `archstyle versions` and `lineage` take in a team: `python -m benchmarks.registry`.

Fills a real PostgreSQL behind MLflow's server with runs and versions as register writes them, and
its journal, and runs the commands as a user does. The aim is two seconds each.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import psycopg

from archstyle.common.console import say
from archstyle.common.files import write_json
from archstyle.registry.journal import Change, now, to_tag
from archstyle.registry.promotion import register_candidate
from archstyle.registry.versions import version_named
from archstyle.tracking.store import MODEL_NAME, connect
from facades import STYLES, draw_facade
from tests.serving_project import free_port, serving
from tests.test_team_store import Postgres
from tests.tracking_project import install_bundle, label_photos

ROOT = Path(__file__).parents[1]
RUNS, VERSIONS, AIM, TIMES = 1000, 200, 2.0, 5
COMMANDS = {
    "import mlflow": ["-c", "import mlflow"],
    "archstyle versions": ["-m", "archstyle.cli", "versions"],
    "archstyle lineage 1": ["-m", "archstyle.cli", "lineage", "1"],
    "archstyle lineage 1 2": ["-m", "archstyle.cli", "lineage", "1", "2"],
}


def main() -> None:
    with team() as database:
        register_two()
        fill(database)
        say(f"\n{RUNS} runs, {VERSIONS} versions{'best s':>14}{'worst s':>9}{'CPU s':>8}{'aim':>6}")
        for name, words in COMMANDS.items():
            taken, cpu = zip(*sorted(timed(words) for _ in range(TIMES)), strict=True)
            aim = f"{AIM:.1f}" if name.startswith("archstyle") else ""
            say(f"{name:24}{taken[0]:16.2f}{taken[-1]:9.2f}{min(cpu):8.2f}{aim:>6}")


def timed(words: list[str]) -> tuple[float, float]:
    """Return the seconds, and those of a processor, that a command took."""
    start, before = time.perf_counter(), os.times()
    subprocess.run([sys.executable, *words], check=True, stdout=subprocess.DEVNULL)
    after = os.times()
    cpu = after.children_user + after.children_system
    cpu -= before.children_user + before.children_system
    return time.perf_counter() - start, cpu


@contextmanager
def team() -> Iterator[str]:
    """Start PostgreSQL and MLflow's server, work in a project that uses them; give the database."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="team-")))
        folder.chmod(0o755)
        for name in ("postgres", "project"):
            (folder / name).mkdir()
        database = Postgres(folder / "postgres")
        stack.callback(database.stop)
        port = free_port()
        command = [
            *(sys.executable, "-m", "mlflow", "server", "--port", str(port), "--workers", "1"),
            *("--backend-store-uri", database.address),
            *("--artifacts-destination", str(folder / "files")),
        ]
        quiet = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        stack.enter_context(serving(command, port, folder / "mlflow.log", **quiet))
        os.environ["MLFLOW_TRACKING_URI"] = f"http://127.0.0.1:{port}"
        os.environ["ARCHSTYLE_CACHE"] = str(folder / "cache")
        os.chdir(folder / "project")
        try:
            yield database.address
        finally:
            os.chdir(ROOT)


def register_two() -> None:
    """Register two versions of the released bundle as a project does, in the current folder."""
    project, facades = Path.cwd(), {}
    for style in STYLES:
        draw_facade(style, 1, 96, 64).save(drawn := BytesIO(), "PNG")
        facades[f"photos/{style}.png"] = drawn.getvalue()
    install_bundle(project, ROOT / "models" / "released")
    label_photos(project, facades, project / "models" / "bundle")
    for number in ("1", "2"):
        write_json(project / "models" / "run.json", {"run_id": number * 32, "git.commit": number})
        told = {"accuracy": 0.9, "accuracy_low": 0.85, "accuracy_high": 0.94, "macro_f1": 0.89}
        write_json(project / "reports" / "metrics.json", {**told, "test_photos": 100 + int(number)})
        register_candidate(project, 0.01)


def fill(database: str) -> None:
    """Make the rest like the first of the two versions."""
    run = {"run_uuid": "md5(n::text)"}
    version = {"version": "n", "run_id": "md5(n::text)"}
    with psycopg.connect(database) as rows:
        for table in ("runs", "tags", "params", "metrics", "latest_metrics"):
            multiply(rows, table, run, RUNS, f"run_uuid = '{version_named('1').run_id}'")
        for table in ("model_versions", "model_version_tags"):
            multiply(rows, table, version, VERSIONS, "version = 1")
    for version_number in range(3, VERSIONS + 1):
        was, number = str(version_number - 1), str(version_number)
        change = Change(now(), "promote", "champion", number, was, "somebody")
        connect().set_registered_model_tag(MODEL_NAME, *to_tag(change))


def multiply(rows: Any, table: str, others: Mapping[str, str], count: int, condition: str) -> None:
    """Insert rows `n` from 3 to `count`, like those that meet the condition but in `others`."""
    names = "SELECT column_name FROM information_schema.columns WHERE table_name = %s"
    columns = [name for (name,) in rows.execute(names, [table])]
    values = ", ".join(others.get(column, column) for column in columns)
    rows.execute(
        f"INSERT INTO {table} ({', '.join(columns)}) SELECT {values} FROM {table}, "
        f"generate_series(3, {count}) AS n WHERE {condition}"
    )


if __name__ == "__main__":
    main()
