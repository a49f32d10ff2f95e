"""Versions that come from elsewhere, are compared and checked, and go elsewhere."""

import base64
import json
import os
import shutil
import sys
import urllib.request
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from archstyle.bundle import Bundle
from archstyle.bundle.bundle import SEEN, write_seen
from archstyle.cli import main as archstyle
from archstyle.common.files import write_json
from archstyle.data.manifest import Row, read_manifest, write_manifest
from archstyle.registry.promotion import register_candidate
from archstyle.registry.versions import version_named
from archstyle.tracking.store import MODEL_NAME, connect
from tests.conftest import ROOT
from tests.serving_project import app_of, free_port, model_of, send, serving
from tests.tracking_project import empty_database, facades, install_bundle, project, rotated

__all__ = ["empty_database", "facades", "project"]

MANIFEST, SUMMARY = Path("data/prepared/manifest.csv"), Path("data/prepared/summary.json")


def ask(*words: str) -> str:
    done = CliRunner().invoke(archstyle, list(words))
    assert done.exit_code == 0, done.output
    return done.stdout


def refused(*words: str) -> str:
    done = CliRunner().invoke(archstyle, list(words))
    assert done.exit_code == 1 and done.output.startswith("Error: "), done.output
    assert done.output.count("\n") == 1
    return done.output


def change(**fields: str) -> list[Row]:
    """Give every photo its own SHA-256, and the first one other fields."""
    rows = [
        replace(row, sha256=f"{number:02x}" * 32, group=f"{number:016x}")
        for number, row in enumerate(read_manifest(MANIFEST))
    ]
    rows[0] = replace(rows[0], **fields)
    write_manifest(MANIFEST, rows)
    return rows


@pytest.fixture
def ready(project: Path) -> Path:
    """The project with what `archstyle register` reads."""
    shutil.copytree(ROOT / "conf", project / "conf")
    shutil.copy(ROOT / "params.yaml", project)
    summary = json.loads(SUMMARY.read_text("utf-8"))
    write_json(SUMMARY, summary | {"shares": {"validation": 0.15, "test": 0.15}})
    change()
    return project


def test_two_versions_are_told_apart_by_photos_labels_and_numbers(
    ready: Path, tiny_bundle: Path
) -> None:
    register_candidate(ready, 0.01)
    before = read_manifest(MANIFEST)
    other = next(row.style for row in before if row.style != before[0].style)
    rows = change(style=other, status="corrected")
    write_manifest(MANIFEST, rows[:-1])
    install_bundle(ready, tiny_bundle, styles=rotated(Bundle.load(tiny_bundle).styles))
    metrics = ready / "reports" / "metrics.json"
    write_json(metrics, json.loads(metrics.read_text("utf-8")) | {"accuracy": 0.8})
    write_json(ready / "models" / "run.json", {"run_id": "f" * 32, "git.commit": "decaf"})
    register_candidate(ready, 0.01)
    told = ask("lineage", "1", "2")
    assert told.startswith("version 1 -> version 2\n\nphotos\n")
    assert f"1 relabelled:  {rows[0].file}, {before[0].style} -> {other}" in told
    assert f"1 went:        {rows[-1].file}" in told
    lines = [" ".join(line.split()) for line in told.splitlines()]
    assert "git.commit c0ffee -> decaf" in lines
    assert "test/accuracy 0.9000 -> 0.8000" in lines
    assert "libraries\nthe same" in told and "parameters\nthe same" in told
    assert "the same" in ask("lineage", "champion", "1").split("photos\n")[1]


def test_a_version_is_verified_and_what_was_changed_since_is_told(ready: Path) -> None:
    register_candidate(ready, 0.01)
    told = ask("verify", "champion")
    assert "Version 1 knows" in told and "files are as registered" in told
    (card,) = (ready / "mlartifacts").rglob("bundle/card.json")
    card.write_text(card.read_text("utf-8").replace('"tiny"', '"other"'), "utf-8")
    assert "not those that were registered" in refused("verify", "1")
    assert "There is no version 7" in refused("verify", "7")


