"""Faults around a project, each really caused: docs/reliability.md has the table of them all."""

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from archstyle.errors import ArchstyleError
from archstyle.registry import journal, lock
from archstyle.registry.cache import load_model
from archstyle.registry.journal import previous_champion
from archstyle.registry.lock import locked_registry
from archstyle.registry.portable import verify
from archstyle.registry.promotion import promote, register_candidate, set_alias
from archstyle.registry.versions import champion, changes
from archstyle.tracking import runlog
from archstyle.tracking.runs import start_run
from archstyle.tracking.store import EXPERIMENT, MODEL_NAME, connect, prepare_store
from tests.network_line import Line
from tests.tracking_project import CONFIG, empty_database, facades, project

__all__ = ["empty_database", "facades", "project"]

pytestmark = pytest.mark.slow
COUNT = """
from pathlib import Path
from archstyle.registry.lock import locked_registry
for _ in range(5):
    with locked_registry("register"):
        Path("n").write_text(str(1 + int(Path("n").read_text())))
"""
SECRETS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}


def number() -> str | None:
    found = champion()
    return found.version if found else None


def test_a_clock_that_was_set_back_leaves_the_order_of_the_changes(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare_store()
    connect().create_registered_model(MODEL_NAME)
    for version in "123":
        connect().create_model_version(MODEL_NAME, str(project))
        if version == "3":
            monkeypatch.setattr(journal, "datetime", TwoHoursEarlier)
        set_alias("champion", version, "promote", ["By hand."])
    assert [one.version for one in changes()] == ["1", "2", "3"]
    assert changes()[-1].time < datetime.now(UTC).isoformat()
    assert previous_champion(changes(), "3", "123") == "2"


class TwoHoursEarlier(datetime):
    @classmethod
    def now(cls, tz: Any = None) -> "TwoHoursEarlier":
        return cls.fromtimestamp(datetime.now(tz).timestamp() - 7200, tz)


def test_predict_sees_a_change_that_was_made_while_the_clock_was_behind(project: Path) -> None:
    register_candidate(project, 0.01)
    assert load_model(None).card.name == "tiny"
    connect().delete_registered_model_alias(MODEL_NAME, "champion")
    earlier = time.time() - 7200
    os.utime(project / "mlflow.db", (earlier, earlier))
    with pytest.raises(ArchstyleError, match="There is no champion"):
        load_model(None)


@contextmanager
def somebody_changes_the_registry(project: Path) -> Iterator["subprocess.Popen[str]"]:
    """A process that holds the lock until it is told a line, or is killed."""
    held = "with locked_registry('promote'): print('held', flush=True), input()"
    command = ["-c", f"from archstyle.registry.lock import locked_registry\n{held}"]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, *command], cwd=project, stdin=pipe, stdout=pipe, text=True
    ) as process:
        assert process.stdout and process.stdout.readline() == "held\n"
        yield process
        process.kill()


def lock_is_there() -> bool:
    return bool(connect().search_registered_models(f"name = '{lock.LOCK}'"))


