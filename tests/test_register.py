import base64
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from archstyle.bundle import Bundle
from archstyle.cli import main as archstyle
from archstyle.data.manifest import read_manifest, write_manifest
from archstyle.errors import ArchstyleError
from archstyle.registry.cache import current
from archstyle.registry.promotion import promote, register_candidate, rollback
from archstyle.registry.versions import all_versions, champion, changes, download_bundle
from archstyle.reports.page import with_promotion
from archstyle.tracking.store import MODEL_NAME, connect
from pipeline import register
from tests.tracking_project import (
    empty_database,
    facades,
    install_bundle,
    project,
    rotated,
)

__all__ = ["empty_database", "facades", "project"]


def aliases() -> dict[str, str]:
    return {alias: one.version for one in all_versions() for alias in one.aliases}


def number_of_the_champion() -> str | None:
    found = champion()
    return found.version if found else None


def styles_of(bundle: Path) -> tuple[str, ...]:
    return Bundle.load(bundle, verify=False).styles


def test_the_first_one_is_champion_and_its_card_tells_its_accuracy(
    project: Path, tmp_path: Path
) -> None:
    registered = register_candidate(project, 0.01)
    assert registered["version"] == "1" and registered["alias"] == "champion"
    assert registered["decision"] == "promoted"
    path, found = download_bundle("models:/archstyle@champion", tmp_path / "target")
    assert found is not None and (found.version, found.run_id) == ("1", registered["run_id"])
    card = Bundle.load(path).card
    assert card.metrics["test"]["accuracy"] == 0.9
    assert card.metrics["test"]["test_photos"] == 100
    assert card.lineage["run_id"] == registered["run_id"]
    assert card.lineage["git.commit"] == "c0ffee"
    run = connect().get_run(registered["run_id"])
    assert run.info.status == "FINISHED"
    assert (
        "[archstyle, version 1](#/models/archstyle/versions/1)"
        in (run.data.tags["mlflow.note.content"])
    )
    cached = current()
    assert cached is not None and cached.version == "1" and cached.is_whole()


