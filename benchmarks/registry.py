"""How long `archstyle versions` and `lineage` take in a team: `python -m benchmarks.registry`.

Fills MLflow's server on a real PostgreSQL with runs and versions as register writes them, and a
journal, and runs the commands as a user does. The aim is two seconds each.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from io import BytesIO
from pathlib import Path

from archstyle.common.console import progress, say
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
        fill(database)
        say(f"\n{RUNS} runs, {VERSIONS} versions{'best s':>14}{'worst s':>9}{'aim':>6}")
        for name, words in COMMANDS.items():
            taken = sorted(timed(words) for _ in range(TIMES))
            aim = f"{AIM:.1f}" if name.startswith("archstyle") else ""
            say(f"{name:24}{taken[0]:16.2f}{taken[-1]:9.2f}{aim:>6}")


def timed(words: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, *words], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


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


def fill(database: str) -> None:
    """Register two versions as a project does, and make the rest like the first."""
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
    first = version_named("1")
    run = connect().get_run(first.run_id or "")

    from mlflow import MlflowClient
    from mlflow.entities import Metric, Param

    store = MlflowClient(database)  # past the server, which is not what is measured here
    metrics = [Metric(key, value, 0, 0) for key, value in run.data.metrics.items()]
    params = [Param(key, value) for key, value in run.data.params.items()]
    own = {key: value for key, value in run.data.tags.items() if len(value) < 5000}

    def one_run(_: int) -> str:
        made = store.create_run(run.info.experiment_id, tags=own)
        store.log_batch(made.info.run_id, metrics, params)
        store.set_terminated(made.info.run_id)
        return str(made.info.run_id)

    def one_version(run_id: str) -> None:
        tags = {**first.tags, "archstyle.fingerprint": run_id}
        made = store.create_model_version(MODEL_NAME, first.source, run_id, tags=tags)
        change = Change(now(), "promote", "champion", str(made.version), "1", "somebody")
        store.set_registered_model_tag(MODEL_NAME, *to_tag(change))

    with ThreadPoolExecutor(4) as threads:
        runs = list(progress(threads.map(one_run, range(RUNS - 2)), "runs", RUNS - 2))
    for run_id in progress(runs[: VERSIONS - 2], "versions"):  # which are counted one by one
        one_version(run_id)


if __name__ == "__main__":
    main()
