"""The stages as a user runs them: `dvc repro` in a fresh copy of the project."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.conftest import ROOT

pytestmark = pytest.mark.pipeline
STAGES = ["fetch", "prepare", "describe", "augment", "train", "evaluate", "register"]


def environment(**more: str) -> dict[str, str]:
    # MLflow keeps what other tests of this process set in the environment.
    ours = ("ARCHSTYLE_", "DVC_", "MLFLOW_", "_MLFLOW_")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(ours)}
    path = f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}"
    return {
        **kept,
        "PATH": path,
        "DVC_NO_ANALYTICS": "1",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        **more,
    }


def run(project: Path, *command: str, status: int = 0, **more: str) -> str:
    done = subprocess.run(
        command,
        cwd=project,
        env=environment(**more),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def copy_of_the_project(target: Path) -> Path:
    tracked = run(ROOT, "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    for name in filter(None, tracked.split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, target / name)
    identity = ("-c", "user.name=Test", "-c", "user.email=test@example.org")
    run(target, "git", "init", "-q")
    run(target, "git", "add", "-A")
    run(target, "git", *identity, "commit", "-qm", "A copy")
    return target


def set_params(project: Path, section: str, **values: object) -> None:
    params = yaml.safe_load((project / "params.yaml").read_text())
    params[section] |= values
    (project / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))


def changed_stages(project: Path) -> list[str]:
    status = json.loads(run(project, "dvc", "status", "--json").splitlines()[-1])
    return [stage for stage in STAGES if stage in status]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy in which the stages ran once on drawn facades, with the small network."""
    project = copy_of_the_project(tmp_path_factory.mktemp("project"))
    set_params(project, "use", data="facades", model="cnn")
    set_params(project, "data", limit=24)
    set_params(project, "train", epochs=2)
    set_params(project, "evaluate", bootstrap_samples=200)
    output = run(project, "dvc", "repro")
    for stage in STAGES:
        assert f"Running stage '{stage}'" in output
    assert "drawn facades" in output
    return project


def test_the_run_is_in_mlflow_and_its_version_is_champion(project: Path) -> None:
    registered = json.loads((project / "reports/registered.json").read_text())
    assert (registered["version"], registered["alias"]) == ("1", "champion")
    code = """
import json, mlflow
mlflow.set_tracking_uri("sqlite:///mlflow.db")
client = mlflow.MlflowClient()
version = client.get_model_version_by_alias("archstyle", "champion")
[run] = client.search_runs([client.get_experiment_by_name("archstyle").experiment_id])
print("said", json.dumps([str(version.version), version.run_id == run.info.run_id, run.info.status,
    run.data.metrics["test/accuracy"], run.data.params["train.epochs"],
    len(client.get_metric_history(run.info.run_id, "train/accuracy")),
    len(run.inputs.dataset_inputs), run.data.tags["mlflow.note.content"],
    sorted(a.path for a in client.list_artifacts(run.info.run_id))]))
"""
    lines = run(project, sys.executable, "-c", code).splitlines()
    [said] = [json.loads(line[5:]) for line in lines if line.startswith("said ")]
    version, same_run, status, accuracy, epochs, curve, datasets, note, artifacts = said
    assert (version, same_run, status, epochs, datasets) == ("1", True, "FINISHED", "2", 1)
    assert accuracy == pytest.approx(
        json.loads((project / "reports/metrics.json").read_text())["accuracy"], abs=1e-6
    )
    assert curve == 2
    assert "drawn" in note
    assert artifacts


def test_with_nothing_changed_no_stage_runs(project: Path) -> None:
    assert changed_stages(project) == []
    output = run(project, "dvc", "repro")
    assert "Running stage" not in output
    assert "up to date" in output


@pytest.mark.parametrize(
    ("section", "values", "first"),
    [
        ("train", {"epochs": 3}, "train"),
        ("augment", {"copies": 1}, "augment"),
        ("thresholds", {"target_accuracy": 0.9}, "train"),
        ("evaluate", {"bootstrap_samples": 300}, "evaluate"),
        ("register", {"tolerance": 0.5}, "register"),
        ("split", {"test": 0.2}, "prepare"),
        ("use", {"model": "efficientnet_lite0"}, "augment"),
    ],
)
def test_a_changed_value_reruns_what_reads_it(
    project: Path, section: str, values: dict[str, object], first: str
) -> None:
    before = (project / "params.yaml").read_text()
    try:
        set_params(project, section, **values)
        assert changed_stages(project)[0] == first
    finally:
        (project / "params.yaml").write_text(before)


def test_a_group_file_that_is_not_in_use_reruns_nothing(project: Path) -> None:
    for name, expected in (("efficientnet_lite0", False), ("cnn", True), ("_recipe", True)):
        path = project / f"conf/model/{name}.yaml"
        before = path.read_text()
        try:
            path.write_text(before.replace(" epochs: ", " epochs: 1"))
            assert path.read_text() != before
            assert bool(changed_stages(project)) is expected
        finally:
            path.write_text(before)


def test_an_unknown_key_stops_the_pipeline_and_leaves_what_was_there(project: Path) -> None:
    before = (project / "params.yaml").read_text()
    bundle = sorted((project / "models/bundle").rglob("*"))
    try:
        set_params(project, "train", epoch=3)
        output = run(project, sys.executable, "-m", "pipeline.train", status=1)
        assert "`train.epoch` in params.yaml is not a setting" in output
        assert "`train.epochs`" in output
        assert "Traceback" not in output
    finally:
        (project / "params.yaml").write_text(before)
    assert sorted((project / "models/bundle").rglob("*")) == bundle


def test_a_tracking_server_that_is_away_stops_training_at_the_start(project: Path) -> None:
    uri = "http://127.0.0.1:9"
    output = run(project, sys.executable, "-m", "pipeline.train", status=1, MLFLOW_TRACKING_URI=uri)
    assert uri in output
    assert "Traceback" not in output
    assert (project / "models/bundle/model.tflite").is_file()
    assert not list((project / "models").glob(".*partial*"))


def test_predict_answers_with_the_champion_in_json_lines(project: Path) -> None:
    code = "from facades import draw_facade as d; d('gothic', 5).save('one.png')"
    run(project, sys.executable, "-c", code)
    (project / "two.txt").write_text("no photo")
    output = run(project, "archstyle", "predict", "one.png", "two.txt", "--format", "jsonl")
    rows = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    assert [row["file"] for row in rows] == ["one.png", "two.txt"]
    assert {"file", "style", "probability", "answered", "probabilities"} <= rows[0].keys()
    assert sum(rows[0]["probabilities"].values()) == pytest.approx(1, abs=1e-3)
    assert rows[1]["error"]
    run(project, "archstyle", "predict", "two.txt", status=1)
