"""A team's store: MLflow's server with basic authentication, PostgreSQL behind it, files in S3."""

import os
import shutil
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import psutil
import pytest
import yaml
from click.testing import CliRunner

from archstyle.cli import main as archstyle
from archstyle.errors import ArchstyleError
from archstyle.photos.store import PhotoStore
from archstyle.registry.promotion import register_candidate, rollback, set_alias
from archstyle.registry.versions import all_versions, champion
from archstyle.tracking.store import connect
from facades import STYLES
from tests.certificates import make_certificates
from tests.compose import compose
from tests.conftest import ROOT
from tests.serving_project import (
    RunningServer,
    free_port,
    photo,
    running_nginx,
    running_server,
    serving,
)
from tests.test_pipeline import copy_of_the_project, run, set_params
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


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of somebody who may use a real S3 server, with the buckets mlflow and dvc."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    aws = {**SECRETS, "AWS_ENDPOINT_URL": address, "AWS_DEFAULT_REGION": "us-east-1"}
    moto = [sys.executable, "-m", "moto.server", "-p", str(port)]
    with serving(moto, port, tmp_path_factory.mktemp("s3") / "log"):
        made = compose({}, {})["services"]["buckets"]["command"]
        subprocess.run([sys.executable, *made[1:]], env={**os.environ, **aws}, check=True)
        yield aws