def test_the_card_is_of_the_version_that_was_asked_for(ready: Path) -> None:
    register_candidate(ready, 0.01)
    first = version_named("1")
    connect().create_model_version(MODEL_NAME, first.source, first.run_id, dict(first.tags))
    for asked, told in {"1": "1", "2": "2", "champion": "1", "models:/archstyle/2": "2"}.items():
        assert f"version {told}" in ask("card", asked), asked


def test_a_version_is_exported_and_registered_elsewhere(ready: Path, tmp_path: Path) -> None:
    register_candidate(ready, 0.01)
    target = tmp_path / "given"
    assert f"Version 1 is in {target}" in ask("export", "1", str(target))
    names = {path.name for path in target.iterdir()}
    assert names == {"bundle", "model-card.md", "LICENSE"}  # this run had no data sheet
    assert "there already" in refused("export", "1", str(target))

    rows = read_manifest(MANIFEST)
    write_seen(target / "bundle", [rows[0].sha256])
    told = ask("register", str(target / "bundle"))
    assert "\nVersion 2 is challenger: " in told
    tags = version_named("2").tags
    assert tags["accuracy"] == "1.0000"  # of the photos that it has not seen
    again = ask("register", str(target / "bundle"))
    assert "\nVersion 2 is challenger: " in again  # the same one, in the same run
    assert "No version" not in ask("versions")


def test_mlflow_serves_the_champion_with_the_answers_of_our_server(
    ready: Path, tiny_bundle: Path, facades: dict[str, bytes]
) -> None:
    register_candidate(ready, 0.01)
    port, photos = free_port(), list(facades.values())[:3]
    client = app_of(model_of(ready / "models/bundle")).test_client()
    ours = send(client, "/api/v1/predict", *((photo, "a.png") for photo in photos), (b"no", "b"))
    programs = Path(sys.executable).parent  # it starts uvicorn by name
    environment = {
        "MLFLOW_TRACKING_URI": f"sqlite:///{ready}/mlflow.db",
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
    }
    command = [sys.executable, "-m", "mlflow", "models", "serve", "--env-manager", "local"]
    command += ["-m", "models:/archstyle@champion", "-p", str(port)]
    rows = [[base64.b64encode(photo).decode()] for photo in (*photos, b"no")]
    body = json.dumps({"dataframe_split": {"columns": ["photo"], "data": rows}}).encode()
    with serving(command, port, ready / "serve.log", **environment):
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/invocations", body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            theirs = json.load(answer)["predictions"]
    for mine, its in zip(ours.json["predictions"][:3], theirs, strict=False):
        assert its["probabilities"] == pytest.approx(mine["probabilities"], abs=1e-5)
        assert its["probability"] == pytest.approx(mine["probability"], abs=1e-5)
        for key in ("style", "answered", "reason", "styles"):
            assert its[key] == mine[key]
    assert theirs[3]["style"] is None and "no photo" in theirs[3]["error"]


def test_a_bundle_that_cannot_be_measured_truly_is_not_registered(
    ready: Path, tmp_path: Path
) -> None:
    assert "is no bundle" in refused("register", str(tmp_path / "nothing"))
    stranger = tmp_path / "stranger"
    shutil.copytree(ready / "models/bundle", stranger)
    (stranger / SEEN).unlink(missing_ok=True)
    card = json.loads((stranger / "card.json").read_text("utf-8"))
    write_json(stranger / "card.json", card | {"data_digest": "f" * 64})
    assert "which photos it was trained on" in refused("register", str(stranger))
    write_seen(stranger, [row.sha256 for row in read_manifest(MANIFEST)])
    assert "no test photos" in refused("register", str(stranger))
    assert "No version of archstyle" in ask("versions")