def test_the_stage_writes_what_it_decided(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = Path(__file__).parents[1]
    shutil.copytree(root / "conf", project / "conf")
    shutil.copy(root / "params.yaml", project)
    report = project / "reports" / "index.html"
    before = report.read_text("utf-8")
    register.main([])
    values = json.loads((project / "reports" / "registered.json").read_text("utf-8"))
    assert list(values) == ["version", "alias", "decision", "reasons", "run_id", "looks"]
    assert "Version 1 is champion: There was no champion yet." in capsys.readouterr().out
    promotion = (project / "reports" / "promotion.html").read_text("utf-8")
    assert '<span class="big">1</span>' in promotion and "There was no champion" in promotion
    # The run's copy of the report shows it by itself, that of evaluate is left alone.
    assert report.read_text("utf-8") == before
    kept = connect().download_artifacts(values["run_id"], "reports/index.html")
    assert with_promotion(before, promotion) == Path(kept).read_text("utf-8") != before


def test_registering_twice_makes_one_version(project: Path) -> None:
    for name in ("data.html", "data-sheet.md"):
        (project / "reports" / name).write_text("the data", "utf-8")
    (project / "reports" / "data").mkdir()
    (project / "reports" / "data" / "counts.png").write_bytes(b"counts")
    first = register_candidate(project, 0.01)
    assert first["version"] == "1"
    again = register_candidate(project, 0.01)
    assert (again["version"], again["decision"]) == ("1", "promoted")
    kept = [
        artifact.path
        for folder in ("reports", "reports/data")
        for artifact in connect().list_artifacts(first["run_id"], folder)
    ]
    assert {"reports/data.html", "reports/data-sheet.md", "reports/data/counts.png"} <= set(kept)
    assert len(changes()) == 1


def test_a_worse_candidate_is_challenger_with_the_reasons(project: Path, tiny_bundle: Path) -> None:
    manifest = project / "data" / "prepared" / "manifest.csv"
    first, *others = read_manifest(manifest)
    write_manifest(manifest, [replace(first, status="corrected"), *others])
    register_candidate(project, 0.01)
    install_bundle(project, tiny_bundle, styles=rotated(styles_of(tiny_bundle)))
    registered = register_candidate(project, 0.01)
    assert registered["alias"] == "challenger" and registered["decision"] == "not promoted"
    told = " ".join(registered["reasons"])
    assert "Labels are as corrected: 1 of the test photos." in told
    assert "it is right on 0.0 %, the champion, version 1, on 100.0 %" in told
    assert aliases() == {"champion": "1", "challenger": "2"}
    shown = connect().get_model_version(MODEL_NAME, "2").description
    assert shown and told in shown and "**Challenger**" in shown
    cached = current()
    assert cached is not None and cached.version == "1"


def test_a_better_candidate_takes_over_and_rollback_goes_back(
    project: Path, tiny_bundle: Path
) -> None:
    install_bundle(project, tiny_bundle, styles=rotated(styles_of(tiny_bundle)))
    register_candidate(project, 0.01)
    install_bundle(project, tiny_bundle)
    registered = register_candidate(project, 0.01)
    assert registered["alias"] == "champion" and number_of_the_champion() == "2"
    undone = rollback("looks odd")
    assert (undone.version, undone.previous) == ("1", "2") and number_of_the_champion() == "1"
    cached = current()
    assert cached is not None and cached.version == "1"
    with pytest.raises(ArchstyleError, match="no champion before"):
        rollback()
    assert promote("2") is not None
    assert promote("2") is None
    told = [(one.action, one.version) for one in changes()]
    assert told == [("register", "1"), ("register", "2"), ("rollback", "1"), ("promote", "2")]
    assert changes()[2].reasons == ("looks odd",)
    shown = connect().get_registered_model(MODEL_NAME).description
    assert "| rollback by " in shown and "looks odd" in shown


def test_a_challenger_that_is_promoted_is_no_challenger(project: Path, tiny_bundle: Path) -> None:
    register_candidate(project, 0.01)
    install_bundle(project, tiny_bundle, styles=rotated(styles_of(tiny_bundle)))
    register_candidate(project, 0.01)
    promote("challenger")
    assert aliases() == {"champion": "2"}


@pytest.mark.parametrize("broken", [False, True])
def test_drawn_facades_are_never_promoted_over_photos(
    project: Path, tiny_bundle: Path, broken: bool
) -> None:
    register_candidate(project, 0.01)
    if broken:
        shutil.rmtree(project / "mlartifacts")
    install_bundle(project, tiny_bundle, drawn=True)
    registered = register_candidate(project, 0.01)
    assert registered["alias"] == "challenger"
    assert "never promoted" in registered["reasons"][0]


def test_photos_take_over_from_drawn_facades(project: Path, tiny_bundle: Path) -> None:
    install_bundle(project, tiny_bundle, drawn=True)
    register_candidate(project, 0.01)
    # Worse on the photos, and yet better than a model that never saw one.
    install_bundle(project, tiny_bundle, styles=rotated(styles_of(tiny_bundle)))
    assert register_candidate(project, 0.01)["alias"] == "champion"


def damage(bundle: Path) -> None:
    golden = json.loads((bundle / "golden" / "golden.json").read_text("utf-8"))
    name = next(iter(golden["probabilities"]))
    golden["probabilities"][name][0] += 0.5
    (bundle / "golden" / "golden.json").write_text(json.dumps(golden), "utf-8")


@pytest.mark.parametrize("how", [damage, shutil.rmtree])
def test_beside_a_champion_that_cannot_be_loaded_nothing_is_promoted(
    project: Path, tiny_bundle: Path, how: Callable[[Path], None]
) -> None:
    register_candidate(project, 0.01)
    (bundle,) = (project / "mlartifacts").rglob("artifacts/bundle")
    how(bundle)
    install_bundle(project, tiny_bundle, styles=rotated(styles_of(tiny_bundle)))
    registered = register_candidate(project, 0.01)
    assert registered["alias"] == "challenger"
    assert "could not be compared with the champion, version 1: " in registered["reasons"][0]
    assert "`archstyle promote 2`" in registered["reasons"][-1]
    with pytest.raises(ArchstyleError):
        promote("1")
    promote("2")
    assert number_of_the_champion() == "2"


def test_other_styles_are_never_promoted_by_themselves(project: Path, tiny_bundle: Path) -> None:
    known = styles_of(tiny_bundle)
    install_bundle(project, tiny_bundle, styles=("romanesque", *known[1:]))
    register_candidate(project, 0.01)
    install_bundle(project, tiny_bundle)
    registered = register_candidate(project, 0.01)
    assert registered["alias"] == "challenger"
    told = " ".join(registered["reasons"])
    assert "does not know romanesque, which the champion, version 1, does" in told
    assert "`archstyle promote 2`" in told


def test_without_test_photos_nothing_is_promoted(project: Path, tiny_bundle: Path) -> None:
    register_candidate(project, 0.01)
    path = project / "data" / "prepared" / "manifest.csv"
    write_manifest(path, [replace(row, split="train") for row in read_manifest(path)])
    install_bundle(project, tiny_bundle, styles=rotated(styles_of(tiny_bundle)))
    registered = register_candidate(project, 0.01)
    assert registered["alias"] == "challenger" and number_of_the_champion() == "1"
    assert "split.test" in registered["reasons"][0]


def test_the_registered_model_answers_as_an_mlflow_model(
    project: Path, facades: dict[str, bytes]
) -> None:
    register_candidate(project, 0.01)
    import mlflow.pyfunc
    import pandas as pd

    model = mlflow.pyfunc.load_model("models:/archstyle@champion")
    name, photo = next(iter(facades.items()))
    told = model.predict(pd.DataFrame({"photo": [photo, b"no photo"]})).to_dict("records")
    expected = Bundle.load(project / "models" / "bundle").predict(photo)
    assert told[0]["style"] == expected.style and told[0]["error"] is None, name
    assert told[0]["probability"] == pytest.approx(expected.probability)
    assert told[0]["probabilities"] == pytest.approx(expected.probabilities)
    assert told[1]["style"] is None and told[1]["error"]
    # What `mlflow models serve` makes of base64 in its JSON.
    from mlflow.pyfunc.scoring_server import infer_and_parse_data

    body = {"columns": ["photo"], "data": [[base64.b64encode(photo).decode()]]}
    parsed = infer_and_parse_data({"dataframe_split": body}, model.metadata.get_input_schema())
    assert model.predict(parsed)["style"][0] == expected.style


def test_no_model_is_pickled(project: Path) -> None:
    register_candidate(project, 0.01)
    names = {path.suffix for path in (project / "mlartifacts").rglob("*") if path.is_file()}
    assert not names & {".pkl", ".pickle", ".h5", ".keras"}


def test_download_says_what_there_is(project: Path, tmp_path: Path) -> None:
    with pytest.raises(ArchstyleError, match=r"There is no champion in sqlite:.*`make run`"):
        download_bundle("champion", tmp_path)
    register_candidate(project, 0.01)
    with pytest.raises(ArchstyleError, match=r"no version 9 of archstyle .*\(there is: 1\)"):
        download_bundle("models:/archstyle/9", tmp_path)
    with pytest.raises(ArchstyleError, match="is no model"):
        download_bundle("runs:/abc", tmp_path)
    folder = project / "models" / "bundle"
    assert download_bundle(str(folder), tmp_path) == (folder, None)


def test_versions_and_lineage_are_shown(project: Path, tiny_bundle: Path) -> None:
    (project / "dvc.lock").write_text(
        "stages: {train: {outs: [{path: models/bundle, md5: abc.dir}]}}\n", "utf-8"
    )
    run = CliRunner().invoke
    assert "No version of archstyle" in run(archstyle, ["versions"]).output
    registered = register_candidate(project, 0.01)
    install_bundle(project, tiny_bundle, styles=rotated(styles_of(tiny_bundle)))
    register_candidate(project, 0.01)
    newest, oldest = run(archstyle, ["versions"]).output.splitlines()[1:]
    assert newest.split()[:2] == ["2", "challenger"]
    assert "champion" in oldest and "90.0 % (85.0 % to 94.0 %)" in oldest and "photos" in oldest
    lineage = run(archstyle, ["lineage", "champion"])
    assert lineage.exit_code == 0
    for expected in (
        registered["run_id"],
        "dvc.train.models/bundle",
        "abc.dir",
        "train.epochs",
        "became champion",
        "git commit",
    ):
        assert expected in lineage.output
    promoted = run(archstyle, ["promote", "2", "--reason", "just so"])
    assert "Version 2 is champion now, before it was 1" in promoted.output
    assert "Version 1 is champion again" in run(archstyle, ["rollback"]).output
    assert "just so" in run(archstyle, ["lineage", "2"]).output
    missing = run(archstyle, ["promote", "9"])
    assert missing.exit_code == 1
    assert missing.output.startswith("Error: There is no version 9 of archstyle")
