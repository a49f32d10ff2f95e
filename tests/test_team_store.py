"""A team's store: MLflow's server with basic authentication, PostgreSQL behind it, files in S3."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest
from click.testing import CliRunner

from archstyle.cli import main as archstyle
from archstyle.errors import ArchstyleError
from archstyle.registry.promotion import register_candidate, rollback
from archstyle.registry.versions import all_versions, champion
from archstyle.tracking.store import connect
from tests.serving_project import free_port, running_server
from tests.tracking_project import empty_database, facades, install_bundle, project

__all__ = ["empty_database", "facades", "project"]

pytestmark = pytest.mark.slow
SECRETS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}
USER, PASSWORD = "admin", "a-long-password"


class Postgres:
    """A database cluster of its own, which is no one's but root's to run as another user."""

    def __init__(self, folder: Path):
        programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
        found = shutil.which("initdb") or (programs and str(programs[-1] / "initdb"))
        if not found:
            pytest.skip("PostgreSQL is not installed: `apt-get install postgresql`")
        self.bin, self.folder, self.port = Path(found).parent, folder / "data", free_port()
        self.by: list[str] = []
        if os.getuid() == 0:  # as which it does not run
            self.by = ["runuser", "-u", "postgres", "--"]
            shutil.chown(folder, "postgres")
        self.run("initdb", "-U", "archstyle", "-A", "trust", "-N", "-D", str(self.folder))
        self.start()
        self.address = f"postgresql://archstyle@127.0.0.1:{self.port}/postgres"

    def run(self, program: str, *words: str) -> None:
        subprocess.run([*self.by, self.bin / program, *words], check=True, capture_output=True)

    def start(self) -> None:
        place = f"-p {self.port} -k {self.folder} -h 127.0.0.1 -F"
        log = str(self.folder / "log")
        self.run("pg_ctl", "-D", str(self.folder), "-w", "-l", log, "-o", place, "start")

    def stop(self) -> None:
        self.run("pg_ctl", "-D", str(self.folder), "-w", "-m", "immediate", "stop")


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


@pytest.fixture(scope="module", params=["proxied", "direct"])
def team(request: pytest.FixtureRequest) -> Iterator[dict[str, Any]]:
    """The environment of somebody who uses the store, and the database."""
    with ExitStack() as stack:
        # Not below the tests' own folder, which is closed to other users.
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="team-")))
        folder.chmod(0o755)
        (folder / "postgres").mkdir()
        database = Postgres(folder / "postgres")
        stack.callback(database.stop)
        s3, port = free_port(), free_port()
        moto = [sys.executable, "-m", "moto.server", "-p", str(s3)]
        stack.enter_context(serving(moto, s3, folder / "s3.log"))
        aws = {**SECRETS, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{s3}", "AWS_REGION": "us-east-1"}
        aws |= {"MLFLOW_S3_ENDPOINT_URL": aws["AWS_ENDPOINT_URL"]}
        with pytest.MonkeyPatch.context() as patch:
            for name, value in aws.items():
                patch.setenv(name, value)
            boto3.client("s3").create_bucket(Bucket="mlflow")
        users = folder / "users.ini"
        users.write_text(
            "[mlflow]\ndefault_permission = READ\n"
            f"database_uri = sqlite:///{folder}/users.db\n"
            f"admin_username = {USER}\nadmin_password = {PASSWORD}\n"
        )
        command = [
            *(sys.executable, "-m", "mlflow", "server", "--app-name", "basic-auth"),
            *("--backend-store-uri", database.address, "--port", str(port), "--workers", "1"),
        ]
        if request.param == "proxied":
            command += ["--artifacts-destination", "s3://mlflow/files"]
            client: dict[str, str] = {}
        else:
            command += ["--default-artifact-root", "s3://mlflow/files", "--no-serve-artifacts"]
            client = aws
        secret = {"MLFLOW_AUTH_CONFIG_PATH": str(users), "MLFLOW_FLASK_SERVER_SECRET_KEY": "x"}
        stack.enter_context(serving(command, port, folder / "mlflow.log", **aws, **secret))
        yield {
            "database": database,
            "environment": {
                **client,
                "MLFLOW_TRACKING_URI": f"http://127.0.0.1:{port}",
                "MLFLOW_TRACKING_USERNAME": USER,
                "MLFLOW_TRACKING_PASSWORD": PASSWORD,
            },
        }


def test_a_project_lives_on_a_teams_store_and_outlives_its_database(
    team: dict[str, Any], project: Path, tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in team["environment"].items():
        monkeypatch.setenv(name, value)
    first = register_candidate(project, 0.01)
    assert first["alias"] == "champion"
    run = connect().get_run(first["run_id"])
    assert run.info.status == "FINISHED" and run.data.metrics["test/accuracy"] == 0.9
    kept = {one.path for one in connect().list_artifacts(first["run_id"], "reports")}
    assert {"reports/index.html", "reports/metrics.json"} <= kept
    assert not list(project.glob("mlartifacts/*"))

    def ask(*words: str) -> str:
        done = CliRunner().invoke(archstyle, list(words))
        return done.stdout if done.exit_code == 0 else done.output

    assert "files are as registered" in ask("verify", first["version"])
    assert ask("export", "champion", str(project / "given")).startswith("Version")
    assert (project / "given/bundle/model.tflite").is_file()

    folder = project / "server"
    folder.mkdir()
    with running_server(folder, **team["environment"]) as server:
        server.wait_for("/readyz", f'"run_id":"{first["run_id"]}"')
        install_bundle(project, tiny_bundle, drawn=True)
        second = register_candidate(project, 0.01)
        ask("promote", second["version"])
        server.wait_for("/readyz", f'"version":"{second["version"]}"')
        assert rollback().version == first["version"]
        server.wait_for("/readyz", f'"version":"{first["version"]}"')
        there = {one.version for one in all_versions()}
        assert {first["version"], second["version"]} <= there

        # A wrong password names the variable; nothing is changed.
        monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "wrong")
        assert "MLFLOW_TRACKING_PASSWORD" in ask("versions")
        monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", PASSWORD)

        if "AWS_REGION" in team["environment"]:
            return  # the database is the same behind either way to the files
        team["database"].stop()
        try:
            told = ask("versions")
            assert told.startswith("Error: MLflow at ") and told.count("\n") == 1
            with pytest.raises(ArchstyleError):
                register_candidate(project, 0.01)
            assert server.get("/")[0] == 200  # the last good model stays
            assert f'"version":"{first["version"]}"' in server.get("/readyz")[1]
        finally:
            team["database"].start()
        found = champion()
        assert found is not None and found.version == first["version"]
