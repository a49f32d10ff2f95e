import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest

from archstyle.errors import ArchstyleError
from archstyle.registry import journal
from archstyle.registry.record import ensure_recorded, mark_recorded
from archstyle.registry.versions import all_versions, champion
from archstyle.tracking import store
from archstyle.tracking.facts import dvc_tags, git_tags
from archstyle.tracking.runlog import RunLog, epoch_metrics
from archstyle.tracking.runs import end_stale_runs, resume_run, start_run
from archstyle.tracking.store import connect, prepare_store, reachable, tracking_uri
from tests.tracking_project import CONFIG, RUN_ID, clean, empty_database, facades, project

__all__ = ["empty_database", "facades", "project"]


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def run_of(run_id: str):
    return connect().get_run(run_id)


def steps_of(log: RunLog, metric: str) -> list[int]:
    return sorted(found.step for found in log.client.get_metric_history(log.run_id, metric))


# Where things are kept.


def test_the_store_lies_in_the_main_project_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clean(monkeypatch, tmp_path)
    assert tracking_uri() == f"sqlite:///{tmp_path / 'mlflow.db'}"
    monkeypatch.setenv("DVC_ROOT", str(tmp_path / "main"))
    assert tracking_uri() == f"sqlite:///{tmp_path / 'main' / 'mlflow.db'}"


@pytest.mark.parametrize("uri", ["file:///tmp/runs", "mlruns", "/tmp/mlruns"])
def test_a_file_store_is_refused_with_what_to_do(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    with pytest.raises(ArchstyleError, match=r"sqlite:////path/mlflow\.db"):
        prepare_store()


def test_a_server_that_is_not_there_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    address = f"http://user:secret@127.0.0.1:{free_port()}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    with pytest.raises(
        ArchstyleError, match="does not answer in 5 seconds: start it, or unset"
    ) as caught:
        prepare_store()
    assert "secret" not in str(caught.value)


def test_a_server_that_accepts_and_is_silent_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "PROBE_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert not reachable(f"http://127.0.0.1:{silent.getsockname()[1]}")


def test_a_database_server_that_is_not_there_is_found_out_at_once() -> None:
    assert not reachable(f"postgresql+psycopg2://u:p@127.0.0.1:{free_port()}/mlflow")