@pytest.fixture(scope="module", params=["proxied", "direct"])
def team(request: pytest.FixtureRequest, s3: dict[str, str]) -> Iterator[dict[str, Any]]:
    """The environment of somebody who uses the store, the pages' environments, and the database.

    `proxied` is compose.yaml: its commands, and nginx with TLS in front; `direct` gives everybody
    the keys of the bucket, without TLS.
    """
    with ExitStack() as stack:
        # Not below the tests' own folder, which is closed to other users.
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="team-")))
        folder.chmod(0o755)
        (folder / "postgres").mkdir()
        database = Postgres(folder / "postgres")
        stack.callback(database.stop)
        port = free_port()
        server, log = f"127.0.0.1:{port}", folder / "mlflow.log"
        client = {"MLFLOW_TRACKING_USERNAME": USER, "MLFLOW_TRACKING_PASSWORD": PASSWORD}
        if request.param == "direct":
            client |= {"MLFLOW_TRACKING_URI": f"http://{server}", **s3}
            aws = {**s3, "MLFLOW_S3_ENDPOINT_URL": s3["AWS_ENDPOINT_URL"]}
            client |= {"MLFLOW_S3_ENDPOINT_URL": s3["AWS_ENDPOINT_URL"]}
            users = folder / "users.ini"
            users.write_text(
                "[mlflow]\ndefault_permission = READ\nauth_cache_ttl_seconds = 60\n"
                f"database_uri = sqlite:///{folder}/users.db\n"
                f"admin_username = {USER}\nadmin_password = {PASSWORD}\n"
            )
            command = [
                *(sys.executable, "-m", "mlflow", "server", "--app-name", "basic-auth"),
                *("--backend-store-uri", database.address, "--port", str(port), "--workers", "1"),
                *("--default-artifact-root", "s3://mlflow/files", "--no-serve-artifacts"),
            ]
            secret = {"MLFLOW_AUTH_CONFIG_PATH": str(users), "MLFLOW_FLASK_SERVER_SECRET_KEY": "x"}
            secret |= {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
            stack.enter_context(serving(command, port, log, **aws, **secret))
            yield {"database": database, "environment": client, "pages": [client]}
            return
        if not shutil.which("nginx"):
            pytest.skip("nginx is not installed: apt install nginx")
        front, tls, pages = free_port(), free_port(), [free_port(), free_port()]
        given = {
            "MLFLOW_PASSWORD": PASSWORD,
            **{"S3_PASSWORD": SECRETS["AWS_SECRET_ACCESS_KEY"]},
            **{"POSTGRES_PASSWORD": "trusted", "MLFLOW_SECRET": "x"},
            "PAGE_PASSWORD": "may-only-read",
        }
        places = {
            **{"postgres:5432/archstyle": f"127.0.0.1:{database.port}/postgres"},
            **{"s3:7070": s3["AWS_ENDPOINT_URL"].removeprefix("http://")},
            **{"mlflow:5000": server, "localhost:5000": f"localhost:{tls}"},
            **{'"5000"': f'"{port}"', "/users.ini": str(folder / "users.ini")},
        }
        said = compose(given, places)
        (folder / "users.ini").write_text(said["configs"]["users"]["content"])
        mlflow = said["services"]["mlflow"]
        command = [sys.executable, "-m", *mlflow["command"]]
        stack.enter_context(serving(command, port, log, **mlflow["environment"]))
        accounts = said["services"]["accounts"]
        _, *making = accounts["command"]
        for _ in range(2):  # as when everything is started again
            every = {**os.environ, **accounts["environment"]}
            subprocess.run([sys.executable, *making], env=every, check=True)
        # Somebody of the team, made as docs/team.md says.
        told = (ROOT / "docs" / "team.md").read_text("utf-8")
        making_ada = told.partition("python - <<'END'\n")[2].partition("\nEND")[0]
        admin = client | {"MLFLOW_TRACKING_URI": f"http://{server}"}
        subprocess.run([sys.executable, "-c", making_ada], env={**os.environ, **admin}, check=True)
        client |= {"MLFLOW_TRACKING_USERNAME": "ada"}
        client |= {"MLFLOW_TRACKING_PASSWORD": "a password of twelve letters or more"}
        authority = make_certificates(folder)
        own = {
            **{"page1:8000": f"127.0.0.1:{pages[0]}", "page2:8000": f"127.0.0.1:{pages[1]}"},
            **{"listen 443 ssl": f"listen 127.0.0.1:{front} ssl", "/etc/nginx/tls": str(folder)},
            **{"listen 5000 ssl": f"listen 127.0.0.1:{tls} ssl", "mlflow:5000": server},
        }
        stack.enter_context(running_nginx(folder, "nginx-team.conf", own))
        outside = {
            "MLFLOW_TRACKING_URI": f"https://localhost:{tls}",
            "MLFLOW_TRACKING_SERVER_CERT_PATH": str(authority),
        }
        inside = [
            said["services"][f"page{n}"]["environment"]
            | {"PORT": str(at), "ARCHSTYLE_WORKERS": "1"}
            for n, at in enumerate(pages, 1)
        ]
        yield {
            "database": database,
            "environment": client | outside,
            "pages": [inside[0], inside[1] | outside],  # as one on another machine
            "front": (f"https://localhost:{front}", str(authority)),
        }


def test_a_project_lives_on_a_teams_store_and_outlives_its_database(
    team: dict[str, Any], project: Path, tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in team["environment"].items():
        monkeypatch.setenv(name, value)
    first = register_candidate(project, 0.01)
    assert first["alias"] == "champion"
    if "front" in team:  # compose.yaml makes a user for the pages
        with monkeypatch.context() as page:
            for name in ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"):
                page.setenv(name, team["pages"][1][name])
            found = champion()
            assert found and found.version == first["version"]
            with pytest.raises(ArchstyleError, match="MLFLOW_TRACKING_PASSWORD"):
                set_alias("champion", None, "promote", ["A page may only read."])
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

    with ExitStack() as stack:
        servers = []
        for number, page in enumerate(team["pages"]):
            folder = project / f"server{number}"
            folder.mkdir()
            servers.append(stack.enter_context(running_server(folder, **page)))

        def wait_for(text: str) -> None:
            for server in servers:
                server.wait_for("/readyz", text)

        wait_for(f'"run_id":"{first["run_id"]}"')
        if "front" in team:
            answered_through_nginx(team["front"], f'"version":"{first["version"]}"')
        install_bundle(project, tiny_bundle, drawn=True)
        second = register_candidate(project, 0.01)
        ask("promote", second["version"])
        wait_for(f'"version":"{second["version"]}"')
        assert rollback().version == first["version"]
        wait_for(f'"version":"{first["version"]}"')
        for server in servers:  # MLflow's downloads leave no threads behind, four each
            deadline = time.monotonic() + 20
            while (left := threads_of_the_follower(server)) >= 8:
                assert time.monotonic() < deadline, left
                time.sleep(0.1)
        there = {one.version for one in all_versions()}
        assert {first["version"], second["version"]} <= there

        # PostgreSQL's column takes 5,000 signs of the changes.
        for _ in range(6):
            set_alias("challenger", None, "promote", ["Why, at length. " * 80])
            set_alias("challenger", second["version"], "promote", ["Why, at length. " * 80])

        # A wrong password names the variable; nothing is changed.
        monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "wrong")
        assert "MLFLOW_TRACKING_PASSWORD" in ask("versions")
        monkeypatch.setenv(
            "MLFLOW_TRACKING_PASSWORD", team["environment"]["MLFLOW_TRACKING_PASSWORD"]
        )

        if "front" not in team:
            return  # the database is the same behind either way to the files
        team["database"].stop()
        try:
            told = ask("versions")
            assert told.startswith("Error: MLflow at ") and told.count("\n") == 1
            with pytest.raises(ArchstyleError):
                register_candidate(project, 0.01)
            for server in servers:
                assert server.get("/")[0] == 200  # the last good model stays
                assert f'"version":"{first["version"]}"' in server.get("/readyz")[1]
        finally:
            team["database"].start()
        found = champion()
        assert found is not None and found.version == first["version"]


def threads_of_the_follower(server: RunningServer) -> int:
    there = psutil.Process(server.process.pid).children(recursive=True)
    (found,) = [one for one in there if "serving.follower" in one.cmdline()]
    return int(found.num_threads())


def answered_through_nginx(front: tuple[str, str], told: str) -> None:
    """Look at the pages as the public does."""
    address, authority = front
    trusted = ssl.create_default_context(cafile=authority)
    for _ in range(2):  # one of each page
        with urlopen(f"{address}/readyz", context=trusted) as answer:
            assert told in answer.read().decode()
    with pytest.raises(HTTPError) as hidden, urlopen(f"{address}/metrics", context=trusted):
        pass
    assert hidden.value.code == 404
    body = b'--b\r\nContent-Disposition: form-data; name="photo"; filename="a"\r\n\r\n'
    body += photo("gothic") + b"\r\n--b--\r\n"
    kind = {"Content-Type": "multipart/form-data; boundary=b"}
    request = Request(f"{address}/api/v1/predict", body, kind)
    with urlopen(request, context=trusted) as answer:
        assert told in answer.read().decode().replace(": ", ":")


def test_data_and_experiments_are_shared_over_s3(s3: dict[str, str], tmp_path: Path) -> None:
    origin, there = tmp_path / "origin.git", tmp_path / "there"
    here = copy_of_the_project(tmp_path / "here")

    def in_(folder: Path, *words: str) -> str:
        return run(folder, *words, status=0, **s3)

    set_params(here, "use", data="facades")
    set_params(here, "data", limit=3)
    # The first stage alone: what DVC shares of the others is files just as well.
    stages = yaml.safe_load((here / "dvc.yaml").read_text())["stages"]
    (here / "dvc.yaml").write_text(yaml.safe_dump({"stages": {"fetch": stages["fetch"]}}))
    in_(here, "dvc", "repro")
    in_(here, "dvc", "remote", "add", "--default", "team", "s3://dvc/archstyle")
    identity = ("-c", "user.name=Test", "-c", "user.email=test@example.org")
    in_(here, "git", "add", "-A")  # dvc.lock too, which says what belongs to this commit
    in_(here, "git", *identity, "commit", "-qm", "Photos, and where they are shared")
    in_(here, "dvc", "push")
    in_(here, "git", "clone", "-q", "--bare", ".", str(origin))
    in_(here, "git", "remote", "add", "origin", str(origin))
    in_(here, "dvc", "exp", "run", "--name", "more", "-S", "data.limit=4")
    in_(here, "dvc", "exp", "push", "origin", "more")
    tried = (here / "data/raw/photos.zip").read_bytes()

    in_(there.parent, "git", "clone", "-q", str(origin), str(there))
    in_(there, "dvc", "pull")
    raw = there / "data/raw"
    assert len(PhotoStore(raw).files()) == 3 * len(STYLES)
    in_(there, "dvc", "exp", "pull", "origin", "more")
    in_(there, "dvc", "exp", "apply", "more")
    assert len(PhotoStore(raw).files()) == 4 * len(STYLES)
    assert (raw / "photos.zip").read_bytes() == tried