def test_a_change_of_the_registry_waits_for_one_from_elsewhere(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    register_candidate(project, 0.01)
    connect().delete_registered_model_alias(MODEL_NAME, "champion")
    with somebody_changes_the_registry(project) as other:
        waiting = threading.Thread(target=promote, args=("1",))
        waiting.start()
        said = ""
        while "The registry is being changed by" not in said:
            said += capsys.readouterr().out
            assert waiting.is_alive(), said
            time.sleep(0.05)
        assert number() is None and lock_is_there()
        assert other.stdin
        other.stdin.write("\n")
        other.stdin.close()
        waiting.join()
    assert number() == "1" and not lock_is_there()


def test_the_lock_of_a_process_that_was_killed_is_taken_away(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare_store()
    monkeypatch.setattr(lock, "DEAD_SECONDS", 0.2)
    with somebody_changes_the_registry(project) as other:
        other.kill()
        other.wait()
        assert lock_is_there()
        with locked_registry("promote"):
            assert lock_is_there()
    assert not lock_is_there()


def test_the_lock_of_another_machine_is_taken_away_when_it_has_stood_for_long(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare_store()
    connect().create_registered_model(lock.LOCK, {"mlflow.user": "a", "archstyle.host": "b"})
    monkeypatch.setattr(lock, "STALE_SECONDS", 0.5)
    began = time.monotonic()
    with locked_registry("promote"):
        assert time.monotonic() - began > 0.5
    assert not lock_is_there()


def test_a_lock_that_was_taken_away_is_not_let_go_of(project: Path) -> None:
    prepare_store()
    with locked_registry("promote"):
        connect().rename_registered_model(lock.LOCK, "as others do with a stale one")
        connect().create_registered_model(lock.LOCK, {lock.HELD_BY: "another"})
    assert lock_is_there()


@pytest.mark.parametrize("lost", ["the answer", "the holder"])
def test_a_lock_is_taken_though_what_mlflow_answered_is_about_something_else(
    project: Path, monkeypatch: pytest.MonkeyPatch, lost: str
) -> None:
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException
    from mlflow.protos import databricks_pb2 as codes

    prepare_store()
    create, asked = MlflowClient.create_registered_model, []

    def odd(client: Any, name: str, tags: dict[str, str]) -> Any:
        asked.append(name)
        if lost == "the answer":  # MLflow's client has asked twice
            create(client, name, tags)
        elif len(asked) > 1:  # whoever held it let go while MLflow looked for it
            return create(client, name, tags)
        code = {"the answer": codes.RESOURCE_ALREADY_EXISTS}.get(
            lost, codes.RESOURCE_DOES_NOT_EXIST
        )
        raise MlflowException("odd", code)

    monkeypatch.setattr(MlflowClient, "create_registered_model", odd)
    with locked_registry("promote"):
        assert lock_is_there()
    assert not lock_is_there() and len(asked) <= 2


def test_registers_of_many_folders_at_once_go_one_at_a_time(project: Path) -> None:
    prepare_store()
    (project / "n").write_text("0")
    command = [sys.executable, "-c", COUNT]
    processes = [subprocess.Popen(command, cwd=project) for _ in range(3)]
    assert [process.wait() for process in processes] == [0, 0, 0]
    assert (project / "n").read_text() == "15"


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Line]:
    """The line to an S3 server with a bucket `files`, which keeps the files of the runs."""
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    line = Line(server.get_host_and_port()[1])
    endpoint = f"http://127.0.0.1:{line.port}"
    settings = {"AWS_ENDPOINT_URL": endpoint, "MLFLOW_S3_ENDPOINT_URL": endpoint}
    for name, value in {**SECRETS, **settings, "AWS_DEFAULT_REGION": "us-east-1"}.items():
        monkeypatch.setenv(name, value)
    boto3.client("s3").create_bucket(Bucket="files")
    yield line
    line.cut()
    server.stop()


def place_files(bucket: str) -> None:
    connect().create_experiment(EXPERIMENT, f"s3://{bucket}/runs")


def test_a_bucket_that_is_away_is_one_sentence_and_the_work_goes_on_when_it_is_back(
    project: Path, s3: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    place_files("files")
    s3.cut()
    with pytest.raises(ArchstyleError, match="MLFLOW_S3_ENDPOINT_URL"):
        register_candidate(project, 0.01)
    with pytest.raises(ArchstyleError, match="MLFLOW_S3_ENDPOINT_URL"), start_run(project, CONFIG):
        pass
    assert number() is None
    s3.mend()
    assert register_candidate(project, 0.01)["alias"] == "champion"
    s3.cut()
    for asked in (verify, promote):
        with pytest.raises(ArchstyleError, match="MLFLOW_S3_ENDPOINT_URL"):
            asked("1")
    assert number() == "1"


def test_a_bucket_that_is_not_there_names_the_variables(project: Path, s3: Line) -> None:
    place_files("nobodys")
    with pytest.raises(ArchstyleError, match="MLFLOW_S3_ENDPOINT_URL") as told:
        register_candidate(project, 0.01)
    assert "NoSuchBucket" in str(told.value)


def test_a_store_that_becomes_slow_costs_a_training_one_answer(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(runlog, "SLOW_SECONDS", -1)  # what takes longer is slow
    asked = []
    with start_run(project, CONFIG) as log:
        monkeypatch.setattr(log.client, "log_batch", lambda *_, **__: asked.append(1))
        for epoch in range(4):
            log.epoch({"epoch": epoch, "loss": 1.0})
    assert len(asked) == 1
    assert "MLflow was lost when it should log epoch 1 (it is slow)" in capsys.readouterr().out


def test_files_of_a_version_that_were_deleted_are_told_and_the_champion_stays(
    project: Path,
) -> None:
    register_candidate(project, 0.01)
    client = connect()
    source = str(client.get_model_version(MODEL_NAME, "1").source)
    client.create_model_version(MODEL_NAME, source)
    for graph in project.glob("mlartifacts/**/model.tflite"):
        graph.unlink()
    with pytest.raises(ArchstyleError, match=r"Version 2 is not promoted: .*model\.tflite"):
        promote("2")
    with pytest.raises(ArchstyleError, match=r"Version 2 is damaged: .*model\.tflite"):
        verify("2")
    shutil.rmtree(project / "mlartifacts")
    with pytest.raises(ArchstyleError, match="files of version 2 are gone"):
        promote("2")
    assert number() == "1"


class OfAnotherVersion(BaseHTTPRequestHandler):
    """What MLflow 2 answers: it knows experiments and runs, and no logged models."""

    def do_GET(self) -> None:
        found = {"experiment_id": "1", "lifecycle_stage": "active", "name": EXPERIMENT}
        known = {"/health": {}, "/api/2.0/mlflow/experiments/get-by-name": {"experiment": found}}
        self._answer(known.get(self.path.partition("?")[0]))

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer({} if self.path.endswith("/runs/search") else None)

    def _answer(self, found: dict[str, Any] | None) -> None:
        if found is None:
            return self.send_error(404)
        data = json.dumps(found).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@pytest.fixture
def another_version() -> Iterator[str]:
    """The address of such a server."""
    with ThreadingHTTPServer(("127.0.0.1", 0), OfAnotherVersion) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_server_of_another_major_version_is_told_before_a_training(
    project: Path, another_version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", another_version)
    told = pytest.raises(ArchstyleError, match=r"MLFLOW_TRACKING_URI.*version")
    with told, start_run(project, CONFIG):
        raise AssertionError("it trains")