@pytest.mark.parametrize("address", ["http://127.0.0.1:port", "http://a host:5000", "http://[::1"])
def test_an_address_that_is_none_is_one_sentence(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    with pytest.raises(ArchstyleError, match="MLFLOW_TRACKING_URI"):
        prepare_store()


def test_what_speaks_no_http_is_found_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def greet() -> None:
            asked = server.accept()[0]
            asked.recv(9999)
            asked.sendall(b"SSH-2.0-OpenSSH\r\n")
            asked.close()

        thread = threading.Thread(target=greet)
        thread.start()
        # As MLflow's client it asks without the password, which an address may hold.
        assert not reachable(f"http://ada:secret@127.0.0.1:{server.getsockname()[1]}")
        thread.join()


def test_an_experiment_that_another_run_makes_at_the_same_time_is_used(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient

    first = prepare_store()
    by_name, asked = MlflowClient.get_experiment_by_name, []

    def late(client, name: str):
        asked.append(name)
        return by_name(client, name) if len(asked) > 1 else None

    monkeypatch.setattr(MlflowClient, "get_experiment_by_name", late)
    assert prepare_store() == first


def test_something_that_is_no_mlflow_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    from http.server import BaseHTTPRequestHandler, HTTPServer

    class NotFound(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(404)

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), NotFound) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{server.server_port}")
            with pytest.raises(ArchstyleError, match="could not make the experiment"):
                prepare_store()
        finally:
            server.shutdown()
            thread.join()


def test_preparing_twice_gives_the_same_experiment_beside_the_database(project: Path) -> None:
    first = prepare_store()
    assert prepare_store() == first
    experiment = connect().get_experiment(first)
    assert experiment.artifact_location == (project / "mlartifacts").as_uri()


def test_parallel_runs_make_one_experiment(project: Path) -> None:
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(prepare_store())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4 and len(set(found)) == 1


def test_a_moved_project_says_so_and_writes_nothing(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare_store()
    moved = project.with_name("moved")
    shutil.copytree(project, moved)  # the old folder is still there and must stay as it is
    clean(monkeypatch, moved)
    with pytest.raises(ArchstyleError, match=r"it was moved or copied\. Move it back") as caught:
        prepare_store()
    assert str(project / "mlartifacts") in str(caught.value)
    assert not (project / "mlartifacts").exists()


def test_looking_makes_no_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clean(monkeypatch, tmp_path)
    with pytest.raises(ArchstyleError, match="after `make run`"):
        champion()
    assert not (tmp_path / "mlflow.db").exists()


# Runs.


def test_a_run_carries_config_data_lineage_and_description(project: Path) -> None:
    (project / "dvc.lock").write_text(
        "stages:\n"
        "  prepare: {outs: [{path: data/prepared, md5: abc.dir}]}\n"
        "  train: {outs: [{path: models/bundle, md5: old.dir}]}\n",
        "utf-8",
    )
    with start_run(project, CONFIG) as log:
        running = run_of(log.run_id)
    assert running.info.status == "RUNNING"
    assert running.data.params["train.epochs"] == "2"
    tags = running.data.tags
    assert tags["dvc.prepare.data/prepared"] == "abc.dir"
    assert "dvc.train.models/bundle" not in tags  # of an earlier execution
    assert tags["data.drawn"] == "false"
    assert "`tiny` trained to tell" in tags["mlflow.note.content"]
    (dataset,) = running.inputs.dataset_inputs
    summary = json.loads((project / "data" / "prepared" / "summary.json").read_text("utf-8"))
    assert dataset.dataset.digest == summary["digest"][:36]
    assert (project / "mlartifacts" / log.run_id / "artifacts" / "config.yaml").is_file()


def test_mlflow_run_id_in_the_environment_is_not_joined(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with start_run(project, CONFIG) as first:
        pass
    monkeypatch.setenv("MLFLOW_RUN_ID", first.run_id)
    with start_run(project, CONFIG) as second:
        pass
    assert second.run_id != first.run_id
    assert "MLFLOW_RUN_ID" not in os.environ


@pytest.mark.parametrize(
    ("error", "status"), [(ValueError("no"), "FAILED"), (KeyboardInterrupt(), "KILLED")]
)
def test_a_stage_that_fails_ends_the_run(project: Path, error: BaseException, status: str) -> None:
    with pytest.raises(type(error)), start_run(project, CONFIG) as log:
        raise error
    assert run_of(log.run_id).info.status == status


def test_a_lost_server_costs_no_training_and_no_curve(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows: list[dict[str, float]] = [
        {"epoch": 1, "loss": 1.5, "accuracy": 0.4}, {"epoch": 2, "loss": 1.2}, {"epoch": 3},
    ]  # fmt: skip
    with start_run(project, CONFIG) as log:
        log.epoch(rows[0])
        with monkeypatch.context() as broken:
            broken.setattr(log.client, "log_batch", lambda *_, **__: 1 / 0)
            log.epoch(rows[1])
            log.metrics({"accuracy": 0.5}, "final_validation")
            log.note({"a": "b"})
        log.epoch(rows[2])
        assert steps_of(log, "train/loss") == [1]
        (project / "models" / "run.json").write_text(json.dumps(log.as_json()), "utf-8")
    assert capsys.readouterr().out.count("MLflow was lost when it should log epoch 2") == 1
    for _ in range(2):  # sending what is missing a second time sends nothing
        with resume_run(project, "evaluate") as resumed:
            assert steps_of(resumed, "train/loss") == [1, 2, 3]
            # The second epoch measured no validation.
            assert steps_of(resumed, "validation/loss") == [1, 3]
    assert resumed.run_id == log.run_id


def test_a_run_that_the_store_does_not_know_is_made_again_once(project: Path) -> None:
    with resume_run(project, "evaluate") as log:
        log.reports(project)
    with resume_run(project, "register") as again:
        again.finish()
    assert log.run_id == again.run_id != RUN_ID
    run = run_of(log.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.tags["archstyle.recreated"] == "true"
    assert run.data.tags["archstyle.source_run_id"] == RUN_ID
    assert run.data.metrics["test/accuracy"] == 0.9
    assert run.info.run_name == "tiny, 90.0 %"
    assert "90.0 % (85.0 % to 94.0 %)" in run.data.tags["mlflow.note.content"]
    artifacts = project / "mlartifacts" / log.run_id / "artifacts" / "reports"
    assert (artifacts / "figures" / "confusion.png").is_file()
    assert (artifacts / "index.html").is_file() and (artifacts / "model-card.md").is_file()


def test_a_run_that_was_deleted_is_made_again(project: Path) -> None:
    with start_run(project, CONFIG) as log:
        (project / "models" / "run.json").write_text(json.dumps(log.as_json()), "utf-8")
    log.client.delete_run(log.run_id)
    with resume_run(project, "evaluate") as again:
        assert again.run_id != log.run_id


def test_params_that_changed_are_told_in_tags(project: Path) -> None:
    with start_run(project, CONFIG) as log:
        (project / "models" / "run.json").write_text(json.dumps(log.as_json()), "utf-8")
    config = {"train": {"epochs": 3}, "evaluate": {"bootstrap_samples": 500}}
    with resume_run(project, "evaluate", config):
        pass
    run = run_of(log.run_id)
    assert run.data.params["train.epochs"] == "2"
    assert run.data.tags["changed.train.epochs"] == "3"
    assert run.data.params["evaluate.bootstrap_samples"] == "500"


def test_a_resumed_run_is_running_again(project: Path) -> None:
    with start_run(project, CONFIG) as log:
        (project / "models" / "run.json").write_text(json.dumps(log.as_json()), "utf-8")
        log.finish()
    with resume_run(project, "evaluate"):
        assert run_of(log.run_id).info.status == "RUNNING"


def test_a_run_whose_process_died_is_killed(project: Path) -> None:
    experiment = prepare_store()
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    with start_run(project, CONFIG) as dead, start_run(project, CONFIG) as alive:
        dead.note({"archstyle.pid": str(gone.pid)})
        elsewhere = dead.client.create_run(
            experiment, tags={"archstyle.host": "elsewhere", "archstyle.pid": str(gone.pid)}
        )
        assert end_stale_runs(experiment) == [dead.run_id]
    assert run_of(dead.run_id).info.status == "KILLED"
    assert run_of(alive.run_id).info.status == "RUNNING"
    assert run_of(elsewhere.info.run_id).info.status == "RUNNING"


def test_a_drawn_dataset_is_said_in_name_and_description(project: Path) -> None:
    path = project / "data" / "prepared" / "summary.json"
    summary = json.loads(path.read_text("utf-8"))
    summary["source"]["drawn"] = True
    path.write_text(json.dumps(summary), "utf-8")
    with start_run(project, CONFIG) as log:
        run = run_of(log.run_id)
    assert run.info.run_name == "tiny (drawn facades)"
    assert "drawn facades, not photos" in run.data.tags["mlflow.note.content"]


def test_epochs_become_metrics_by_split() -> None:
    row = {"epoch": "3", "phase": "head", "loss": "1.5", "validation_accuracy": "nan"}
    assert dict(epoch_metrics(row)) == {"train/loss": 1.5}


# Lineage.


def test_git_tags_say_commit_and_changes(tmp_path: Path) -> None:
    assert git_tags(tmp_path) == {}

    def git(*arguments: str) -> None:
        identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        subprocess.run(["git", *identity, *arguments], cwd=tmp_path, check=True)

    git("init", "-q", "-b", "main")
    (tmp_path / "a").write_text("1")
    (tmp_path / "params.yaml").write_text("seed: 1")
    git("add", "a", "params.yaml")
    git("commit", "-q", "-m", "a")
    (tmp_path / "params.yaml").write_text("seed: 2")  # every run records it
    assert git_tags(tmp_path)["git.dirty"] == "false"
    (tmp_path / "a").write_text("2")
    tags = git_tags(tmp_path)
    assert tags["git.dirty"] == "true" and tags["git.branch"] == "main"
    assert len(tags["git.commit"]) == 40


def test_a_project_without_dvc_lock_has_no_md5s(tmp_path: Path) -> None:
    assert dvc_tags(tmp_path, "register") == {}


# Journal.


def change(action: str, version: str | None, previous: str | None) -> journal.Change:
    return journal.Change(journal.now(), action, "champion", version, previous, "me", ("why",))


def test_the_journal_survives_its_tags() -> None:
    made = [change("register", "1", None), change("promote", "2", "1")]
    tags = dict(journal.to_tag(one) for one in reversed(made))
    assert journal.from_tags({**tags, "other": "tag"}) == made


def test_rolling_back_twice_goes_back_twice() -> None:
    made = [
        change("register", "1", None),
        change("register", "2", "1"),
        change("promote", "3", "2"),
    ]
    versions = {"1", "2", "3"}
    assert journal.previous_champion(made, "3", versions) == "2"
    made.append(change("rollback", "2", "3"))
    assert journal.previous_champion(made, "2", versions) == "1"
    made.append(change("rollback", "1", "2"))
    assert journal.previous_champion(made, "1", versions) is None


def test_rolling_back_passes_over_deleted_versions_and_sees_moves_by_hand() -> None:
    made = [
        change("register", "1", None),
        change("register", "2", "1"),
        change("register", "3", "2"),
    ]
    assert journal.previous_champion(made, "3", {"1", "3"}) == "1"
    by_hand = [change("register", "1", None), change("register", "4", "3")]
    assert journal.previous_champion(by_hand, "4", {"1", "3", "4"}) == "3"


# Recording what DVC restored.


@pytest.fixture
def restored(project: Path) -> Path:
    """A project whose stages DVC took from its cache: everything is there but MLflow's record."""
    (project / "reports" / "registered.json").write_text('{"version": "7"}\n', "utf-8")
    shutil.copytree(Path(__file__).parents[1] / "conf", project / "conf")
    shutil.copy(Path(__file__).parents[1] / "params.yaml", project)
    return project


def test_what_dvc_restored_is_recorded_once(restored: Path) -> None:
    assert ensure_recorded(restored)
    (version,) = all_versions()
    assert version.aliases == ("champion",)
    run = run_of(str(version.run_id))
    assert run.info.status == "FINISHED" and run.data.metrics["test/accuracy"] == 0.9
    (restored / "cache" / "recorded.json").unlink()
    assert not ensure_recorded(restored)
    assert (restored / "reports" / "registered.json").read_text("utf-8") == '{"version": "7"}\n'


def test_a_database_that_was_deleted_is_noticed(restored: Path, empty_database: Path) -> None:
    with closing(sqlite3.connect(restored / "mlflow.db")) as database:
        database.execute("create table runs_of_the_past (content blob)")
        database.execute("insert into runs_of_the_past values (zeroblob(100000))")
        database.commit()
    mark_recorded(restored)
    assert not ensure_recorded(restored)
    shutil.copy(empty_database, restored / "mlflow.db")  # the same inode, as happens
    assert ensure_recorded(restored)


def test_nothing_to_record_imports_neither_mlflow_nor_scikit_learn(project: Path) -> None:
    (project / "reports" / "registered.json").write_text("{}\n", "utf-8")
    mark_recorded(project)
    code = (
        "import sys; from pathlib import Path; "
        "from archstyle.registry.record import ensure_recorded;"
        "assert not ensure_recorded(Path.cwd());"
        "assert not {'mlflow', 'sklearn', 'hydra'} & {*sys.modules}"
    )
    subprocess.run([sys.executable, "-c", code], cwd=project, check=True)
