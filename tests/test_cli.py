import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from archstyle.cli import main
from archstyle.predict.inputs import find_photos
from archstyle.registry import cache as registry_cache
from archstyle.registry.cache import load_model
from tests.tracking_project import clean, empty_database, facades, install_bundle, project, rotated

__all__ = ["empty_database", "facades", "project"]


@pytest.fixture
def album(tmp_path: Path, facades: dict[str, bytes]) -> Path:
    """A folder of photos in folders, with a text file, an empty file and a hidden one."""
    folder = tmp_path / "my album [2024] é"
    for name, data in list(facades.items())[:3]:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    (folder / "notes.txt").write_text("no photo")
    (folder / "empty.jpg").write_bytes(b"")
    (folder / ".hidden.png").write_bytes(b"")
    return folder


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_jsonl_has_the_agreed_keys(album: Path, tiny_bundle: Path) -> None:
    result = run("predict", album, "--model", tiny_bundle, "--format", "jsonl")
    assert result.exit_code == 0
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [Path(line["file"]).name for line in lines] == [
        "empty.jpg",
        "notes.txt",
        "baroque-0.png",
        "baroque-1.png",
        "baroque-2.png",
    ]
    for line in lines[:2]:
        assert set(line) == {"file", "error"} and line["error"]
    for line in lines[2:]:
        keys = ["file", "style", "probability", "answered", "probabilities", "reason"]
        assert list(line) == [*keys, "styles"]
        assert line["styles"] or line["reason"] == "unfamiliar"
        assert line["style"] == max(line["probabilities"], key=line["probabilities"].get)
        assert line["probability"] == line["probabilities"][line["style"]]
        assert sum(line["probabilities"].values()) == pytest.approx(1, abs=1e-3)
        assert line["answered"] is (line["reason"] is None)


def test_the_table_is_for_people(album: Path, tiny_bundle: Path) -> None:
    result = run("predict", album, "--model", tiny_bundle)
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["style", "sure", "file"]
    assert len(lines) == 6
    assert any("notes.txt: " in line for line in lines)


def test_not_sure_is_said(album: Path, tiny_bundle: Path, tmp_path: Path) -> None:
    shy = tmp_path / "shy"
    shutil.copytree(tiny_bundle, shy)
    card = json.loads((shy / "card.json").read_text("utf-8"))
    for changed, said in (
        ({"threshold": 1.1, "distance_threshold": 1e9}, r"\w+ or \w+ +95\.0%"),
        (
            {"threshold": 1.1, "distance_threshold": 1e9, "prediction_sets": None},
            r"not sure \(\w+\)",
        ),
        ({"threshold": 0.0, "distance_threshold": 0.0}, r"unfamiliar +\d"),
    ):
        (shy / "card.json").write_text(json.dumps({**card, **changed}), "utf-8")
        assert re.search(said, run("predict", album, "--model", shy).stdout)


def test_a_missing_file_is_an_error_of_that_file_only(album: Path, tiny_bundle: Path) -> None:
    result = run("predict", "gone.jpg", album, "--model", tiny_bundle, "--format", "jsonl")
    assert result.exit_code == 0
    first = json.loads(result.stdout.splitlines()[0])
    assert set(first) == {"file", "error"} and first["file"] == "gone.jpg"


@pytest.mark.parametrize("name", ["notes.txt", "nowhere", "."])
def test_nothing_readable_is_a_failure(
    name: str, album: Path, tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.chdir(empty)
    result = run("predict", album / name if name == "notes.txt" else name, "--model", tiny_bundle)
    assert result.exit_code == 1
    assert "Error: Nothing could be read" in result.stderr


def test_files_of_a_folder_are_sorted_and_links_in_a_ring_end(tmp_path: Path) -> None:
    for name in ("b.jpg", "a.jpg", ".git/c.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "ring").symlink_to(tmp_path)
    assert [Path(name).name for name, _ in find_photos([str(tmp_path)])] == ["a.jpg", "b.jpg"]


def test_what_may_not_be_looked_at_does_not_end_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        (tmp_path / name).touch()
    stat = os.stat

    def refuse(path: object, **options: bool) -> os.stat_result:
        if str(path).endswith("b.jpg"):
            raise PermissionError(13, "Permission denied", str(path))
        return stat(str(path), **options)

    monkeypatch.setattr(os, "stat", refuse)
    for given in (tmp_path, tmp_path / "**"):
        names = [Path(name).name for name, _ in find_photos([str(given)])]
        assert names == ["a.jpg", "b.jpg", "c.jpg"]


def test_a_model_that_is_no_model_is_one_sentence(album: Path) -> None:
    result = run("predict", album, "--model", "runs:/1/model")
    assert result.exit_code == 1
    assert "is no model: give a bundle's folder" in result.stderr


def test_without_a_champion_it_says_what_to_do(
    album: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clean(monkeypatch, tmp_path)
    result = run("predict", album)
    assert result.exit_code == 1
    assert "after `make run`" in result.stderr
    assert not (tmp_path / "mlflow.db").exists()


def test_the_champion_answers_and_promotion_is_seen(
    album: Path, project: Path, tiny_bundle: Path
) -> None:
    from archstyle.registry.promotion import promote, register_candidate

    register_candidate(project, 0.01)
    assert run("predict", album, "--format", "jsonl").exit_code == 0
    styles = load_model(None).styles
    install_bundle(project, tiny_bundle, styles=rotated(styles))
    register_candidate(project, 0.01)
    assert load_model(None).styles == styles
    promote("2")
    assert load_model(None).styles == rotated(styles)
    assert load_model("models:/archstyle/1").styles == styles
    told = run("card").stdout
    assert "**Version:** version 2" in told
    assert re.search(r"\| 20[-\d]+ [:\d]+ \| 2 \| a person chose it \|\n\| 20.* \| 1 \|", told)


def test_a_lost_registry_leaves_the_cached_champion(
    album: Path, project: Path, tiny_bundle: Path
) -> None:
    registry_cache.install(tiny_bundle, "4", "run")
    (project / "mlflow.db").unlink()
    result = run("predict", album)
    assert result.exit_code == 0
    assert "Answering with version 4 from the cache." in result.stderr


def test_neither_mlflow_nor_tensorflow_is_imported(album: Path, tiny_bundle: Path) -> None:
    code = (
        "import sys; from archstyle.cli import main\n"
        "try: main()\n"
        "finally: print(*{'mlflow', 'tensorflow', 'keras', 'hydra'} & set(sys.modules), "
        "file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "predict", album, "--model", tiny_bundle],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr.splitlines()[-1].strip() == ""


def test_a_reader_that_goes_away_is_no_traceback(album: Path, tiny_bundle: Path) -> None:
    arguments = ["predict", str(album), "--model", str(tiny_bundle)]
    command = [sys.executable, "-m", "archstyle.cli", *arguments]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    told = process.stderr.read()
    process.stderr.close()
    assert process.wait() == 1
    assert "Traceback" not in told


def test_help_names_every_command() -> None:
    shown = run("--help").stdout
    for command in ("predict", "versions", "promote", "rollback", "lineage", "record"):
        assert command in shown
