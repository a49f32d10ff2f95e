"""What goes wrong with a registry: changes that fail half way, two at once, stores set up anew."""

import shutil
from pathlib import Path

import pytest

from archstyle.bundle import Bundle
from archstyle.errors import ArchstyleError
from archstyle.registry import promotion
from archstyle.registry.prediction import load_model
from archstyle.registry.promotion import promote, register_candidate, rollback
from archstyle.registry.record import ensure_recorded, mark_recorded
from archstyle.registry.versions import all_versions, champion, changes
from archstyle.tracking.store import MODEL_NAME, connect, prepare_store, tracking_uri
from tests.tracking_project import empty_database, facades, install_bundle, project, rotated

__all__ = ["empty_database", "facades", "project"]


def worse(project: Path, tiny_bundle: Path) -> None:
    styles = Bundle.load(tiny_bundle, verify=False).styles
    install_bundle(project, tiny_bundle, styles=rotated(styles))


def number() -> str | None:
    found = champion()
    return found and found.version


def test_rollback_does_not_go_to_a_version_whose_promotion_failed(
    project: Path, tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    register_candidate(project, 0.01)
    worse(project, tiny_bundle)
    register_candidate(project, 0.01)
    promote("2")

    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    def fail(*_: object) -> None:
        raise MlflowException("the database is locked")

    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, "set_registered_model_alias", fail)
        with pytest.raises(ArchstyleError, match="the database is locked"):
            promote("1")
    assert number() == "2"
    assert [one.version for one in changes() if one.alias == "champion"] == ["1", "2"]
    promote("1")
    assert rollback().version == "2"


def test_a_champion_that_changes_during_the_comparison_is_compared_with(
    project: Path, tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    worse(project, tiny_bundle)
    register_candidate(project, 0.01)
    install_bundle(project, tiny_bundle)
    beside: list[str | None] = []

    def judge(bundle: Path, version: str, found: object, *rest: object) -> object:
        beside.append(getattr(found, "version", None))
        if len(beside) == 1:  # somebody else's register is quicker
            connect().delete_registered_model_alias(MODEL_NAME, "champion")
        return real(bundle, version, found, *rest)

    real = promotion.judge
    monkeypatch.setattr(promotion, "judge", judge)
    register_candidate(project, 0.01)
    assert beside == ["1", None]


def test_a_version_that_was_deleted_in_mlflows_pages_is_recorded_again(project: Path) -> None:
    register_candidate(project, 0.01)
    (project / "reports" / "registered.json").write_text("{}", "utf-8")
    shutil.copytree(Path(__file__).parents[1] / "conf", project / "conf")
    shutil.copy(Path(__file__).parents[1] / "params.yaml", project)
    mark_recorded(project)
    assert not ensure_recorded(project)
    connect().delete_model_version(MODEL_NAME, "1")
    assert ensure_recorded(project)
    assert [one.version for one in all_versions()] == ["2"]
    assert number() == "2"
    assert not ensure_recorded(project)


def test_predict_does_not_answer_with_version_1_of_a_registry_that_was_set_up_anew(
    project: Path, tiny_bundle: Path
) -> None:
    register_candidate(project, 0.01)
    assert load_model(None).card.styles == Bundle.load(tiny_bundle, verify=False).styles
    connect().delete_registered_model(MODEL_NAME)
    worse(project, tiny_bundle)
    (project / "models" / "run.json").write_text('{"run_id": "another"}', "utf-8")
    register_candidate(project, 0.01)
    assert number() == "1"
    expected = rotated(Bundle.load(tiny_bundle, verify=False).styles)
    assert load_model(None).card.styles == expected


@pytest.mark.parametrize("name", ["C#", "50% of them", "é [1] & 'x'"])
def test_a_project_folder_with_any_name_keeps_its_runs_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty_database: Path, name: str
) -> None:
    folder = tmp_path / name
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    shutil.copy(empty_database, folder / "mlflow.db")
    experiment = prepare_store()
    assert prepare_store() == experiment
    run = connect().create_run(experiment)
    connect().log_text(run.info.run_id, "kept", "note.txt")
    assert [path.read_text() for path in folder.rglob("note.txt")] == ["kept"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [name]


@pytest.mark.parametrize("name", ["what?", "a%20b"])
def test_a_folder_that_no_address_can_hold_is_one_sentence_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    folder = tmp_path / name
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with pytest.raises(ArchstyleError, match="rename its folder"):
        prepare_store()
    assert list(tmp_path.rglob("*")) == [folder]


def test_a_relative_store_is_the_main_projects_in_a_temporary_experiment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///mlflow.db")
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.chdir("/")
    assert tracking_uri() == f"sqlite:///{tmp_path}/mlflow.db"
