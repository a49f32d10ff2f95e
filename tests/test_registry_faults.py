"""What goes wrong with a registry: changes that fail half way, two at once, stores set up anew."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from archstyle.bundle import Bundle, Card
from archstyle.bundle.bundle import read_seen, write_seen
from archstyle.common.files import read_json, write_json
from archstyle.data.manifest import Row, learned, never_learned, read_manifest
from archstyle.errors import ArchstyleError
from archstyle.metrics.paired import Decision
from archstyle.registry import gate
from archstyle.registry.cache import current, load_model
from archstyle.registry.portable import verify
from archstyle.registry.promotion import (
    REFERENCE,
    make_champion,
    promote,
    register_candidate,
    rollback,
    set_alias,
)
from archstyle.registry.record import ensure_recorded, mark_recorded
from archstyle.registry.versions import (
    Version,
    all_versions,
    champion,
    changes,
    registered_model,
    version_named,
    versions_table,
)
from archstyle.tracking.store import MODEL_NAME, connect, prepare_store, tracking_uri
from tests.serving_project import altered
from tests.tracking_project import empty_database, facades, install_bundle, project, rotated

__all__ = ["empty_database", "facades", "project"]


def worse(project: Path, tiny_bundle: Path) -> None:
    styles = Bundle.load(tiny_bundle, verify=False).styles
    install_bundle(project, tiny_bundle, styles=rotated(styles))


def number() -> str | None:
    found = champion()
    return found.version if found else None


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


WRITES = (
    "set_registered_model_tag",
    "set_registered_model_alias",
    "update_registered_model",
    "delete_registered_model",
    "update_model_version",
    "log_text",
    "set_terminated",
)


@pytest.mark.parametrize("write", WRITES)
def test_a_register_that_ended_at_any_write_ends_as_if_nothing_had_been(
    project: Path, monkeypatch: pytest.MonkeyPatch, write: str
) -> None:
    from mlflow import MlflowClient

    monkeypatch.setattr("archstyle.registry.lock.STALE_SECONDS", 0.3)  # this process lives on

    def end(*_: object) -> None:
        raise SystemExit("killed")

    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, write, end)
        with pytest.raises(SystemExit):
            register_candidate(project, 0.01)
    told = register_candidate(project, 0.01)
    known = ("version", "alias", "decision", "reasons", "looks")
    assert [told[key] for key in known] == [
        *("1", "champion", "promoted", ["There was no champion yet."]),
        1,
    ]
    assert number() == registered_model()[0][REFERENCE] == "1"
    assert [one.version for one in changes()] == ["1"]
    assert connect().get_run(told["run_id"]).info.status == "FINISHED"


def test_a_champion_that_changes_during_the_comparison_is_compared_with(
    project: Path, tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    worse(project, tiny_bundle)
    register_candidate(project, 0.01)
    install_bundle(project, tiny_bundle)
    beside: list[str | None] = []

    def judge(bundle: Path, version: str, found: dict[str, Version], *rest: Any) -> Decision:
        beside.append(found["champion"].version if found else None)
        if len(beside) == 1:  # somebody else's register is quicker
            connect().delete_registered_model_alias(MODEL_NAME, "champion")
        return gate.judge(bundle, version, found, *rest)

    monkeypatch.setattr("archstyle.registry.promotion.judge", judge)
    register_candidate(project, 0.01)
    assert beside == ["1", None]


def test_a_challenger_that_came_meanwhile_stays_one(project: Path) -> None:
    register_candidate(project, 0.01)
    configured(project, seed=2)
    register_candidate(project, 0.01)
    connect().set_registered_model_alias(MODEL_NAME, "challenger", "2")
    before = version_named("2")
    connect().set_registered_model_alias(MODEL_NAME, "challenger", "1")
    make_champion(before, "promote", ["By hand."])
    assert registered_model()[1] == {"champion": "2", "challenger": "1"}


def test_a_rollback_does_not_depose_a_champion_that_nobody_saw(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed in (1, 2, 3):
        configured(project, seed=seed)
        register_candidate(project, 0.01)
    promote("2")
    load = Bundle.load

    def meanwhile(*arguments: Any, **named: Any) -> Bundle:
        connect().set_registered_model_alias(MODEL_NAME, "champion", "3")
        return load(*arguments, **named)

    monkeypatch.setattr(Bundle, "load", meanwhile)
    with pytest.raises(ArchstyleError, match="Version 3 became champion meanwhile"):
        rollback()
    assert number() == "3"


def test_a_folder_called_as_a_version_is_not_taken_for_it(
    project: Path, tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    register_candidate(project, 0.01)
    altered(tiny_bundle, project / "1", name="no version")
    shutil.copytree(project / "1", project / "champion")
    promote("1", "Again.")
    assert load_model(None).card.name == "tiny"
    shutil.rmtree(project / "cache")
    assert load_model(None).card.name == "tiny"
    assert "files are as registered" in verify("1")


def test_predict_asks_again_where_the_champion_changed_while_it_was_brought(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed in (1, 2):
        configured(project, seed=seed)
        register_candidate(project, 0.01)
    promote("1")
    shutil.rmtree(project / "cache")
    load = Bundle.load

    def meanwhile(*arguments: Any, **named: Any) -> Bundle:
        connect().set_registered_model_alias(MODEL_NAME, "champion", "2")
        return load(*arguments, **named)

    with monkeypatch.context() as patch:
        patch.setattr(Bundle, "load", meanwhile)
        load_model(None)
    load_model(None)
    cached = current()
    assert cached and cached.version == "2"


def test_a_cached_champion_that_was_damaged_is_brought_again(project: Path) -> None:
    register_candidate(project, 0.01)
    load_model(None)
    cached = current()
    assert cached
    (cached.path / "model.tflite").write_bytes(b"cut")
    assert load_model(None).card.name == "tiny"


def test_the_description_has_the_changes_that_postgresql_takes(project: Path) -> None:
    register_candidate(project, 0.01)
    for version in range(2, 12):
        connect().create_model_version(MODEL_NAME, str(project))
        set_alias("champion", str(version), "promote", ["A reason of a thousand signs. " * 33])
    told = connect().get_registered_model(MODEL_NAME).description
    assert 3000 < len(told) <= 5000 and "| 11 |" in told
    assert len(changes()) == 11


def test_no_password_of_an_address_is_shown(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    address = "postgresql://ada:secret@db.example/runs?password=secret"
    monkeypatch.setattr("archstyle.registry.versions.tracking_uri", lambda: address)
    prepare_store()
    told = versions_table()
    for name in ("champion", "3"):
        with pytest.raises(ArchstyleError) as error:
            version_named(name)
        told += str(error.value)
    assert told.count("db.example") == 3 and "secret" not in told


def configured(project: Path, **changes: Any) -> None:
    path = project / "models/bundle/card.json"
    card = Card.from_dict(read_json(path))
    write_json(path, replace(card, config={**card.config, **changes}).as_dict())


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"data": {"limit": 50}}, "quick look: it was trained with data.limit=50"),
        ({"train": {"epochs": 1}}, "cut short: 1 epochs"),
    ],
)
def test_a_quick_look_does_not_depose_the_champion(
    project: Path, tiny_bundle: Path, changes: dict[str, Any], said: str
) -> None:
    worse(project, tiny_bundle)
    register_candidate(project, 0.01)
    install_bundle(project, tiny_bundle)
    configured(project, **changes)
    registered = register_candidate(project, 0.01)
    assert registered["alias"] == "challenger" and number() == "1"
    assert said in registered["reasons"][0]


def test_photos_that_the_champion_learned_from_do_not_count(
    project: Path, tiny_bundle: Path
) -> None:
    manifest = read_manifest(project / "data/prepared/manifest.csv")
    write_seen(project / "models/bundle", [row.sha256 for row in manifest])
    register_candidate(project, 0.01)
    install_bundle(project, tiny_bundle)
    registered = register_candidate(project, 0.01)
    assert registered["alias"] == "challenger" and number() == "1"
    assert "only 0 test photos are new to both" in registered["reasons"][0]


def test_a_champion_of_other_data_of_which_nothing_is_known_stays(
    project: Path, tiny_bundle: Path
) -> None:
    path = project / "models/bundle/card.json"
    write_json(path, {**read_json(path), "data_digest": "other"})
    register_candidate(project, 0.01)
    install_bundle(project, tiny_bundle)
    registered = register_candidate(project, 0.01)
    assert registered["alias"] == "challenger" and number() == "1"
    assert "nobody noted which photos that was trained on" in registered["reasons"][0]


def test_a_duplicate_of_what_was_learned_is_no_test_photo(tmp_path: Path) -> None:
    def row(name: str, group: str, split: str, status: str = "used") -> Row:
        return Row(name, "gothic", name * 64, "", group, split, status, "")

    before = [row("a", "1", "train"), row("b", "1", "", "duplicate"), row("c", "2", "validation")]
    write_seen(tmp_path, learned([*before, row("d", "3", "test")]))
    seen = read_seen(tmp_path)
    assert seen is not None and len(seen) == 3
    now = [row("b", "9", "", "duplicate"), row("e", "9", "test"), row("d", "3", "test")]
    assert [one.file for one in never_learned(now, seen)] == ["d"]


def test_more_styles_are_judged_by_the_styles_that_both_know(project: Path) -> None:
    mine, theirs = (Bundle.load(project / "models/bundle", verify=False) for _ in range(2))
    theirs.styles = theirs.styles[1:]
    assert not gate._refusal(mine, theirs, "the champion")
    assert "does not know" in gate._refusal(theirs, mine, "the champion")
    rows = gate._fair_rows(project, mine, theirs, "the champion")
    assert rows and {one.style for one in rows} <= set(theirs.styles)
    assert f"also knows {mine.styles[0]}" in gate._told(mine, theirs, rows)[0]


def test_the_best_champion_there_was_stays_the_measure(
    project: Path, tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    register_candidate(project, 0.01)
    install_bundle(project, tiny_bundle)
    configured(project, seed=2)
    beside: list[list[str]] = []

    def judge(bundle: Path, version: str, found: dict[str, Version], *rest: Any) -> Decision:
        beside.append([one.version for one in found.values()])
        # Not worse than the champion, and not shown to be better than the reference either.
        return replace(gate.judge(bundle, version, found, *rest), alias="champion")

    monkeypatch.setattr("archstyle.registry.promotion.judge", judge)
    assert register_candidate(project, 0.01)["looks"] == 2
    configured(project, seed=3)
    assert register_candidate(project, 0.01)["looks"] == 3
    assert number() == "3"
    # Registered again, as after a change of its own parameter, it proves nothing new.
    assert register_candidate(project, 0.01)["decision"] == "promoted"
    assert beside == [["1"], ["2", "1"]]
    assert registered_model()[0][REFERENCE] == "1"
    promote("2")  # a person's decision is the new measure
    configured(project, seed=4)
    register_candidate(project, 0.01)
    assert beside[-1] == ["2"]


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
